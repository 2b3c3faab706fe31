package engine

import (
	"context"
	"strings"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// confirmTries is how often a deployed unit may still be seen with something
// else before it counts as not coming up.
const confirmTries = 5

// deploy makes one unit take what the stores now hold, and confirms it. The
// first unit is the canary: any failure turns the rotation back before the next.
func (e *Engine) deploy(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	c, unit, ok := r.presenter(task)
	if !ok {
		return e.failed(r, task, gone(task.Part))
	}
	change, err := e.change(ctx, r, task)
	if err != nil {
		return e.failed(r, task, err)
	}
	if r.crashed() {
		if proof, err := c.Confirm(ctx, unit, change); err == nil && proof == consumer.Proven {
			return e.deployed(r, task, proof)
		}
	}
	if err := c.Deploy(ctx, unit, change); err != nil {
		return e.failed(r, task, err)
	}
	proof, err := c.Confirm(ctx, unit, change)
	if err != nil {
		return e.failed(r, task, err)
	}
	if proof == consumer.NotYet && !seeded.Bug("trust-the-restart") {
		kind := fault.Transient
		if r.Failures(task)+1 >= confirmTries {
			kind = fault.Rejected
		}
		return e.failed(r, task, fault.New(kind, "%s was deployed but still runs with something else", task.Part))
	}
	return e.deployed(r, task, proof)
}

func (e *Engine) deployed(r *run, task rotation.Task, proof consumer.Proof) []rotation.Event {
	return []rotation.Event{e.ok(task, &rotation.Facts{Proof: string(proof)}, "")}
}

// presenter splits "CONSUMER/UNIT".
func (r *run) presenter(task rotation.Task) (Consumer, string, bool) {
	name, unit, _ := strings.Cut(task.Part, "/")
	for _, c := range r.cred.presenters(task.Phase) {
		if c.Name == name {
			return c, unit, true
		}
	}
	return Consumer{}, "", false
}

// change is what the consumers of a phase must take: the keys and texts of
// every target that the phase has written.
func (e *Engine) change(ctx context.Context, r *run, task rotation.Task) (consumer.Change, error) {
	generation := r.Generation
	switch {
	case task.Phase == rotation.Undo:
		generation = r.From
	case r.Kind == rotation.KindRetirement:
		generation = r.successor()
	}
	g, _ := r.known.Get(generation)
	out := consumer.Change{Credential: r.Credential, Generation: generation, Fingerprint: g.Fingerprint,
		Values: secret.Set{}, Old: secret.Set{}}
	if task.Phase == rotation.Accept {
		var err error
		if out.Fields, err = e.values(ctx, r, generation); err != nil {
			return out, err
		}
	}
	for _, p := range r.cred.places(task.Phase) {
		edit, err := e.edit(ctx, r, task, r.cred.at(task.Phase, p.Name))
		if err != nil {
			return out, err
		}
		for key, v := range edit.Set {
			out.Values[key] = v
		}
		e.before(ctx, r, task, p.Name, edit.Set, out.Old)
	}
	if r.Kind == rotation.KindRetirement {
		old, err := e.leavers(ctx, r)
		out.Old = old.Values // keys that are gone: whoever presents them must be refused
		return out, err
	}
	return out, nil
}

// before fills in what the keys held earlier, where that is known; only advice.
func (e *Engine) before(ctx context.Context, r *run, task rotation.Task, place string, keys, into secret.Set) {
	if r.Kind == rotation.KindRetirement {
		return
	}
	if task.Phase == rotation.Undo {
		if now, err := e.values(ctx, r, r.Generation); err == nil && len(now) > 0 {
			if set, err := render(r.cred.at(task.Phase, place), now, nil); err == nil {
				for key := range keys {
					into[key] = set[key]
				}
			}
		}
		return
	}
	if was, err := e.unseal(ctx, r, r.Generation, beforeSlot(place)); err == nil {
		for key := range keys {
			into[key] = was[key]
		}
	}
}
