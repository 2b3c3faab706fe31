// Package consumertest is the exam of the consumer room: Run asks an
// implementation everything that the engine relies on, against a world that the
// implementation's test sets up for real.
//
// What surprises: the exam never believes the consumer. What a unit runs with is
// asked of World.Running, which must look behind the consumer's back.
package consumertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// World is a system that runs with Before. Each trial gets one of its own.
type World struct {
	// Open builds the consumer anew, as another process would after a crash.
	Open func() (consumer.Consumer, error)
	// Before runs at the start; After is rotated in; Bad, if not nil, is a value
	// with which a unit does not come up. All have the same keys.
	Before, After, Bad secret.Set
	// Publish puts values where the consumer itself reads them; nil if Deploy
	// gets all it needs in the Change.
	Publish func(secret.Set) error
	// Running says what a unit really runs with: at least the keys of Before.
	Running func(unit string) (secret.Set, error)
	// Witness describes everything that looking must not change: process ids,
	// start times, files.
	Witness func() (string, error)
	// Blind: Confirm has no way to tell and always says so.
	Blind bool
	// Break makes deployment impossible for a reason that is not the value: no
	// engine, no program. Nil if that cannot be.
	Break func() error
}

// Run is the exam. setup is called once for each trial.
func Run(t *testing.T, setup func(t testing.TB) World) {
	for _, tr := range trials {
		t.Run(tr.name, func(t *testing.T) {
			w := setup(t)
			if tr.needs != nil && !tr.needs(w) {
				t.Skip("does not apply to this consumer")
			}
			for _, p := range examine(t.Context(), w, tr) {
				t.Error(p)
			}
		})
	}
}

// examine runs one trial and returns what is wrong.
func examine(ctx context.Context, w World, tr trial) []string {
	x := &exam{ctx: ctx, World: w}
	tr.run(x)
	return x.problems
}

type exam struct {
	World
	ctx      context.Context
	problems []string
}

func (x *exam) wrong(format string, args ...any) {
	x.problems = append(x.problems, fmt.Sprintf(format, args...))
}

// open builds the consumer and looks whether it prints values.
func (x *exam) open() consumer.Consumer {
	c, err := x.Open()
	if err != nil {
		x.saw(err)
		x.wrong("the consumer cannot be built: %v", err)
		return broken{err}
	}
	x.text("the consumer, printed,", fmt.Sprintf("%v %+v %#v", c, c, c))
	return c
}

// broken stands in for a consumer that could not be built.
type broken struct{ err error }

func (b broken) Units(context.Context) ([]string, error)               { return nil, b.err }
func (b broken) Deploy(context.Context, string, consumer.Change) error { return b.err }
func (b broken) Confirm(context.Context, string, consumer.Change) (consumer.Proof, error) {
	return consumer.CannotTell, b.err
}

// saw looks into an error for values.
func (x *exam) saw(err error) {
	if err != nil {
		x.text("the error", fmt.Sprintf("%v %+v %s", err, err, fault.HintOf(err)))
	}
}

func (x *exam) text(what, text string) {
	for _, set := range []secret.Set{x.Before, x.After, x.Bad} {
		for _, v := range set.Secrets() {
			if slices.ContainsFunc(secret.Encodings(v), func(form string) bool { return strings.Contains(text, form) }) {
				x.wrong("%s holds a value", what)
				return
			}
		}
	}
}

func (x *exam) units(c consumer.Consumer) []string {
	units, err := c.Units(x.ctx)
	x.saw(err)
	if err != nil {
		x.wrong("Units: %v", err)
	}
	if len(units) == 0 {
		x.wrong("Units lists nothing: a consumer without parts cannot be confirmed")
	}
	return units
}

func (x *exam) publish(set secret.Set) {
	if x.Publish == nil {
		return
	}
	if err := x.Publish(set); err != nil {
		x.wrong("the world cannot publish: %v", err)
	}
}

func (x *exam) deploy(c consumer.Consumer, unit string, ch consumer.Change) error {
	err := c.Deploy(x.ctx, unit, ch)
	x.saw(err)
	return err
}

func (x *exam) confirm(c consumer.Consumer, unit string, ch consumer.Change) (consumer.Proof, error) {
	proof, err := c.Confirm(x.ctx, unit, ch)
	x.saw(err)
	switch proof {
	case consumer.Proven, consumer.NotYet, consumer.CannotTell:
	default:
		if err == nil {
			x.wrong("Confirm(%s) says %q, which is none of the three answers", unit, proof)
		}
	}
	if err != nil && proof == consumer.Proven {
		x.wrong("Confirm(%s) says proven together with an error", unit)
	}
	return proof, err
}

// runs looks whether unit really runs with want.
func (x *exam) runs(unit string, want secret.Set) bool {
	got, err := x.Running(unit)
	if err != nil {
		return false
	}
	for k, v := range want {
		if g, ok := got[k]; !ok || !g.Equal(v) {
			return false
		}
	}
	return true
}

func (x *exam) witness() string {
	text, err := x.Witness()
	if err != nil {
		x.wrong("the world has no witness: %v", err)
	}
	return text
}

// forward is the change that is rotated in, back the one that undoes it.
func (x *exam) forward() consumer.Change { return change(2, x.After, x.Before) }
func (x *exam) back() consumer.Change    { return change(1, x.Before, x.After) }

func change(generation int, values, old secret.Set) consumer.Change {
	return consumer.Change{Credential: "exam", Generation: generation, Values: values.Clone(), Old: old.Clone(),
		Fingerprint: fmt.Sprintf("f%07d", generation)}
}
