package engine

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Reverse begins the rollback of a rotation that was done: back to the previous
// generation, which is still in its grace. The caller holds the credential's
// lock. Until the retirement starts to revoke there is a way back.
func (e *Engine) Reverse(ctx context.Context, credential, actor, reason string) (rotation.Record, error) {
	cred, err := e.Catalog.Credential(credential)
	if err != nil {
		return rotation.Record{}, err
	}
	known, err := e.Journal.Credential(ctx, credential)
	if err != nil {
		return rotation.Record{}, err
	}
	current, previous, x, err := e.wayBack(ctx, known)
	if err != nil {
		return rotation.Record{}, err
	}
	r := e.draft(Request{Credential: credential, Mode: rotation.Manual, Actor: actor, Reason: reason}, cred, known)
	r.Generation, r.From, r.Reverse, r.Undoing = current.N, previous.N, true, true
	r.Live.Approval = false
	if err := e.worthGoingBack(ctx, r, cred, known); err != nil {
		return r, err
	}
	fence, err := e.Journal.Create(ctx, r)
	if err != nil {
		return r, err
	}
	e.start(r, fence, cred, known)
	// a crash here leaves the retirement open: it does not revoke while a rollback
	// to its generation is under way, and ends by itself once that
	// generation is the current one again
	if err := e.callOff(ctx, x, actor); err != nil {
		e.drop(credential)
		return r, err
	}
	return r, nil
}

// worthGoingBack looks before anything is noted: from a rollback to what is dead there
// would be no way out.
func (e *Engine) worthGoingBack(ctx context.Context, r rotation.Record, cred *Credential, known rotation.Credential) error {
	look := &run{State: rotation.Replay(r, nil), cred: cred, known: &known, alive: &proven{}, opened: map[string]secret.Set{}}
	err := e.alive(ctx, look, r.From)
	if err == nil || seeded.Bug("rollback-to-dead") {
		return nil
	}
	if fault.KindOf(err) != fault.NeedsPerson {
		return err
	}
	back := &fault.Error{Kind: fault.Rejected, Op: "there is no way back", Err: err}
	return back.WithHint("rotate again instead: rotor rotate %s", known.Name)
}

// wayBack finds the generation to go back to and its retirement.
func (e *Engine) wayBack(ctx context.Context, known rotation.Credential) (current, previous rotation.Generation, x rotation.Record, err error) {
	none := fault.New(fault.Rejected, "%s has no previous generation to go back to", known.Name).
		WithHint("rotate again instead: rotor rotate %s", known.Name)
	current, ok := known.Current()
	if !ok {
		return current, previous, x, none
	}
	replaced, err := e.replacedBy(ctx, known.Name, current.N)
	if err != nil {
		return current, previous, x, err
	}
	for _, open := range known.OpenOf(rotation.KindRetirement) {
		g, ok := known.Get(open.Generation)
		if !ok || g.N != replaced || g.Life != rotation.Previous || open.Live.OneWay(open.Strategy) {
			continue
		}
		_, events, err := e.Journal.Load(ctx, open.ID)
		if err != nil {
			return current, g, open, err
		}
		if !leaving(rotation.Replay(open, events)) {
			return current, g, open, nil
		}
	}
	return current, previous, x, none
}

// replacedBy is the generation that the current one took over from: the only one
// whose targets' content is sealed, and so the only one to go back to.
func (e *Engine) replacedBy(ctx context.Context, credential string, current int) (int, error) {
	records, err := e.Journal.History(ctx, credential, 0)
	for _, r := range records { // newest first
		if r.Kind == rotation.KindRotation && r.Status == rotation.Done && r.Generation == current {
			return r.From, err
		}
	}
	return -1, err
}

// leaving says whether a retirement has begun to end its generation.
func leaving(x *rotation.State) bool {
	for _, step := range []rotation.Step{rotation.Revoke, rotation.Publish, rotation.Deploy} {
		if len(x.Begun(rotation.Action{Step: step, Phase: rotation.Retire})) > 0 {
			return true
		}
	}
	return false
}

// callOff ends a retirement because its generation is wanted again.
func (e *Engine) callOff(ctx context.Context, x rotation.Record, actor string) error {
	r, err := e.open(ctx, x.ID)
	if err != nil {
		return err
	}
	r.batch = nil
	task, _ := r.Next()
	end := e.event(rotation.Closing, task)
	end.Status, end.Actor, end.Note = rotation.Abandoned, actor, "called off: rolled back to this generation"
	r.record(end)
	_, err = e.commit(ctx, r)
	return err
}
