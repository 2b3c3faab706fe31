package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// preflight finds, without any effect, everything that can fail; fixes the
// parts of the plan; seals what the targets hold now, so that a rollback can
// restore exactly that; and takes the baseline of the checks.
func (e *Engine) preflight(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if r.Mode == rotation.Adopt {
		return e.takeIn(ctx, r, task)
	}
	facts := &rotation.Facts{}
	ev := e.ok(task, facts, "")
	err := e.room(r, &ev)
	present := map[string]secret.Set{}
	if err == nil {
		present, err = e.survey(ctx, r, &ev)
	}
	if err == nil {
		err = e.known(ctx, r, present, &ev)
	}
	if err == nil {
		err = r.rehearse()
	}
	if err == nil {
		err = e.askProvider(ctx, r)
	}
	if err == nil {
		facts.Units, err = r.units(ctx)
	}
	if err == nil {
		facts.Samples, err = e.baseline(ctx, r, &ev)
	}
	if err != nil {
		return e.failed(r, task, err)
	}
	facts.Paths = append(r.cred.places(rotation.Accept), r.cred.places(rotation.Switch)...)
	return []rotation.Event{ev}
}

// room makes sure that what begins can be finished on a disk that fills up
// meanwhile. An emergency is told of it and goes on.
func (e *Engine) room(r *run, ev *rotation.Event) error {
	j, ok := e.Journal.(journal.Reserve)
	if !ok {
		return nil
	}
	err := j.Ballast()
	if err != nil && r.Mode == rotation.Emergency {
		ev.Note = "not obeyed: " + err.Error()
		return nil
	}
	return err
}

// survey reads every path that will be written and seals its content.
func (e *Engine) survey(ctx context.Context, r *run, ev *rotation.Event) (map[string]secret.Set, error) {
	present := map[string]secret.Set{}
	for _, t := range append(r.cred.targets(rotation.Accept), r.cred.Targets...) {
		if _, seen := present[t.Place()]; seen {
			continue
		}
		if p, ok := t.Store.(store.Preflighter); ok {
			if err := p.Preflight(ctx, t.Path); err != nil {
				return nil, err
			}
		}
		if !t.Store.Traits().Readable {
			continue
		}
		content, _, err := t.Store.Get(ctx, t.Path)
		if err != nil {
			return nil, err
		}
		present[t.Place()] = content
		sealed, err := e.seal(r, r.Generation, beforeSlot(t.Place()), content)
		if err != nil {
			return nil, err
		}
		ev.Sealed = append(ev.Sealed, sealed)
	}
	return present, nil
}

// known makes sure that the targets hold the value that we believe is current;
// a credential new to Rotor is taken over as generation 0.
func (e *Engine) known(ctx context.Context, r *run, present map[string]secret.Set, ev *rotation.Event) error {
	current, ok := r.known.Current()
	if ok && !(r.Drift && current.N != r.From) {
		values, err := e.values(ctx, r, current.N)
		if err != nil || len(values) == 0 {
			return err
		}
		return r.unchanged(present, values)
	}
	values, err := r.extract(present)
	if err != nil || len(values) == 0 {
		return err
	}
	g := rotation.Generation{Credential: r.Credential, N: r.From, Life: rotation.Current,
		Fingerprint: e.Keys.FingerprintSet(values), Created: e.Now().Wall}
	if id, ok := provider.As[provider.Identifier](r.cred.Provider); ok {
		if g.Handle, err = id.Identify(ctx, values); err != nil {
			return err
		}
	}
	sealed, err := e.seal(r, r.From, valueSlot(0), values)
	ev.Sealed = append(ev.Sealed, sealed)
	ev.Generations = append(ev.Generations, g)
	if ok { // the one that Rotor put there ends
		current.Life = rotation.Previous
		ev.Generations = append(ev.Generations, current)
		x := e.retirement(r, current.N)
		x.Grace = r.Grace
		ev.Spawn = &x
	}
	return err
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
				WithHint("somebody changed it by hand, or the state is older than the store; put the old value back (rotor recover %s writes it to a file), or take the present one as it is: rotor rotate %s --accept-drift", r.Credential, r.Credential)
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

// rehearse renders every target with stand-ins, so that a template cannot fail
// later.
func (r *run) rehearse() error {
	sample := secret.Set{}
	for _, f := range r.cred.Provider.Traits().Fields {
		sample[f.Name] = secret.New("x")
		if !f.Secret {
			sample[f.Name] = secret.Public("x")
		}
	}
	for _, t := range append(r.cred.targets(rotation.Accept), r.cred.Targets...) {
		if _, err := t.Key.RenderKey(sample, nil); err != nil {
			return err
		}
		if _, err := t.Value.Render(sample, nil); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) askProvider(ctx context.Context, r *run) error {
	traits := r.cred.Provider.Traits()
	living := 0
	for _, g := range r.known.Generations {
		if g.Life != rotation.Dead && g.N != r.Generation {
			living++
		}
	}
	if traits.Strategy != rotation.InPlace && traits.Quota > 0 && living+1 > traits.Quota {
		return fault.New(fault.Rejected, "%s holds %d live values of %s at most", traits.Name, traits.Quota, r.Credential).
			WithHint("end an old generation first: rotor set %s --retire N", r.Credential)
	}
	p, ok := provider.As[provider.Preflighter](r.cred.Provider)
	if !ok {
		return nil
	}
	req := r.request()
	if err := e.withOld(ctx, r, &req); err != nil {
		return err
	}
	return p.Preflight(ctx, req)
}

// withOld adds the current value for a login that changes itself.
func (e *Engine) withOld(ctx context.Context, r *run, req *provider.Request) (err error) {
	if r.Strategy == rotation.InPlace {
		req.Old, err = e.values(ctx, r, r.From)
	}
	return err
}

func (r *run) request() provider.Request {
	current, _ := r.known.Current()
	return provider.Request{Label: r.Label, Generation: r.Generation, Current: current.Handle}
}

// units asks every consumer whether it is fit and of what it consists.
func (r *run) units(ctx context.Context) ([]rotation.Unit, error) {
	var out []rotation.Unit
	for _, phase := range []rotation.Phase{rotation.Accept, rotation.Switch} {
		for _, c := range r.cred.presenters(phase) {
			if p, ok := c.Consumer.(consumer.Preflighter); ok {
				if err := p.Preflight(ctx); err != nil && r.Mode != rotation.Emergency {
					return nil, err
				}
			}
			names, err := c.Units(ctx)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				out = append(out, rotation.Unit{Phase: phase, Name: c.Name + "/" + n})
			}
		}
	}
	return out, nil
}

// baseline measures the checks before anything happens; one that is red, or
// blind, already stops every rotation but an emergency's.
func (e *Engine) baseline(ctx context.Context, r *run, ev *rotation.Event) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	now := e.Now().Wall
	span := max(r.Window, time.Minute)
	var red []string
	for _, c := range r.cred.Checks {
		sample := measure(ctx, c, check.Window{From: now.Add(-span), To: now})
		if res := c.Judge(check.Sample{}, sample); res.Verdict != check.Pass {
			red = append(red, fmt.Sprintf("%s is %s (%s)", c.Name, res.Verdict, res.Reason))
		}
		text, err := json.Marshal(sample)
		if err != nil {
			return nil, fault.Wrap(fault.BadConfig, "check "+c.Name, err)
		}
		out[c.Name] = text
	}
	if red == nil {
		return out, nil
	}
	if r.Mode == rotation.Emergency || r.supplied() && r.Strategy == rotation.InPlace {
		ev.Note = "there is only the way forward, so not obeyed: " + strings.Join(red, "; ")
		return out, nil
	}
	return nil, fault.New(fault.Rejected, "before anything was done: %s", strings.Join(red, "; ")).
		WithHint("bring the system to health first; a rotation could not tell its own harm from this one")
}

func measure(ctx context.Context, c Check, w check.Window) check.Sample {
	s, err := c.Measure(ctx, w)
	if err != nil {
		return check.Sample{Detail: "could not be measured: " + fault.KindOf(err).String()}
	}
	return s
}
