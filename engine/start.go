package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Request asks for a rotation.
type Request struct {
	Credential string
	Mode       rotation.Mode
	Actor      string
	Reason     string
	Drift      bool // the targets hold a value that somebody put there by hand, and that is right
	Gone       bool // the present value was ended already: if it is refused, it need not be known
	// Adoption is what a person agreed to, with Mode rotation.Adopt.
	Adoption *rotation.Adoption
}

// rollbacks in a row after which only a person may start another rotation.
const patience = 2

// Start begins a rotation: nothing is done yet but the record. The caller holds
// the credential's lock. journal.ErrOpen if one is open.
func (e *Engine) Start(ctx context.Context, req Request) (rotation.Record, error) {
	cred, err := e.Catalog.Credential(req.Credential)
	if err != nil {
		return rotation.Record{}, err
	}
	known, err := e.remembered(ctx, req.Credential)
	if err != nil {
		return rotation.Record{}, err
	}
	if req.Mode == rotation.Scheduled && known.RolledBack >= patience {
		return rotation.Record{}, fault.New(fault.NeedsPerson, "%s was rolled back %d times in a row", req.Credential, known.RolledBack).
			WithHint("find out why (rotor status %s), then: rotor rotate %s", req.Credential, req.Credential)
	}
	if err := adoptable(req, known); err != nil {
		return rotation.Record{}, err
	}
	r := e.draft(req, cred, known)
	if r.Mode == rotation.Drill && (r.Strategy == rotation.InPlace || r.Live.Lingers) {
		return r, fault.New(fault.BadConfig, "the old value of %s ends once a new one is made: a drill would be the real thing", req.Credential)
	}
	fence, err := e.Journal.Create(ctx, r)
	if err != nil {
		return r, err
	}
	e.start(r, fence, cred, known)
	return r, nil
}

func (e *Engine) draft(req Request, cred *Credential, known rotation.Credential) rotation.Record {
	traits := cred.Provider.Traits()
	r := rotation.Record{ID: e.NewID(rotation.KindRotation), Kind: rotation.KindRotation,
		Credential: req.Credential, Generation: known.Latest() + 1,
		Mode: req.Mode, Strategy: traits.Strategy, Minter: traits.Minter,
		Actor: req.Actor, Reason: req.Reason, Created: e.Now(), Status: rotation.Running,
		Drift:  req.Drift,
		Gone:   req.Gone,
		Live:   cred.Live(len(known.OpenOf(rotation.KindRetirement)) > 0),
		Window: cred.Monitor, Grace: cred.Grace, Bound: cred.Bound, AtBound: cred.AtBound}
	if req.Mode == rotation.Adopt {
		r.Adoption = req.Adoption
		r.Live.Reshapes = req.Adoption != nil && len(req.Adoption.Steps) > 0
	}
	current, ok := known.Current()
	switch {
	case ok && r.Mode == rotation.Adopt: // once more
		r.Generation = current.N
	case ok && req.Drift: // what somebody put there by hand becomes a generation
		r.From, r.Generation = r.Generation, r.Generation+1
	case ok:
		r.From = current.N
	}
	return r
}

// Supply records what a person decided about an open record. The caller holds
// the credential's lock. value is only for OrderSupply.
func (e *Engine) Supply(ctx context.Context, id string, order rotation.Order, actor string, value secret.Set) error {
	r, err := e.open(ctx, id)
	if err != nil {
		return err
	}
	defer e.drop(r.Credential) // the next Advance starts from the journal
	if err := e.allowed(ctx, r, order, value); err != nil {
		return err
	}
	if order == rotation.OrderSupply {
		if err := e.examine(ctx, r, value); err != nil {
			return err
		}
	}
	r.batch = nil
	task, _ := r.Next()
	ev := e.event(rotation.Input, task)
	ev.Actor, ev.Facts, ev.Status = actor, &rotation.Facts{Order: order}, rotation.Running
	if order == rotation.OrderSupply {
		if err := e.receive(r, &ev, value); err != nil {
			return err
		}
	}
	r.record(ev)
	switch order {
	case rotation.OrderRollback, rotation.OrderRefuse:
		r.record(e.event(rotation.Turn, task))
	case rotation.OrderAbandon:
		r.record(e.abandon(r, task))
	}
	_, err = e.commit(ctx, r)
	return err
}

// abandon gives a rotation up and leaves everything as it is. A value that may
// live does not go without a record: its retirement waits for a person if
// anybody may present it, and ends it otherwise.
func (e *Engine) abandon(r *run, task rotation.Task) rotation.Event {
	end := e.event(rotation.Closing, task)
	end.Status = rotation.Abandoned
	g, ok := r.known.Get(r.Generation)
	if r.Kind != rotation.KindRotation || !ok {
		return end
	}
	if !r.mayLive() {
		g.Life, g.Ended, g.Proof = rotation.Dead, end.At.Wall, "never came to life"
		end.Generations = []rotation.Generation{g}
		return end
	}
	x := e.retirement(r, r.Generation)
	x.Undone, x.Erase, x.Units, x.Grace = true, r.published(), r.deployed(), r.late()
	if len(r.touched()) > 0 || r.Strategy == rotation.InPlace || r.Live.Lingers {
		x.Status = rotation.Asking
	}
	end.Spawn = &x
	return end
}

// mintedBefore is how long before the rotation began a person may have made the new
// value: who makes it first and then runs `rotor set` is no exception.
const mintedBefore = 24 * time.Hour

// examine tries a person's value before anything of it is noted, so that a wrong
// paste costs nothing: its form, whose it is, how old, whether it works. Only a clear
// no refuses it; what cannot be asked now is asked by the steps that follow.
func (e *Engine) examine(ctx context.Context, r *run, value secret.Set) error {
	req := r.request()
	req.Values = value
	v, err := r.cred.Provider.Issue(ctx, req) // minter person: without effect
	if err == nil && !v.Created.IsZero() && r.Created.Wall.Sub(v.Created) > mintedBefore {
		return fault.New(fault.Rejected, "this value was made %s before the rotation began", r.Created.Wall.Sub(v.Created).Round(time.Hour)).
			WithHint("mint a new one; an old value would make the rotation worthless")
	}
	if err == nil && r.cred.Provider.Traits().Settle == 0 { // else it may not have arrived everywhere
		err = r.cred.Provider.Verify(ctx, v)
	}
	if err != nil && fault.KindOf(err) == fault.Rejected {
		return err
	}
	return nil
}

// receive keeps a person's value: it lives at its provider already, so from here
// on it is a generation that must come to a proper end.
func (e *Engine) receive(r *run, ev *rotation.Event, value secret.Set) error {
	for _, slot := range []string{inputSlot, valueSlot(1)} {
		sealed, err := e.seal(r, r.Generation, slot, value)
		if err != nil {
			return err
		}
		ev.Sealed = append(ev.Sealed, sealed)
	}
	ev.Generations = []rotation.Generation{{Credential: r.Credential, N: r.Generation, Life: rotation.Pending,
		Attempt: 1, Fingerprint: e.Keys.FingerprintSet(value), Created: ev.At.Wall}}
	return nil
}

func (e *Engine) allowed(ctx context.Context, r *run, order rotation.Order, value secret.Set) error {
	no := func(why string, args ...any) error {
		return fault.New(fault.Rejected, "%s: %s", r.ID, fmt.Sprintf(why, args...))
	}
	if r.Status.Over() {
		return no("is over (%s)", r.Status)
	}
	task, _ := r.Next()
	retirement := r.Kind == rotation.KindRetirement
	switch order {
	case rotation.OrderSupply:
		if r.Minter != rotation.ByPerson || task.Step != rotation.Ask {
			return no("is not waiting for a value")
		}
		if r.supplied() {
			return no("has its value already; go on with: rotor resume %s", r.Credential)
		}
		return e.unused(ctx, value)
	case rotation.OrderApprove:
		looked := task.Step == rotation.Sweep && r.Status == rotation.Stuck // it found what it cannot explain
		if r.Status != rotation.Asking && !looked || retirement {
			return no("is not waiting for an approval")
		}
	case rotation.OrderRefuse:
		if task.Step != rotation.Approve && task.Step != rotation.Monitor && task.Step != rotation.Ask {
			return no("is not waiting for an approval")
		}
		fallthrough
	case rotation.OrderRollback:
		if retirement {
			return no("is a retirement; only a rotation can be rolled back")
		}
		if r.Undoing {
			return no("is being rolled back already")
		}
		if _, ok := rotation.Back(r.Strategy, r.Live, r.Events); !ok {
			return no("is past the point of no return: the old value was replaced where it lived")
		}
	case rotation.OrderAbandon:
		if r.Reverse {
			return no("goes back to an older value and cannot be abandoned half-way; rotor resume %s", r.Credential)
		}
		if _, held := r.heldSince(); held {
			return no("holds consumers still; rotor resume %s lets them go", r.Credential)
		}
	case rotation.OrderRetire:
		if !retirement {
			return no("is not a retirement")
		}
	}
	return nil
}

// unused refuses a value that any generation of any credential had before.
func (e *Engine) unused(ctx context.Context, value secret.Set) error {
	all, err := e.Journal.Credentials(ctx)
	if err != nil {
		return err
	}
	print := e.Keys.FingerprintSet(value)
	for _, c := range all {
		for _, g := range c.Generations {
			if g.Fingerprint == print {
				return fault.New(fault.Rejected, "this is the value of generation %d of %s", g.N, c.Name).
					WithHint("mint a new one; an old value would make the rotation worthless")
			}
		}
	}
	return nil
}
