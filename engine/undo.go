package engine

import (
	"context"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// recheck begins a rollback: the old value is proven alive before anybody is
// sent back to it, and what must be put back is fixed.
func (e *Engine) recheck(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if err := e.alive(ctx, r, r.From); err != nil && !seeded.Bug("rollback-to-dead") {
		return e.failed(r, task, err)
	}
	facts := &rotation.Facts{}
	for _, name := range r.changedPaths() {
		facts.Paths = append(facts.Paths, rotation.Path{Phase: rotation.Undo, Name: name})
	}
	units, err := r.changedUnits(ctx)
	if err != nil {
		return e.failed(r, task, err)
	}
	facts.Units = units
	return []rotation.Event{e.ok(task, facts, "")}
}

// changedPaths lists the paths that hold the new value, or may.
func (r *run) changedPaths() []string {
	if !r.Reverse {
		return append(r.undoneAcceptors(), r.Begun(switchPublish)...)
	}
	var out []string
	for _, p := range r.cred.places(rotation.Switch) {
		out = append(out, p.Name)
	}
	return out
}

// undoneAcceptors: in place the acceptors hold the new value alone, so they get
// the old one back first. Where values overlap they hold both, and lose the new
// one by its retirement.
func (r *run) undoneAcceptors() []string {
	if r.Strategy != rotation.InPlace {
		return nil
	}
	return r.Begun(rotation.Action{Step: rotation.Publish, Phase: rotation.Accept})
}

// changedUnits lists, as they are now, the units of consumers that were
// deployed or may have been: a crash loop has replaced their old containers.
func (r *run) changedUnits(ctx context.Context) ([]rotation.Unit, error) {
	begun := map[string]bool{}
	for _, phase := range []rotation.Phase{rotation.Accept, rotation.Switch} {
		if phase == rotation.Accept && r.Strategy != rotation.InPlace {
			continue
		}
		for _, part := range r.Begun(rotation.Action{Step: rotation.Deploy, Phase: phase}) {
			name, _, _ := strings.Cut(part, "/")
			begun[name] = true
		}
	}
	var out []rotation.Unit
	for _, c := range r.cred.presenters(rotation.Undo) {
		if !begun[c.Name] && !r.Reverse {
			continue
		}
		names, err := c.Units(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			out = append(out, rotation.Unit{Phase: rotation.Undo, Name: c.Name + "/" + n})
		}
	}
	return out, nil
}

// alive proves that a generation works now. An error is no proof of death: it
// is tried again, and then a person decides.
func (e *Engine) alive(ctx context.Context, r *run, generation int) (err error) {
	v, err := e.issued(ctx, r, generation)
	if err != nil {
		return err
	}
	if len(v.Values) == 0 || r.Live.NoIssuer || r.alive.lately(generation, e.Now()) {
		return nil // nothing is known that could be tried, or it was just now
	}
	defer func() {
		if err == nil {
			r.alive.note(generation, e.Now())
		}
	}()
	p, ok := provider.As[provider.Prober](r.cred.Provider)
	if !ok {
		return r.cred.Provider.Verify(ctx, v)
	}
	live, err := p.Probe(ctx, v)
	switch live {
	case provider.Alive, provider.Restricted:
		return nil
	case provider.Refused, provider.Expired:
		return fault.New(fault.NeedsPerson, "generation %d is %s at %s: nobody can be sent to it", generation, live, r.cred.Provider.Traits().Name)
	}
	if err == nil {
		err = fault.New(fault.Unknown, "generation %d: %s gave no clear answer", generation, r.cred.Provider.Traits().Name)
	}
	return err
}

// recent is how long a proof that a value works is good for: "now" is never
// sharper than the time that a login takes.
const recent = 2 * time.Second

// proven is the generation that was last seen to work, by this holder of the
// lock.
type proven struct {
	generation int
	at         rotation.Instant
}

func (p *proven) note(generation int, at rotation.Instant) { p.generation, p.at = generation, at }

func (p *proven) lately(generation int, now rotation.Instant) bool {
	return p.at.BootID != "" && p.generation == generation && p.at.BootID == now.BootID && now.Boot-p.at.Boot < recent
}
