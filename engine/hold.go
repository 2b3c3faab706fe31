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
	if !e.overstays(r, wait) || seeded.Bug("hold-for-ever") || r.release(ctx) != nil {
		return
	}
	at := rotation.Action{Step: rotation.Release, Phase: rotation.Switch}
	if r.Undoing {
		at.Phase = rotation.Undo
	}
	ev := e.ok(rotation.Task{Action: at}, nil, "nobody stands still any longer while this waits")
	ev.Status, ev.Wake = r.Status, r.Wake
	r.record(ev)
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
