package sim

import (
	"context"
	"slices"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// layout is a provider whose login must be reshaped before it can be rotated; each
// step is an effect of its own.
type layout struct {
	named
	w     *World
	done  []string
	wrong bool // the login does not work in the new layout
}

var reshaping = []string{"make owner", "move objects"}

func (p *layout) PlanAdoption(context.Context, secret.Set) (room.Adoption, error) {
	return room.Adoption{Steps: reshaping, Undo: []string{"move back"}}, nil
}

func (p *layout) Adopt(_ context.Context, v secret.Set, shown room.Adoption) error {
	if !slices.Equal(shown.Steps, reshaping) || v["value"].IsZero() {
		return fault.New(fault.Rejected, "adopt: not what was shown")
	}
	for _, step := range shown.Steps {
		if err := p.w.effect(step, func() error {
			if !slices.Contains(p.done, step) {
				p.done = append(p.done, step)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (p *layout) Unadopt(context.Context, secret.Set, room.Adoption) error {
	return p.w.effect("move back", func() error { p.done = nil; return nil })
}

func (p *layout) Verify(ctx context.Context, v room.Issued) error {
	if p.wrong {
		return fault.New(fault.Rejected, "verify: permission denied")
	}
	return p.named.Verify(ctx, v)
}

// adopting begins an adoption on a stage with one scripted fault, and goes through
// with it; people restart what was killed.
func adopting(t *testing.T, wrong bool, script map[int]Fault) (*stage, *layout, string) {
	t.Helper()
	var p *layout
	st := newStage(t, Setup{Class: Alternating, Script: script}, func(s *Sim, c *engine.Credential) {
		p = &layout{named: named{maker{s.W.Provider}}, w: s.W, wrong: wrong}
		c.Provider, c.Checks = p, nil
	})
	shown, err := st.e.PlanAdoption(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	st.survive(func() {
		if r, err := st.e.Start(t.Context(), engine.Request{Credential: name, Mode: rotation.Adopt, Actor: "person", Adoption: &shown}); err == nil {
			id = r.ID
		}
	})
	if open := st.known().Open; id == "" && len(open) > 0 {
		id = open[0].ID // the answer was lost
	}
	return st, p, id
}

// survive runs do; a kill in it is followed by a new process.
func (st *stage) survive(do func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
			st.restart()
		}
	}()
	do()
}

func (st *stage) through(id string) {
	for range 20 {
		st.survive(func() { st.until(st.over(id)) })
		if id == "" || st.record(id).Status.Over() {
			return
		}
		if s := st.record(id).Status; s == rotation.Stuck {
			st.survive(func() { _ = st.e.Supply(st.t.Context(), id, rotation.OrderRetry, "person", nil) })
		}
	}
}

// Every fault at every point of an adoption: it is adopted with every step done, or
// it is as it was; the value works throughout.
func TestAdoptionEverySingleFault(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		plain, _, id := adopting(t, wrong, nil)
		plain.through(id)
		for _, point := range plain.W.Worth() {
			for _, f := range faultsAt(point) {
				if f == O1 {
					continue // the second worker of the simulator knows no layout
				}
				st, p, id := adopting(t, wrong, map[int]Fault{point.N: f})
				if id == "" {
					continue // refused at the first write
				}
				st.through(id)
				current, has := st.known().Current()
				switch r := st.record(id); {
				case !st.W.Provider.Accepts(st.W.first):
					t.Errorf("%s at %s: V2: the adopted value no longer works", f, point)
				case r.Status == rotation.Done && (wrong || !has || current.N != 1 || len(p.done) != len(reshaping)):
					t.Errorf("%s at %s: done, current %d, steps %v", f, point, current.N, p.done)
				case r.Status != rotation.Done && (has || len(p.done) > 0 || !r.Status.Over()):
					t.Errorf("%s at %s: %s, current %v, steps %v\n%s", f, point, r.Status, has, p.done, tail(st.show()))
				}
			}
		}
	}
}

// An adopted value is rotated, gone back to, given back, and adopted again.
func TestAdoptedLife(t *testing.T) {
	st, p, id := adopting(t, false, nil)
	st.through(id)
	once, err := st.e.PlanAdoption(t.Context(), name) // more may have to be done by now
	if err != nil {
		t.Fatal(err)
	}
	second, err := st.e.Start(t.Context(), engine.Request{Credential: name, Mode: rotation.Adopt, Actor: "person", Adoption: &once})
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(second.ID))
	if c := st.known(); c.Latest() != 1 || len(c.Open) > 0 || st.record(second.ID).Status != rotation.Done {
		t.Errorf("adopted once more: %s, generations %v, open %v", st.record(second.ID).Status, c.Generations, c.Open)
	}
	if done, err := st.e.Adopted(t.Context(), name); err != nil || len(done.Undo) != 2 {
		t.Errorf("the undo of two adoptions: %v %v", done, err)
	}
	st.until(st.over(st.begin(engine.Request{})))
	if _, err := st.e.PlanAdoption(t.Context(), name); fault.KindOf(err) != fault.Rejected {
		t.Errorf("what Rotor made was adopted: %v", err)
	}
	if _, err := st.e.GiveBack(t.Context(), name, "person", ""); fault.KindOf(err) != fault.Rejected {
		t.Errorf("given back while a newer value is current: %v", err)
	}
	back, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(back.ID))
	given, err := st.e.GiveBack(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(given.ID))
	if g, _ := st.known().Get(1); g.Life != rotation.Dead || len(p.done) > 0 || !st.W.Provider.Accepts(st.W.first) {
		t.Errorf("given back: generation 1 is %s, steps left %v, works: %v", g.Life, p.done, st.W.Provider.Accepts(st.W.first))
	}
	if _, err := st.e.PlanAdoption(t.Context(), name); err != nil {
		t.Errorf("adopting again: %v", err)
	}
}
