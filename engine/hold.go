package engine

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
)

// heldFor is how long consumers stand still while something is tried again: less than
// poolers and applications wait for an answer.
const heldFor = 30 * time.Second

// hold makes every consumer that can stand still do so; release ends it, also
// when nothing is held.
func (e *Engine) hold(ctx context.Context, r *run, task rotation.Task, on bool) []rotation.Event {
	err := error(nil)
	if on {
		err = r.stand(ctx)
	} else {
		err = r.release(ctx)
	}
	if err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.ok(task, nil, "")}
}

func (r *run) holders() (out []consumer.Holder) {
	for _, c := range r.cred.Presenters() {
		if h, ok := c.Consumer.(consumer.Holder); ok {
			out = append(out, h)
		}
	}
	return out
}

func (r *run) stand(ctx context.Context) error {
	for _, h := range r.holders() {
		if err := h.Hold(ctx); err != nil {
			return err
		}
	}
	return nil
}

// release reports the first that could not be let go; it does not keep the others.
func (r *run) release(ctx context.Context) error {
	var first error
	for _, h := range r.holders() {
		if err := h.Release(ctx); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// letGo lets consumers go on if the rotation now waits for a person, or for longer
// than they may stand still. It is the end of a hold whose intent is on record; whoever
// cannot be let go here is at the next stop.
func (e *Engine) letGo(ctx context.Context, r *run) {
	wait := 2 * heldFor // for a person
	switch {
	case r.Status == rotation.Running, r.Status.Over():
		return
	case r.Wake != nil:
		wait = r.Wake.Left(e.Now())
	}
	if e.overstays(r, wait) && !seeded.Bug("hold-for-ever") {
		_ = e.goOn(ctx, r)
	}
}

// goOn ends a hold ahead of the plan.
func (e *Engine) goOn(ctx context.Context, r *run) error {
	if err := r.release(ctx); err != nil {
		return err
	}
	at := rotation.Action{Step: rotation.Release, Phase: rotation.Switch}
	if r.Undoing {
		at.Phase = rotation.Undo
	}
	ev := e.ok(rotation.Task{Action: at}, nil, "nobody stands still any longer while this waits")
	ev.Status, ev.Wake = r.Status, r.Wake
	r.record(ev)
	return nil
}

// Holds says whether consumers stand still for a rotation that is in hand: not the
// moment to stop.
func (e *Engine) Holds(credential string) bool { return e.holdingRun(credential) != nil }

func (e *Engine) holdingRun(credential string) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, ok := e.held[credential]
	if !ok {
		return nil
	}
	for _, r := range h.runs {
		if _, held := r.heldSince(); held && !r.Status.Over() {
			return r
		}
	}
	return nil
}

// LetGo lets consumers go on because the caller must stop now, also after an error that
// made the engine forget what it had in hand. The caller holds the credential's lock.
func (e *Engine) LetGo(ctx context.Context, credential string) error {
	r := e.holdingRun(credential)
	if r == nil {
		var err error
		if r, err = e.holdOnRecord(ctx, credential); r == nil {
			return err
		}
	}
	r.batch = nil
	if err := e.goOn(ctx, r); err != nil {
		return err
	}
	_, err := e.commit(ctx, r)
	return err
}

// holdOnRecord is the open rotation that made consumers stand still; nil if none did.
func (e *Engine) holdOnRecord(ctx context.Context, credential string) (*run, error) {
	open, err := e.Unfinished(ctx, credential)
	if err != nil {
		return nil, err
	}
	for _, x := range open {
		if x.Kind != rotation.KindRotation {
			continue
		}
		r, err := e.open(ctx, x.ID)
		if err != nil {
			return nil, err
		}
		if _, held := r.heldSince(); held {
			return r, nil
		}
	}
	return nil, nil
}

// overstays says whether consumers stand still and would do so for too long if nothing
// happened for d.
func (e *Engine) overstays(r *run, d time.Duration) bool {
	since, held := r.heldSince()
	return held && (rotation.Wait{Since: since, For: heldFor}).Left(e.Now()) < d
}

// heldSince says whether consumers were told to stand still and not yet to go on.
func (r *run) heldSince() (since rotation.Instant, held bool) {
	for _, e := range r.Events {
		switch {
		case e.Type == rotation.Intent && e.Action.Step == rotation.Hold:
			since, held = e.At, true
		case e.Type == rotation.Result && e.Outcome == rotation.OK && e.Action.Step == rotation.Release:
			held = false
		}
	}
	return since, held
}
