package engine

import (
	"slices"
	"time"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// finish is the one place where pending, current and previous flip; it is part
// of the append that closes the last step, and begins the retirement of what
// ends.
func (e *Engine) finish(r *run, task rotation.Task) []rotation.Event {
	if task.Phase == rotation.Undo || r.Mode == rotation.Drill {
		return e.undone(r, task)
	}
	ev := e.ok(task, nil, "")
	ev.Status = rotation.Done
	if g, ok := r.known.Get(r.Generation); ok {
		g.Life = rotation.Current
		if r.Mode == rotation.Adopt {
			g.Proof = adopted
		}
		ev.Generations = append(ev.Generations, g)
	}
	if old, ok := r.known.Get(r.From); ok && old.Life == rotation.Current && old.N != r.Generation {
		old.Life = rotation.Previous
		ev.Generations = append(ev.Generations, old)
		x := e.retirement(r, old.N)
		x.Grace, x.Erase, x.Units = max(r.Grace, lingering(r.cred.Provider.Traits())), r.replaced(), r.deployed()
		if r.Mode == rotation.Emergency {
			x.Grace = 0
		}
		ev.Spawn = &x
	}
	return []rotation.Event{ev}
}

// lingering is how long an old value that ends by itself goes on working. Nobody can
// hasten it, so the proof of its death is not tried before.
func lingering(t provider.Traits) time.Duration {
	if t.Lingers <= 0 || seeded.Bug("prove-before-its-time") {
		return 0
	}
	return t.Lingers + t.Settle
}

// undone ends a rotation that turned back (or a drill): whatever came to life
// goes through a retirement too.
func (e *Engine) undone(r *run, task rotation.Task) []rotation.Event {
	ev := e.ok(task, nil, "")
	ev.Status = rotation.RolledBack
	if r.Mode == rotation.Drill && task.Phase != rotation.Undo {
		ev.Status = rotation.Done
	}
	g, ok := r.known.Get(r.Generation)
	if r.Mode == rotation.Adopt {
		if ok && (g.Life == rotation.Pending || r.Reverse) {
			g.Life, g.Ended, g.Proof = rotation.Dead, ev.At.Wall, givenBack
			ev.Generations = append(ev.Generations, g)
		}
		return []rotation.Event{ev}
	}
	if old, was := r.known.Get(r.From); r.Reverse && was {
		old.Life, g.Life = rotation.Current, rotation.Pending
		ev.Generations = append(ev.Generations, old, g)
	}
	if !ok || !r.Reverse && !r.mayLive() {
		if ev.Status == rotation.RolledBack && len(r.touched()) == 0 && r.refusals() < regenerates {
			ev.Status = rotation.Failed // nothing was ever changed, and the next one may do better
		}
		if ok {
			g.Life, g.Ended, g.Proof = rotation.Dead, ev.At.Wall, "never came to life"
			ev.Generations = append(ev.Generations, g)
		}
		return []rotation.Event{ev}
	}
	x := e.retirement(r, r.Generation)
	x.Undone, x.Erase, x.Units, x.Late = true, r.published(), r.deployed(), r.late()
	x.Grace = x.Late
	if r.Reverse {
		x.Units = r.Units
	}
	if len(x.Units) == 0 && (r.Reverse || len(r.touched()) > 0) && r.Mode != rotation.Emergency && !r.Live.NoIssuer && !seeded.Bug("gone-with-the-rollback") {
		x.Grace = max(x.Grace, r.Grace) // whoever took it must be told to take the old one, and nobody is known
	}
	ev.Spawn = &x
	return []rotation.Event{ev}
}

// mayLive says whether some try to generate succeeded, or may have.
func (r *run) mayLive() bool {
	if r.supplied() {
		return true // a person made it before we heard of it
	}
	open := false
	for _, e := range r.Events {
		if e.Action.Step != rotation.Generate {
			continue
		}
		switch {
		case e.Type == rotation.Intent:
			open = true
		case e.Type == rotation.Result && e.Outcome == rotation.Refused:
			open = false
		case e.Type == rotation.Result:
			return true // ok, or unknown
		}
	}
	return open
}

// late is how long a request that brings the value to life may still be on its
// way: none, if every try was answered.
func (r *run) late() time.Duration {
	lost := false
	for _, e := range r.Events {
		if e.Action.Step != rotation.Generate {
			continue
		}
		switch {
		case e.Type == rotation.Intent:
			lost = true
		case e.Type == rotation.Result && e.Outcome == rotation.Unclear,
			e.Type == rotation.Result && e.Outcome == rotation.OK && e.Facts.Proof == triedBefore:
			return r.cred.Provider.Traits().InFlight
		case e.Type == rotation.Result:
			lost = false
		}
	}
	if lost {
		return r.cred.Provider.Traits().InFlight
	}
	return 0
}

func (e *Engine) retirement(r *run, generation int) rotation.Record {
	return rotation.Record{ID: e.NewID(rotation.KindRetirement), Kind: rotation.KindRetirement,
		Credential: r.Credential, Generation: generation, From: r.From, Mode: r.Mode,
		Strategy: r.Strategy, Minter: r.Minter, Actor: r.Actor, Reason: r.ID,
		Created: e.Now(), Status: rotation.Running, Live: r.Live,
		Bound: r.Bound, AtBound: r.AtBound}
}

var switchPublish = rotation.Action{Step: rotation.Publish, Phase: rotation.Switch}

// replaced lists the revisions that held the old value.
func (r *run) replaced() []rotation.Erasure {
	return r.erasures(func(f *rotation.Facts) string { return f.Before })
}

// published lists the revisions that held the new value, for one that was
// rolled back.
func (r *run) published() []rotation.Erasure {
	return r.erasures(func(f *rotation.Facts) string { return f.Revision })
}

func (r *run) erasures(revision func(*rotation.Facts) string) []rotation.Erasure {
	var out []rotation.Erasure
	for _, part := range r.Parts(switchPublish) {
		ev, ok := r.Did(rotation.Task{Action: switchPublish, Part: part})
		if !ok || ev.Facts == nil {
			continue
		}
		if targets := r.cred.at(rotation.Switch, part); len(targets) == 0 || !targets[0].Store.Traits().Versions {
			continue
		}
		if rev := revision(ev.Facts); rev != "" {
			out = append(out, rotation.Erasure{Name: part, UpTo: rev})
		}
	}
	return out
}

// deployed lists the units that took the change, with what proved it.
func (r *run) deployed() []rotation.Unit {
	var out []rotation.Unit
	for _, u := range r.Units {
		if u.Phase == rotation.Switch && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// touched lists the paths and units that may have been changed.
func (r *run) touched() []string {
	return append(r.Begun(switchPublish), r.Begun(rotation.Action{Step: rotation.Deploy, Phase: rotation.Switch})...)
}
