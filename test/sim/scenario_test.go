package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
)

func (s *Sim) status(t *testing.T) rotation.Status {
	t.Helper()
	r, _, err := s.J.Journal.Load(t.Context(), s.rotation)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status
}

func (s *Sim) show() string { return strings.Join(s.W.Log, "\n") }

// TestConsumers: each unit in turn does not come up with the new value, or says
// that it restarted and keeps the old one.
func TestConsumers(t *testing.T) {
	for _, class := range Classes {
		for _, unit := range []string{"one", "two", "three"} {
			t.Run(string(class)+" broken "+unit, func(t *testing.T) {
				s := run(t, Setup{Class: class, Mode: rotation.Manual, Broken: unit})
				want := rotation.RolledBack
				if s.oneWay() {
					want = rotation.Done // no way back: a person mended the unit
				}
				if got := s.status(t); got != want {
					t.Errorf("ended as %s, want %s\n%s", got, want, s.show())
				}
			})
			t.Run(string(class)+" stubborn "+unit, func(t *testing.T) {
				s := run(t, Setup{Class: class, Mode: rotation.Manual, Stubborn: unit})
				if got := s.status(t); !s.oneWay() && got != rotation.RolledBack {
					t.Errorf("ended as %s, want rolled-back\n%s", got, s.show())
				}
			})
		}
	}
}

// TestBlindCheck: no data is not a pass; a person is asked.
func TestBlindCheck(t *testing.T) {
	s := New(Setup{Class: OverlapCaller, Mode: rotation.Emergency, Blind: true})
	s.start()
	s.settle()
	if got := s.status(t); got != rotation.Asking {
		t.Fatalf("a rotation whose monitor is blind is %s, want asking\n%s", got, s.show())
	}
	s.heal()
	s.settle()
	if got := s.status(t); got != rotation.Done {
		t.Errorf("after the approval: %s, want done\n%s", got, s.show())
	}
}

// TestRedBaseline: checks that are red before anything happens stop a rotation
// with nothing changed, but not an emergency.
func TestRedBaseline(t *testing.T) {
	s := New(Setup{Class: OverlapCaller, Mode: rotation.Manual, Blind: true})
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if got := s.status(t); got != rotation.Failed {
		t.Errorf("ended as %s, want failed\n%s", got, s.show())
	}
	for _, call := range s.W.Points {
		if strings.HasPrefix(call.Name, "issue") {
			t.Error("something was issued although the baseline was blind")
		}
	}
}

// TestOldValueDied: a rollback first proves that there is something to go back
// to; if the old value died meanwhile nobody is sent to it.
func TestOldValueDied(t *testing.T) {
	s := New(Setup{Class: OverlapCaller, Mode: rotation.Manual, Broken: "one"})
	s.start()
	for range 4 { // until the canary is next
		s.protect(s.engine, func(e *engine.Engine) error {
			_, err := e.Advance(context.Background(), s.rotation)
			return err
		})
	}
	delete(s.W.Provider.live, "id-0")
	s.trouble = nil
	for range 40 {
		s.protect(s.engine, func(e *engine.Engine) error {
			_, err := e.Advance(context.Background(), s.rotation)
			return err
		})
		s.W.Advance(30e9)
	}
	if got := s.status(t); got != rotation.Stuck {
		t.Fatalf("a rollback to a dead value is %s, want needs-person\n%s", got, s.show())
	}
	if s.W.Store.text("KEY") == s.W.first {
		t.Errorf("the store was given a dead value back\n%s", s.show())
	}
}

// TestOlderState (J4): the journal was restored from before a rotation. Nothing
// that is alive may be killed because the journal does not know it.
func TestOlderState(t *testing.T) {
	for _, nameless := range []bool{false, true} {
		for _, lost := range []Fault{E2, E3, K4} {
			olderState(t, lost, nameless)
		}
	}
}

func olderState(t *testing.T, lost Fault, nameless bool) {
	s := New(Setup{Class: OverlapServer, Mode: rotation.Manual, Nameless: nameless})
	old := s.J.Journal.Snapshot()
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	s.J.Journal.Restore(old, false)
	s.W.Script, s.rotation, s.engine = map[int]Fault{}, "", s.newEngine()
	s.W.Advance(2 * grace)
	s.loseNextIssue = lost
	s.start()
	s.settle()
	if text := s.W.Store.text("KEY"); !s.W.Provider.Accepts(text) {
		t.Fatalf("%s: the living value was revoked\n%s", lost, s.show())
	}
	if s.trouble != nil {
		t.Errorf("%s: %v\n%s", lost, s.trouble, s.show())
	}
}

// TestNeighbourDuringRollback: a person edits another key of the path while a
// rollback is under way; the edit stays.
func TestNeighbourDuringRollback(t *testing.T) {
	plain := New(Setup{Class: Alternating, Mode: rotation.Manual, Broken: "two"})
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	for _, p := range plain.W.Worth() {
		if p.Write {
			run(t, Setup{Class: Alternating, Mode: rotation.Manual, Broken: "two", Script: map[int]Fault{p.N: O2}})
		}
	}
}

// TestLateRequest: the request that brings the new value to life takes effect
// only after the rotation was rolled back.
func TestLateRequest(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Alternating} {
		s := New(Setup{Class: class, Mode: rotation.Manual})
		s.start()
		s.loseNextIssue = E7
		s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
		s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
		s.protect(s.engine, func(e *engine.Engine) error {
			return e.Supply(t.Context(), s.rotation, rotation.OrderRollback, "person", nil)
		})
		s.settle()
		s.W.Advance(late)
		s.settle()
		if err := s.final(); err != nil || s.trouble != nil {
			t.Errorf("%s: %v %v\n%s", class, err, s.trouble, s.show())
		}
	}
}

// TestDeathNeedsProof: the revocation takes its time, and the probe that should
// prove it fails. An error is not a proof.
func TestDeathNeedsProof(t *testing.T) {
	plain := New(Setup{Class: OverlapCaller, Mode: rotation.Manual})
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	script := map[int]Fault{}
	for _, p := range plain.W.Worth() {
		if strings.HasPrefix(p.Name, "revoke") {
			script[p.N], script[p.N+2] = E8, E2 // revoke, append, probe
		}
	}
	if len(script) != 2 {
		t.Fatalf("expected one revocation, script %v", script)
	}
	run(t, Setup{Class: OverlapCaller, Mode: rotation.Manual, Script: script})
}

// TestSomebodyStillUsesTheOldValue: a unit was put back to the old value by hand
// after the rotation was done. Nothing is revoked under it; a person decides.
func TestSomebodyStillUsesTheOldValue(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Alternating} {
		s := New(Setup{Class: class, Mode: rotation.Manual})
		s.start()
		for s.status(t) != rotation.Done {
			s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
			s.W.Advance(20e9)
		}
		s.W.Units.holds["two"] = s.W.first
		s.settle()
		if s.trouble != nil {
			t.Fatalf("%s: %v\n%s", class, s.trouble, s.show())
		}
		open, err := s.J.Journal.Unfinished(t.Context())
		if err != nil || len(open) != 1 || open[0].Status != rotation.Asking {
			t.Fatalf("%s: want one retirement that asks, got %v %v\n%s", class, open, err, s.show())
		}
	}
}

// TestSlotTakenMeanwhile: whatever the plans said, a retirement never revokes an
// account that a living generation uses.
func TestSlotTakenMeanwhile(t *testing.T) {
	s := New(Setup{Class: Alternating, Mode: rotation.Manual})
	s.start()
	for s.status(t) != rotation.Done {
		s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
		s.W.Advance(20e9)
	}
	first, _, err := s.J.Journal.Load(t.Context(), s.rotation)
	if err != nil {
		t.Fatal(err)
	}
	// a plan made as if generation 0 had ended: it takes slot a again
	next := first
	next.ID, next.Generation, next.From, next.Status, next.Created = "rot-900", 2, 1, rotation.Running, s.W.Now()
	if _, err := s.J.Journal.Create(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	s.rotation, s.engine = next.ID, s.newEngine()
	s.settle()
	s.heal() // a person says: end it
	s.settle()
	if s.trouble != nil {
		t.Fatalf("%v\n%s", s.trouble, s.show())
	}
	if text := s.W.Store.text("KEY"); !s.W.Provider.Accepts(text) {
		t.Fatalf("the living value was revoked\n%s", s.show())
	}
}
