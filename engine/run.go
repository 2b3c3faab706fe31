package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// run is one record being worked on.
type run struct {
	*rotation.State
	fence  rotation.Fence
	cred   *Credential
	alive  *proven
	known  *rotation.Credential
	dead   *bool                 // whether the present value is refused, if this preflight tried it
	fresh  bool                  // the open intent is ours and was not acted on yet
	opened map[string]secret.Set // sealed values opened so far, by slot
	batch  []rotation.Event      // applied, not yet appended
}

// record applies events and puts them into the batch. If the append fails the
// run is forgotten, so that it never runs ahead of the journal.
func (r *run) record(events ...rotation.Event) {
	for _, ev := range events {
		if ev.Status == "" && r.Status != rotation.Running && !r.Status.Over() {
			ev.Status = rotation.Running
		}
		r.Apply(ev)
		r.learn(ev)
		r.batch = append(r.batch, ev)
	}
}

func (r *run) announced(t rotation.Task) bool {
	_, ok := r.Open(t)
	return ok
}

// learn keeps known in step with what was appended.
func (r *run) learn(e rotation.Event) {
	for _, g := range e.Generations {
		*r.known = r.known.Set(g, e.At)
	}
	if e.Spawn != nil {
		r.known.Open = append(slices.Clone(r.known.Open), *e.Spawn)
	}
	if r.Status.Over() {
		*r.known = r.known.Ended(r.Record)
		r.known.Open = slices.DeleteFunc(slices.Clone(r.known.Open), func(x rotation.Record) bool { return x.ID == r.ID })
	}
	if e.Type == rotation.Intent {
		r.fresh = true
	}
}

// crashed says whether the open intent may have been acted on already: by a
// process that died, or in a try whose outcome is unknown.
func (r *run) crashed() bool { return !r.fresh }

func (r *run) close(at rotation.Instant) rotation.Event {
	return rotation.Event{At: at, Type: rotation.Closing, Status: rotation.Done}
}

func valueSlot(attempt int) string { return fmt.Sprintf("values/%d", attempt) }

func beforeSlot(place string) string { return "before:" + place }

const inputSlot = "input"

// unseal opens a sealed set; nil and no error if there is none.
func (e *Engine) unseal(ctx context.Context, r *run, generation int, slot string) (secret.Set, error) {
	key := fmt.Sprintf("%d/%s", generation, slot)
	if s, ok := r.opened[key]; ok {
		return s, nil
	}
	blob, err := e.Journal.Sealed(ctx, r.Credential, generation, slot)
	if err != nil {
		return nil, err
	}
	s, err := e.Keys.Open(blob, secret.Place{Credential: r.Credential, Generation: generation, Slot: slot})
	if err != nil {
		return nil, err
	}
	r.opened[key] = s
	return s, nil
}

// seal encrypts a set for the event that it goes with.
func (e *Engine) seal(r *run, generation int, slot string, s secret.Set) (rotation.Sealed, error) {
	blob, err := e.Keys.Seal(s, secret.Place{Credential: r.Credential, Generation: generation, Slot: slot})
	if err != nil {
		return rotation.Sealed{}, err
	}
	r.opened[fmt.Sprintf("%d/%s", generation, slot)] = s
	return rotation.Sealed{Generation: generation, Slot: slot, Blob: blob}, nil
}

// values gives what is known of a generation's value; an empty set if nothing is.
func (e *Engine) values(ctx context.Context, r *run, generation int) (secret.Set, error) {
	g, ok := r.known.Get(generation)
	if !ok {
		return nil, nil
	}
	s, err := e.unseal(ctx, r, generation, valueSlot(g.Attempt))
	if isNotFound(err) {
		return nil, nil
	}
	return s, err
}

// issued gives a generation as its provider knows it.
func (e *Engine) issued(ctx context.Context, r *run, generation int) (provider.Issued, error) {
	values, err := e.values(ctx, r, generation)
	g, _ := r.known.Get(generation)
	return provider.Issued{Handle: g.Handle, Values: values, NotAfter: g.NotAfter}, err
}

// successor is the generation that lives on when the record is a retirement:
// the current one.
func (r *run) successor() int {
	g, _ := r.known.Current()
	return g.N
}
