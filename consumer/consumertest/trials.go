package consumertest

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
)

type trial struct {
	name  string
	run   func(*exam)
	needs func(World) bool
}

var trials = []trial{
	{name: "units are named well and stay the same", run: unitsAreStable},
	{name: "looking changes nothing", run: lookingChangesNothing},
	{name: "nothing is proven before it is deployed", run: notProvenBefore},
	{name: "deploy takes effect, unit by unit", run: deployTakesEffect},
	{name: "deploy again in another process is harmless", run: againIsHarmless},
	{name: "a change can be taken back", run: canBeTakenBack},
	{name: "a value that does not come up is rejected", run: badIsRejected, needs: func(w World) bool { return w.Bad != nil }},
	{name: "an ended context is no success", run: endedContext},
	{name: "a broken world is no fault of the value", run: brokenWorld, needs: func(w World) bool { return w.Break != nil }},
	{name: "an unknown unit is refused", run: unknownUnit},
}

func unitsAreStable(x *exam) {
	first := x.units(x.open())
	if again := x.units(x.open()); !slices.Equal(first, again) {
		x.wrong("Units gives %q and then %q although nothing was deployed", first, again)
	}
	seen := map[string]bool{}
	for _, u := range first {
		if u == "" || seen[u] || strings.ContainsFunc(u, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
			x.wrong("unit %q: empty, twice there, or with white space", u)
		}
		seen[u] = true
		x.text("a unit's name", u)
	}
}

func lookingChangesNothing(x *exam) {
	before := x.witness()
	c := x.open()
	units := x.units(c)
	if p, ok := c.(consumer.Preflighter); ok {
		err := p.Preflight(x.ctx)
		x.saw(err)
		if err != nil {
			x.wrong("Preflight of a healthy system: %v", err)
		}
	}
	if o, ok := c.(consumer.Outage); ok {
		x.text("Outage", o.Outage(x.ctx))
	}
	for _, u := range units {
		_, _ = x.confirm(c, u, x.forward())
		_, _ = x.confirm(c, u, x.back())
	}
	if after := x.witness(); after != before {
		x.wrong("Units, Preflight, Outage or Confirm changed the system:\n%s\nbecame\n%s", before, after)
	}
}

func notProvenBefore(x *exam) {
	c := x.open()
	units := x.units(c)
	x.publish(x.After)
	for _, u := range units {
		proof, err := x.confirm(x.open(), u, x.forward())
		switch {
		case err != nil:
			x.wrong("Confirm(%s) of a healthy unit: %v", u, err)
		case proof == consumer.Proven:
			x.wrong("Confirm(%s) says proven although nothing was deployed", u)
		case proof == consumer.CannotTell && !x.Blind:
			x.wrong("Confirm(%s) cannot tell, though this consumer is not blind", u)
		}
	}
}

func deployTakesEffect(x *exam) {
	c := x.open()
	units := x.units(c)
	x.publish(x.After)
	for i, u := range units {
		if err := x.deploy(c, u, x.forward()); err != nil {
			x.wrong("Deploy(%s): %v", u, err)
			return
		}
		if !x.runs(u, x.After) {
			x.wrong("Deploy(%s) succeeded, but the unit does not run with the new value", u)
		}
		for _, later := range units[i+1:] {
			if !x.runs(later, x.Before) {
				x.wrong("Deploy(%s) changed unit %s too: there is no canary", u, later)
			}
		}
		x.expectConfirmed(u, x.forward())
	}
}

// expectConfirmed asks in a new process.
func (x *exam) expectConfirmed(unit string, ch consumer.Change) {
	want := consumer.Proven
	if x.Blind {
		want = consumer.CannotTell
	}
	if proof, err := x.confirm(x.open(), unit, ch); err != nil || proof != want {
		x.wrong("Confirm(%s) after deploy: %q, %v; expected %q", unit, proof, err, want)
	}
}

func againIsHarmless(x *exam) {
	units := x.units(x.open())
	x.publish(x.After)
	for _, u := range units {
		for range 2 {
			if err := x.deploy(x.open(), u, x.forward()); err != nil {
				x.wrong("Deploy(%s): %v", u, err)
				return
			}
		}
		if !x.runs(u, x.After) {
			x.wrong("Deploy(%s), done twice, leaves the unit without the new value", u)
		}
		x.expectConfirmed(u, x.forward())
	}
}

func canBeTakenBack(x *exam) {
	units := x.units(x.open())
	x.publish(x.After)
	for _, u := range units {
		if err := x.deploy(x.open(), u, x.forward()); err != nil {
			x.wrong("Deploy(%s): %v", u, err)
		}
	}
	x.publish(x.Before)
	for _, u := range units { // the names that were journalled before the change
		if err := x.deploy(x.open(), u, x.back()); err != nil {
			x.wrong("Deploy(%s) of the old value: %v", u, err)
		} else if !x.runs(u, x.Before) {
			x.wrong("Deploy(%s) of the old value succeeded, but the unit does not run with it", u)
		}
		x.expectConfirmed(u, x.back())
	}
}

func badIsRejected(x *exam) {
	unit, bad := first(x.units(x.open())), change(2, x.Bad, x.Before)
	x.publish(x.Bad)
	if err := x.deploy(x.open(), unit, bad); err == nil {
		x.wrong("Deploy(%s) of a value with which the unit does not come up succeeded", unit)
	} else if fault.KindOf(err) != fault.Rejected {
		x.wrong("Deploy(%s) of a value with which the unit does not come up is %v, not rejected: %v", unit, fault.KindOf(err), err)
	}
	if proof, _ := x.confirm(x.open(), unit, bad); proof == consumer.Proven {
		x.wrong("Confirm(%s) says proven for a unit that is not up", unit)
	}
	x.publish(x.Before)
	if err := x.deploy(x.open(), unit, change(1, x.Before, x.Bad)); err != nil {
		x.wrong("Deploy(%s) of the old value after a bad one: %v", unit, err)
	} else if !x.runs(unit, x.Before) {
		x.wrong("Deploy(%s) of the old value after a bad one has no effect", unit)
	}
}

func endedContext(x *exam) {
	c := x.open()
	unit := first(x.units(c))
	x.publish(x.After)
	ctx, cancel := context.WithCancel(x.ctx)
	cancel()
	err := c.Deploy(ctx, unit, x.forward())
	x.saw(err)
	if err == nil && !x.runs(unit, x.After) {
		x.wrong("Deploy(%s) with an ended context says success without effect", unit)
	}
	if k := fault.KindOf(err); err != nil && k != fault.Unknown && k != fault.Transient {
		x.wrong("Deploy(%s) with an ended context is %v: %v", unit, k, err)
	}
	if proof, err := c.Confirm(ctx, unit, x.back()); err == nil && proof == consumer.NotYet && x.runs(unit, x.Before) {
		x.wrong("Confirm(%s) with an ended context claims to know", unit)
	}
}

func brokenWorld(x *exam) {
	c := x.open()
	unit := first(x.units(c))
	x.publish(x.After)
	if err := x.Break(); err != nil {
		x.wrong("the world cannot break: %v", err)
		return
	}
	if p, ok := c.(consumer.Preflighter); ok {
		err := p.Preflight(x.ctx)
		x.saw(err)
		if err == nil {
			x.wrong("Preflight of a broken system is green")
		}
	}
	switch err := x.deploy(c, unit, x.forward()); {
	case err == nil:
		x.wrong("Deploy(%s) in a broken system says success", unit)
	case fault.KindOf(err) == fault.Rejected:
		x.wrong("Deploy(%s) in a broken system blames the value: %v", unit, err)
	}
	if proof, _ := x.confirm(c, unit, x.forward()); proof == consumer.Proven {
		x.wrong("Confirm(%s) in a broken system says proven", unit)
	}
}

func unknownUnit(x *exam) {
	c, before := x.open(), x.witness()
	for _, unit := range []string{"no-such-unit", "", "--help"} {
		if err := x.deploy(c, unit, x.forward()); fault.KindOf(err) != fault.BadConfig || err == nil {
			x.wrong("Deploy(%q), an unknown unit: %v; expected %v", unit, err, fault.BadConfig)
		}
		if proof, err := x.confirm(c, unit, x.forward()); err == nil && proof == consumer.Proven {
			x.wrong("Confirm(%q), an unknown unit, says proven", unit)
		}
	}
	if x.witness() != before {
		x.wrong("an unknown unit changed the system")
	}
}

func first(units []string) string {
	if len(units) == 0 {
		return ""
	}
	return units[0]
}
