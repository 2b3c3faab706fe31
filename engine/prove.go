package engine

import (
	"context"
	"fmt"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/store"
)

// prove tries the old value until the provider positively refuses it. Only then
// is the generation dead; what cannot be tried is called replaced, not dead.
func (e *Engine) prove(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	g, _ := r.known.Get(r.Generation)
	if other, ok := r.twin(g); ok {
		return []rotation.Event{e.dead(task, g, fmt.Sprintf("the same value as generation %d", other.N))}
	}
	v, err := e.issued(ctx, r, r.Generation)
	if err != nil {
		return e.failed(r, task, err)
	}
	p, ok := provider.As[provider.Prober](r.cred.Provider)
	if !ok || len(v.Values) == 0 {
		return []rotation.Event{e.dead(task, g, DeadReplaced)}
	}
	live, err := p.Probe(ctx, v)
	if seeded.Bug("error-is-proof") && err != nil {
		live = provider.Refused
	}
	switch live {
	case provider.Refused, provider.Expired:
		return []rotation.Event{e.dead(task, g, DeadProven)}
	case provider.Alive, provider.Restricted:
		if wait, early := e.settling(r, task, r.revokedAt()); early {
			return []rotation.Event{wait}
		}
		// Transient: a provider may be slower than it says; then a person is told
		err = fault.New(fault.Transient, "generation %d still works at %s", r.Generation, r.cred.Provider.Traits().Name).
			WithHint("%s", r.endedByHand(g))
	default:
		switch {
		case r.Ordered(rotation.OrderRetire, task.Action): // by who knows better than an answer that proves nothing
			return []rotation.Event{e.dead(task, g, DeadReplaced)}
		case err == nil:
			err = fault.New(fault.Unknown, "%s gave no clear answer about generation %d", r.cred.Provider.Traits().Name, r.Generation)
		case fault.KindOf(err) != fault.Transient && fault.KindOf(err) != fault.Unknown: // by somebody in between
			err = fault.Wrap(fault.KindOf(err), "refused, and nobody can prove by whom", err)
		}
		err = r.orRetire("prove", err)
	}
	return e.failed(r, task, err)
}

// endedByHand says what a person can do about an old value that goes on working.
func (r *run) endedByHand(g rotation.Generation) string {
	const words = "end it at the provider by hand; an old value that still works is a failure"
	guide, ok := provider.As[provider.Guide](r.cred.Provider)
	if !ok || !r.Live.Lingers {
		return words
	}
	return guide.Instructions(rotation.Revoke, provider.Request{Label: g.Label, Generation: g.N, Current: g.Handle}) +
		"\nWhen it is done: rotor resume " + r.Credential
}

func (r *run) revokedAt() rotation.Instant {
	ev, ok := r.Did(rotation.Task{Action: rotation.Action{Step: rotation.Revoke, Phase: rotation.Retire}})
	if !ok {
		return r.Created
	}
	return ev.At
}

func (e *Engine) dead(task rotation.Task, g rotation.Generation, proof string) rotation.Event {
	ev := e.ok(task, nil, proof)
	g.Life, g.Ended, g.Proof = rotation.Dead, ev.At.Wall, proof
	ev.Generations = []rotation.Generation{g}
	return ev
}

// sweep looks once more for values of this generation that nobody knows: a
// request whose answer was lost may have taken effect late.
func (e *Engine) sweep(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if !seeks(r.cred.Provider) || seeded.Bug("forget-sweep") {
		return []rotation.Event{e.ok(task, nil, "")}
	}
	if _, unnamed := provider.As[provider.Lister](r.cred.Provider); unnamed && r.Kind == rotation.KindRetirement {
		if busy, err := e.beingRotated(ctx, r); err != nil || busy {
			return e.leaveLater(r, task, err) // a value that is just being made looks like a stray
		}
	}
	if r.Ordered(rotation.OrderApprove, task.Action) || r.Ordered(rotation.OrderRetire, task.Action) {
		return []rotation.Event{e.ok(task, nil, "a person says that what is there is not ours")}
	}
	if err := e.removeStrays(ctx, r); err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.ok(task, nil, "")}
}

// erase destroys the store's old revisions that held the value.
func (e *Engine) erase(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	var upTo store.Revision
	for _, x := range r.Erase {
		if x.Name == task.Part {
			upTo = store.Revision(x.UpTo)
		}
	}
	left, ok := r.Did(rotation.Task{Action: rotation.Action{Step: rotation.Publish, Phase: rotation.Retire}, Part: task.Part})
	if ok && left.Facts != nil && left.Facts.Before != "" {
		upTo = store.Revision(left.Facts.Before) // the last one that held it
	}
	targets := append(r.cred.at(rotation.Switch, task.Part), r.cred.at(rotation.Accept, task.Part)...)
	if len(targets) == 0 {
		return []rotation.Event{e.ok(task, nil, "the path is no longer in rotor.yaml")}
	}
	eraser, ok := targets[0].Store.(store.Eraser)
	if !ok || upTo == "" || !targets[0].Store.Traits().Versions {
		return []rotation.Event{e.ok(task, nil, "the store keeps no revisions")}
	}
	if err := eraser.Erase(ctx, targets[0].Path, upTo); err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.ok(task, nil, "")}
}
