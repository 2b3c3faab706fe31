package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// known makes sure that the targets hold the value that we believe is current;
// a credential new to Rotor is taken over as generation 0.
func (e *Engine) known(ctx context.Context, r *run, present map[string]secret.Set, ev *rotation.Event) error {
	current, ok := r.known.Current()
	if ok && !(r.Drift && current.N != r.From) {
		values, err := e.values(ctx, r, current.N)
		if err != nil || len(values) == 0 {
			return err
		}
		if r.Gone {
			e.gone(ctx, r, present) // what is dead is not shown to the provider; see askProvider
		}
		return r.unchanged(present, values)
	}
	values, twin, err := e.takenOver(ctx, r, present)
	if err != nil || len(values) == 0 {
		return err
	}
	g := rotation.Generation{Credential: r.Credential, N: r.From, Life: rotation.Current,
		Fingerprint: e.Keys.FingerprintSet(values), Created: e.Now().Wall}
	if id, ok := provider.As[provider.Identifier](r.cred.Provider); ok {
		if g.Handle, err = e.identified(ctx, r, id, values); err != nil {
			return err
		}
	}
	sealed, err := e.seal(r, r.From, valueSlot(0), values)
	ev.Sealed = append(ev.Sealed, sealed)
	ev.Generations = append(ev.Generations, g)
	switch {
	case twin:
		current.Life, current.Ended, current.Proof = rotation.Dead, g.Created, fmt.Sprintf("the same value as generation %d", r.From)
		ev.Generations = append(ev.Generations, current)
	case ok: // the one that Rotor put there ends
		current.Life = rotation.Previous
		ev.Generations = append(ev.Generations, current)
		x := e.retirement(r, current.N)
		x.Grace = r.Grace
		ev.Spawn = &x
	}
	return err
}

// takenOver is the value that the targets hold and Rotor did not put there. twin: it is
// the current one all the same, because only the way in which it is written was changed,
// or because nobody can read it out of that.
func (e *Engine) takenOver(ctx context.Context, r *run, present map[string]secret.Set) (values secret.Set, twin bool, err error) {
	if values, err = r.extract(present); err != nil {
		return nil, false, err
	}
	current, ok := r.known.Current()
	if !ok {
		return values, false, nil
	}
	old, err := e.values(ctx, r, current.N)
	if err != nil {
		return nil, false, err
	}
	if old.Agrees(values) || len(values) == 0 {
		return old, true, nil
	}
	return values, false, nil
}

// identified names a value that Rotor did not make. One that is not known, and refused,
// was ended already or is another account's: only a person can tell.
func (e *Engine) identified(ctx context.Context, r *run, id provider.Identifier, values secret.Set) (rotation.Handle, error) {
	h, err := id.Identify(ctx, values)
	if fault.KindOf(err) != fault.Rejected {
		return h, err
	}
	dead := errors.Is(err, provider.ErrRefused) || // it was tried: once more might lock an account
		r.refused(ctx, provider.Issued{Values: values}) || seeded.Bug("any-value-is-gone")
	if r.dead = &dead; !dead {
		return h, err
	}
	if r.Gone {
		return rotation.Handle{}, nil
	}
	refused := &fault.Error{Kind: fault.Rejected, Op: "the present value is refused", Err: err}
	return h, refused.WithHint("if it was ended already: rotor rotate %s --accept-dead, and there is no way back to it; if not, rotor.yaml may be about another account than the value", r.Credential)
}

// refused: the provider looked at the value and said no.
func (r *run) refused(ctx context.Context, v provider.Issued) bool {
	p, ok := provider.As[provider.Prober](r.cred.Provider)
	if !ok || len(v.Values) == 0 {
		return false
	}
	live, err := p.Probe(ctx, v)
	return err == nil && (live == provider.Refused || live == provider.Expired)
}

// gone says whether the value that consumers have at present is refused.
func (e *Engine) gone(ctx context.Context, r *run, present map[string]secret.Set) bool {
	if r.dead != nil {
		return *r.dead
	}
	var v provider.Issued
	var err error
	if current, ok := r.known.Current(); ok && current.N == r.From {
		v, err = e.issued(ctx, r, current.N)
	} else {
		v.Values, err = r.extract(present)
	}
	dead := err == nil && r.refused(ctx, v)
	r.dead = &dead
	return dead
}

// ended: the present value's own time is over, so that nobody needs to be asked whether
// it may be replaced.
func (e *Engine) ended(r *run) bool {
	current, ok := r.known.Current()
	return ok && current.N == r.From && !current.NotAfter.IsZero() && !e.Now().Wall.Before(current.NotAfter)
}

// unchanged compares what the targets hold with what they should.
func (r *run) unchanged(present map[string]secret.Set, values secret.Set) error {
	for _, t := range r.cred.Targets {
		content, readable := present[t.Place()]
		key, err1 := t.Key.RenderKey(values, nil)
		want, err2 := t.Value.Render(values, nil)
		if !readable || err1 != nil || err2 != nil || t.Value.UsesPrevious() {
			continue
		}
		if have := content[key]; !have.Equal(want) && r.Mode != rotation.Emergency && !r.Drift {
			return fault.New(fault.BadConfig, "%s: key %s does not hold the value that Rotor put there", t.words(), t.Key).
				WithHint("somebody changed it, or its template in rotor.yaml, by hand, or the state is older than the store; put the old value back (rotor recover %s writes it to a file), or take the present one as it is: rotor rotate %s --accept-drift", r.Credential, r.Credential)
		}
	}
	return nil
}

// extract reads a value that was never ours out of the targets that hold single
// fields. Targets that disagree stop the rotation.
func (r *run) extract(present map[string]secret.Set) (secret.Set, error) {
	values := secret.Set{}
	public := map[string]bool{}
	for _, f := range r.cred.Provider.Traits().Fields {
		public[f.Name] = !f.Secret
	}
	for _, t := range r.cred.Targets {
		have, ok := present[t.Place()][t.Key.String()]
		if !ok || t.Value.Field() == "" {
			continue
		}
		field := t.Value.Field()
		if public[field] {
			have = have.AsPublic()
		}
		if before, ok := values[field]; ok && !before.Equal(have) {
			return nil, fault.New(fault.Rejected, "the targets of %s disagree about %s", r.Credential, field).
				WithHint("make %s hold the value that is in use, then run again", t.words())
		}
		values[field] = have
	}
	return values, nil
}
