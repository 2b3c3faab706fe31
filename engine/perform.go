package engine

import (
	"context"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
)

// announce returns the intent of an effect, or what stops it.
func (e *Engine) announce(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	switch task.Step {
	case rotation.Generate:
		return e.announceGenerate(ctx, r, task)
	case rotation.Publish:
		return e.announcePublish(ctx, r, task)
	}
	ev := e.event(rotation.Intent, task)
	ev.Attempt = r.Failures(task) + 1
	return []rotation.Event{ev}
}

// perform does one task and returns its outcome and what follows.
func (e *Engine) perform(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	switch task.Step {
	case rotation.Preflight:
		return e.preflight(ctx, r, task)
	case rotation.Approve, rotation.Ask:
		return e.askPerson(r, task)
	case rotation.Await:
		return e.await(ctx, r, task)
	case rotation.Reshape:
		return e.reshape(ctx, r, task)
	case rotation.Hold:
		return e.hold(ctx, r, task, true)
	case rotation.Release:
		return e.hold(ctx, r, task, false)
	case rotation.Generate:
		return e.generate(ctx, r, task)
	case rotation.Publish, rotation.Deploy:
		if r.Kind == rotation.KindRotation {
			return e.leave(ctx, r, task)
		}
	case rotation.Verify:
		return e.verify(ctx, r, task)
	case rotation.Monitor:
		return e.monitor(ctx, r, task)
	case rotation.Recheck:
		return e.recheck(ctx, r, task)
	case rotation.Finish:
		return e.finish(r, task)
	}
	return e.performRetirement(ctx, r, task)
}

func (e *Engine) performRetirement(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if g, ok := r.known.Get(r.Generation); ok && g.Life == rotation.Current && !seeded.Bug("retire-the-current") {
		end := e.event(rotation.Closing, task)
		end.Status, end.Note = rotation.Abandoned, "this generation is the current one again"
		return []rotation.Event{end}
	}
	if task.Step == rotation.Publish || task.Step == rotation.Deploy {
		if busy, err := e.beingRotated(ctx, r); err != nil || busy {
			return e.leaveLater(r, task, err)
		}
		return e.leave(ctx, r, task)
	}
	switch task.Step {
	case rotation.Grace:
		return e.grace(ctx, r, task)
	case rotation.Evidence:
		return e.evidence(ctx, r, task)
	case rotation.Revoke:
		return e.revoke(ctx, r, task)
	case rotation.Prove:
		return e.prove(ctx, r, task)
	case rotation.Sweep:
		return e.sweep(ctx, r, task)
	case rotation.Erase:
		return e.erase(ctx, r, task)
	}
	return e.failed(r, task, badState("no such step: %s", task.Step))
}

func (e *Engine) leave(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if task.Step == rotation.Publish {
		return e.publish(ctx, r, task)
	}
	return e.deploy(ctx, r, task)
}

// beingRotated says whether a rotation of the credential is between its first
// effect and its end: acceptors hold its value, and a retirement that writes what
// is current now would take it away.
func (e *Engine) beingRotated(ctx context.Context, r *run) (bool, error) {
	for _, x := range r.known.OpenOf(rotation.KindRotation) {
		other, err := e.open(ctx, x.ID)
		if err != nil {
			return false, err
		}
		generate := rotation.Action{Step: rotation.Generate, Phase: rotation.Accept}
		if x.Reverse || len(other.Begun(generate)) > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (e *Engine) leaveLater(r *run, task rotation.Task, err error) []rotation.Event {
	if err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.pause(task, awaitEvery, "a rotation of this credential is under way")}
}
