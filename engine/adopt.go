package engine

import (
	"context"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// What is noted of a generation that came from before Rotor.
const (
	adopted   = "adopted"
	givenBack = "given back: it lives on without Rotor"
)

// PlanAdoption says what taking a credential over would change at its provider,
// and for whom; without effect. fault.Rejected: Rotor has it already.
func (e *Engine) PlanAdoption(ctx context.Context, credential string) (rotation.Adoption, error) {
	cred, err := e.Catalog.Credential(credential)
	if err != nil {
		return rotation.Adoption{}, err
	}
	known, err := e.Journal.Credential(ctx, credential)
	if err != nil {
		return rotation.Adoption{}, err
	}
	if err := adoptable(Request{Credential: credential, Mode: rotation.Adopt}, known); err != nil {
		return rotation.Adoption{}, err
	}
	values, err := (&run{State: &rotation.State{Record: rotation.Record{Credential: credential}}, cred: cred}).found(ctx)
	if err != nil {
		return rotation.Adoption{}, err
	}
	a, ok := provider.As[provider.Adopter](cred.Provider)
	if !ok {
		return rotation.Adoption{}, nil
	}
	return a.PlanAdoption(ctx, values)
}

// adoptable: a value that was adopted and not rotated yet may be adopted again, if
// more has to be changed at the provider by now.
func adoptable(req Request, known rotation.Credential) error {
	current, ok := known.Current()
	if req.Mode != rotation.Adopt || !ok || current.Proof == adopted {
		return nil
	}
	return fault.New(fault.Rejected, "%s is Rotor's already: generation %d is current", known.Name, current.N).
		WithHint("rotor status %s; a value that was changed by hand is taken over by: rotor rotate %s --accept-drift", known.Name, known.Name)
}

// found is the value from before Rotor as the targets hold it; all of them must
// agree.
func (r *run) found(ctx context.Context) (secret.Set, error) {
	present := map[string]secret.Set{}
	for _, t := range r.cred.Targets {
		if _, seen := present[t.Place()]; seen || !t.Store.Traits().Readable {
			continue
		}
		content, _, err := t.Store.Get(ctx, t.Path)
		if err != nil {
			return nil, err
		}
		present[t.Place()] = content
	}
	values, err := r.extract(present)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fault.New(fault.Rejected, "no target of %s holds a value of its own", r.Credential).
			WithHint("there is nothing to adopt; the first value is made by: rotor rotate %s", r.Credential)
	}
	for _, t := range r.cred.Targets {
		content, readable := present[t.Place()]
		key, err1 := t.Key.RenderKey(values, nil)
		want, err2 := t.Value.Render(values, nil)
		if !readable || err1 != nil || err2 != nil || t.Value.UsesPrevious() {
			continue
		}
		if have, ok := content[key]; ok && !have.Equal(want) {
			return nil, fault.New(fault.Rejected, "%s: key %s does not hold the same value as the other targets of %s", t.words(), t.Key, r.Credential).
				WithHint("make it hold the value that is in use, written as rotor.yaml writes it, then run again")
		}
	}
	return values, nil
}

// takeIn is the preflight of an adoption: the value is read and sealed, and its
// handle asked for.
func (e *Engine) takeIn(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	values, err := r.found(ctx)
	if err != nil {
		return e.failed(r, task, err)
	}
	if r.has(r.Generation) {
		return e.againAdopted(ctx, r, task, values)
	}
	ev := e.ok(task, &rotation.Facts{}, "")
	g := rotation.Generation{Credential: r.Credential, N: r.Generation, Life: rotation.Pending, Attempt: 1,
		Fingerprint: e.Keys.FingerprintSet(values), Created: ev.At.Wall}
	if id, ok := provider.As[provider.Identifier](r.cred.Provider); ok {
		if g.Handle, err = id.Identify(ctx, values); err != nil {
			return e.failed(r, task, err)
		}
	}
	sealed, err := e.seal(r, r.Generation, valueSlot(1), values)
	if err != nil {
		return e.failed(r, task, err)
	}
	ev.Sealed = []rotation.Sealed{sealed}
	ev.Generations = []rotation.Generation{g}
	return []rotation.Event{ev}
}

// againAdopted: the generation is there, and must be what the targets hold.
func (e *Engine) againAdopted(ctx context.Context, r *run, task rotation.Task, found secret.Set) []rotation.Event {
	known, err := e.values(ctx, r, r.Generation)
	if err == nil && !known.Equal(found) {
		err = fault.New(fault.Rejected, "the targets of %s do not hold the value that was adopted", r.Credential).
			WithHint("see who changed it; rotor adopt %s --undo takes the adoption back", r.Credential)
	}
	if err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.ok(task, &rotation.Facts{}, "")}
}

// reshape does at the provider what a person agreed to, or takes it back.
func (e *Engine) reshape(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	a, ok := provider.As[provider.Adopter](r.cred.Provider)
	if !ok || r.Adoption == nil {
		return e.failed(r, task, badState("%s has nothing to adopt with", r.cred.Provider.Traits().Name))
	}
	values, err := e.values(ctx, r, r.Generation)
	if err != nil {
		return e.failed(r, task, err)
	}
	if task.Phase == rotation.Undo {
		err = a.Unadopt(ctx, values, *r.Adoption)
	} else {
		err = a.Adopt(ctx, values, *r.Adoption)
	}
	if err != nil {
		return e.failed(r, task, err)
	}
	return []rotation.Event{e.ok(task, nil, "")}
}

// Adopted is what was done to take the current value over; nil if nothing had to be.
// fault.Rejected: it was not adopted.
func (e *Engine) Adopted(ctx context.Context, credential string) (*rotation.Adoption, error) {
	known, err := e.Journal.Credential(ctx, credential)
	if err != nil {
		return nil, err
	}
	r, err := e.adoption(ctx, known)
	return r.Adoption, err
}

// GiveBack begins to undo the adoption of the current generation. The caller holds
// the credential's lock.
func (e *Engine) GiveBack(ctx context.Context, credential, actor, reason string) (rotation.Record, error) {
	cred, err := e.Catalog.Credential(credential)
	if err != nil {
		return rotation.Record{}, err
	}
	known, err := e.Journal.Credential(ctx, credential)
	if err != nil {
		return rotation.Record{}, err
	}
	done, err := e.adoption(ctx, known)
	if err != nil {
		return rotation.Record{}, err
	}
	r := e.draft(Request{Credential: credential, Mode: rotation.Adopt, Actor: actor, Reason: reason, Adoption: done.Adoption}, cred, known)
	r.Generation, r.From, r.Reverse, r.Undoing = done.Generation, done.Generation, true, true
	fence, err := e.Journal.Create(ctx, r)
	if err != nil {
		return r, err
	}
	e.start(r, fence, cred, known)
	return r, nil
}

// adoption is what was done, in one or several times, to adopt the current
// generation.
func (e *Engine) adoption(ctx context.Context, known rotation.Credential) (rotation.Record, error) {
	records, err := e.Journal.History(ctx, known.Name, 0)
	if err != nil {
		return rotation.Record{}, err
	}
	current, ok := known.Current()
	var out rotation.Record
	for _, r := range records { // newest first: what was done last is undone first
		if r.Mode != rotation.Adopt || r.Reverse || r.Status != rotation.Done || !ok || r.Generation != current.N {
			continue
		}
		if out.ID == "" {
			out = r.Clone()
		} else if r.Adoption != nil && out.Adoption != nil {
			out.Adoption.Steps = append(slices.Clone(r.Adoption.Steps), out.Adoption.Steps...)
			out.Adoption.Undo = append(out.Adoption.Undo, r.Adoption.Undo...)
		}
	}
	if out.ID != "" {
		return out, nil
	}
	return out, fault.New(fault.Rejected, "the current value of %s is not an adopted one", known.Name).
		WithHint("as long as the adopted value is in its grace, go back to it first: rotor rollback %s", known.Name)
}
