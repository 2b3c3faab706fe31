package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
)

// evidence decides whether anybody may still present the old value: units that
// can be confirmed are, and the provider's own record of use is silent.
func (e *Engine) evidence(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	facts := &rotation.Facts{}
	for _, p := range r.cred.places(rotation.Accept) {
		facts.Paths = append(facts.Paths, rotation.Path{Phase: rotation.Retire, Name: p.Name})
	}
	units, err := r.acceptorUnits(ctx)
	if err != nil {
		return e.failed(r, task, err)
	}
	facts.Units = units
	if r.Mode == rotation.Emergency && !r.Undone || r.Ordered(rotation.OrderRetire, rotation.Action{}) {
		return []rotation.Event{e.ok(task, facts, "not asked for")}
	}
	still, known, seen, err := e.stillUsed(ctx, r)
	if err != nil {
		return e.failed(r, task, err)
	}
	facts.InUse = seen.who
	if len(still) == 0 && known || seeded.Bug("revoke-without-evidence") {
		return []rotation.Event{e.ok(task, facts, "")}
	}
	if seen.silence > 0 {
		return []rotation.Event{e.pause(task, seen.silence, "not unused for long enough: "+strings.Join(still, ", "))}
	}
	return e.lacking(r, task, facts, still)
}

// lacking waits for evidence until the bound, then does what the policy says. What
// is held is looked at again when a person resumes it.
func (e *Engine) lacking(r *run, task rotation.Task, facts *rotation.Facts, still []string) []rotation.Event {
	why := "nobody can tell whether the old value is still in use"
	if len(still) > 0 {
		why = "still in use: " + strings.Join(still, ", ")
	}
	since := e.Now()
	if first, ok := r.firstPause(task, since.BootID); ok {
		since = first.At
	}
	left := rotation.Wait{Since: since, For: r.Bound}.Left(e.Now())
	if left > 0 {
		ev := e.pause(task, min(left, max(r.Bound/20, time.Second)), why)
		ev.Facts = &rotation.Facts{InUse: facts.InUse}
		return []rotation.Event{ev}
	}
	if r.AtBound == "revoke" && !r.Undone {
		return []rotation.Event{e.ok(task, facts, "at-bound revoke: "+why)}
	}
	ev := e.stop(task, rotation.Asking,
		fmt.Sprintf("%s; look again with: rotor resume %s; end it all the same with: rotor set %s --retire %d", why, r.Credential, r.Credential, r.Generation))
	ev.Facts = &rotation.Facts{InUse: facts.InUse}
	return []rotation.Event{ev}
}

// firstPause is the first in this boot: after a reboot the bound begins again,
// because only the boot clock cannot be set.
func (r *run) firstPause(task rotation.Task, boot string) (rotation.Event, bool) {
	for _, ev := range r.Events {
		if ev.Type == rotation.Pause && ev.Action == task.Action && ev.At.BootID == boot {
			return ev, true
		}
	}
	return rotation.Event{}, false
}

// acceptorUnits lists the acceptors' units to deploy once the old value has
// left their targets.
func (r *run) acceptorUnits(ctx context.Context) ([]rotation.Unit, error) {
	var out []rotation.Unit
	for _, c := range r.cred.presenters(rotation.Retire) {
		names, err := c.Units(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			out = append(out, rotation.Unit{Phase: rotation.Retire, Name: c.Name + "/" + n})
		}
	}
	return out, nil
}

// stillUsed lists who uses the old value as far as anybody can tell; known says
// whether anybody could; seen is who was seen just now.
func (e *Engine) stillUsed(ctx context.Context, r *run) (still []string, known bool, seen sighting, err error) {
	if r.Live.NoIssuer || len(r.State.Record.Units) == 0 {
		known = true // nobody refuses it, or nobody presents it by Rotor's doing
	}
	units, proven, err := e.unitsStill(ctx, r)
	if err != nil {
		return nil, false, seen, err
	}
	if seen, err = e.inUse(ctx, r); err != nil {
		return nil, false, seen, err
	}
	still = append(units, seen.who...)
	if seen.known && !proven && len(still) == 0 {
		var when string
		if when, seen.silence = e.notYetSilent(ctx, r, seen); when != "" {
			still = []string{when}
		}
	}
	return still, known || proven || seen.known, seen, nil
}

// unitsStill confirms every unit of the consumers with the living generation.
func (e *Engine) unitsStill(ctx context.Context, r *run) (still []string, proven bool, err error) {
	if len(r.cred.Consumers) == 0 {
		return nil, false, nil
	}
	values, err := e.values(ctx, r, r.successor())
	if err != nil || len(values) == 0 {
		return nil, false, err
	}
	g, _ := r.known.Get(r.successor())
	change := consumer.Change{Credential: r.Credential, Generation: g.N, Fingerprint: g.Fingerprint}
	if change.Values, err = render(r.cred.Targets, values, nil); err != nil {
		return nil, false, err
	}
	for _, c := range r.cred.Consumers {
		names, err := c.Units(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, n := range names {
			proof, err := c.Confirm(ctx, n, change)
			if err != nil {
				return nil, false, err
			}
			proven = proven || proof == consumer.Proven
			if proof == consumer.NotYet {
				still = append(still, c.Name+"/"+n)
			}
		}
	}
	return still, proven, nil
}
