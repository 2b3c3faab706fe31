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
	r.dead = nil
	err := e.room(r, &ev)
	present := map[string]secret.Set{}
	if err == nil {
		present, err = e.survey(ctx, r, &ev)
	}
	if err == nil {
		err = e.known(ctx, r, present, &ev)
	}
	if err == nil {
		err = r.rehearse(ctx)
	}
	if err == nil {
		err = e.askProvider(ctx, r, present)
	}
	if err == nil {
		facts.Units, err = r.units(ctx)
	}
	if err == nil {
		facts.Samples, err = e.baseline(ctx, r, present, &ev)
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

// rehearse renders every target with stand-ins, so that a template cannot fail
// later, and asks the stores that look at single keys.
func (r *run) rehearse(ctx context.Context) error {
	sample := secret.Set{}
	for _, f := range r.cred.Provider.Traits().Fields {
		sample[f.Name] = secret.New("x")
		if !f.Secret {
			sample[f.Name] = secret.Public("x")
		}
	}
	for _, t := range append(r.cred.targets(rotation.Accept), r.cred.Targets...) {
		key, err := t.Key.RenderKey(sample, nil)
		if err != nil {
			return err
		}
		if _, err := t.Value.Render(sample, nil); err != nil {
			return err
		}
		if p, ok := t.Store.(store.KeyPreflighter); ok {
			if err := p.PreflightKey(ctx, t.Path, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// askProvider also shows it the current value, so that it can compare what that may
// do with what a new one would.
func (e *Engine) askProvider(ctx context.Context, r *run, present map[string]secret.Set) error {
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
	var err error
	if req.Old, err = e.values(ctx, r, r.From); err == nil && len(req.Old) == 0 && !r.has(r.From) {
		req.Old, err = r.extract(present) // it becomes known with the outcome of this step
	}
	if err != nil {
		return err
	}
	if r.dead != nil && *r.dead {
		req.Old = nil // there is nothing to compare with
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
// blind, already stops every rotation but an emergency's, and but one that replaces
// what was ended already.
func (e *Engine) baseline(ctx context.Context, r *run, present map[string]secret.Set, ev *rotation.Event) (map[string]json.RawMessage, error) {
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
	gone := e.gone(ctx, r, present)
	if r.Mode == rotation.Emergency || r.supplied() && r.Strategy == rotation.InPlace || gone && (r.Gone || e.ended(r)) {
		ev.Note = "there is only the way forward, so not obeyed: " + strings.Join(red, "; ")
		return out, nil
	}
	err := fault.New(fault.Rejected, "before anything was done: %s", strings.Join(red, "; "))
	if gone {
		return nil, err.WithHint("the present value is refused; if it was ended already, so that there is no way back to it: rotor rotate %s --accept-dead", r.Credential)
	}
	return nil, err.WithHint("bring the system to health first; a rotation could not tell its own harm from this one")
}

func measure(ctx context.Context, c Check, w check.Window) check.Sample {
	s, err := c.Measure(ctx, w)
	if err != nil {
		return check.Sample{Detail: "could not be measured: " + fault.KindOf(err).String()}
	}
	return s
}
