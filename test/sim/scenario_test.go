package sim

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
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
				if s.inPlace() {
					want = rotation.Done // no way back: a person mended the unit
				}
				if got := s.status(t); got != want {
					t.Errorf("ended as %s, want %s\n%s", got, want, s.show())
				}
			})
			t.Run(string(class)+" stubborn "+unit, func(t *testing.T) {
				s := run(t, Setup{Class: class, Mode: rotation.Manual, Stubborn: unit})
				if got := s.status(t); !s.inPlace() && got != rotation.RolledBack {
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

// TestDoubleKill kills a run at every point, and the run that recovers from it
// at every point again.
func TestDoubleKill(t *testing.T) {
	cases := 0
	for _, class := range Classes {
		plain := New(Setup{Class: class, Mode: rotation.Manual})
		if err := plain.Run(); err != nil {
			t.Fatal(err)
		}
		for _, p := range plain.W.Points {
			first := killsAt(p)[len(killsAt(p))-1] // the later of the two: more has happened
			once := New(Setup{Class: class, Mode: rotation.Manual, Script: map[int]Fault{p.N: first}})
			if err := once.Run(); err != nil {
				t.Fatal(err)
			}
			for _, q := range once.W.Points[p.N+1:] {
				for _, second := range killsAt(q) {
					cases++
					s := run(t, Setup{Class: class, Mode: rotation.Manual, Script: map[int]Fault{p.N: first, q.N: second}})
					if s.trouble != nil {
						t.FailNow()
					}
				}
			}
		}
	}
	t.Logf("double kills: %d cases", cases)
}

func killsAt(p Point) []Fault {
	if p.Write {
		return []Fault{K1, K2}
	}
	return []Fault{K3, K4}
}

// TestSwarm throws several random faults into each run. A failure prints the
// seed; ROTOR_SIM_SEED runs that one alone, ROTOR_SIM_RUNS says how many.
func TestSwarm(t *testing.T) {
	from, runs := 1, 3000
	if text := os.Getenv("ROTOR_SIM_RUNS"); text != "" {
		runs, _ = strconv.Atoi(text)
	}
	if text := os.Getenv("ROTOR_SIM_SEED"); text != "" {
		from, runs = atoi(t, text), 1
	}
	for seed := from; seed < from+runs; seed++ {
		setup := random(uint64(seed))
		s := New(setup)
		if err := s.Run(); err != nil {
			t.Fatalf("ROTOR_SIM_SEED=%d: %s %s %v broken=%q: %v\n%s", seed, setup.Class, setup.Mode, setup.Script, setup.Broken, err, s.show())
		}
	}
}

func atoi(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("ROTOR_SIM_SEED: %v", err)
	}
	return n
}

func random(seed uint64) Setup {
	r := rand.New(rand.NewPCG(seed, 1))
	all := append(append([]Fault{}, EffectFaults...), WriteFaults...)
	setup := Setup{Class: Classes[r.IntN(len(Classes))], Mode: modes[r.IntN(len(modes))], Script: map[int]Fault{}}
	if r.IntN(4) == 0 {
		setup.Broken = []string{"one", "two", "three"}[r.IntN(3)]
	}
	for range 1 + r.IntN(5) {
		setup.Script[r.IntN(60)] = all[r.IntN(len(all))]
	}
	return setup
}

// TestNeighbourDuringRollback: a person edits another key of the path while a
// rollback is under way; the edit stays.
func TestNeighbourDuringRollback(t *testing.T) {
	plain := New(Setup{Class: Alternating, Mode: rotation.Manual, Broken: "two"})
	if err := plain.Run(); err != nil {
		t.Fatal(err)
	}
	for _, p := range plain.W.Points {
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
	for _, p := range plain.W.Points {
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

// TestRollbackDuringGrace: a rotation that was done is rolled back while the old
// value is in its grace, with every fault at every point from there on.
func TestRollbackDuringGrace(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Alternating} {
		from, points := reverse(t, class, nil)
		for n := from; n < points; n++ {
			for _, f := range append(append([]Fault{}, EffectFaults...), WriteFaults...) {
				reverse(t, class, map[int]Fault{n: f})
			}
		}
	}
}

// reverse returns the points between which the rollback ran.
func reverse(t *testing.T, class Class, script map[int]Fault) (from, to int) {
	s := New(Setup{Class: class, Mode: rotation.Manual, Script: script})
	s.start()
	for s.status(t) != rotation.Done {
		s.protect(s.engine, func(e *engine.Engine) error { _, err := e.Advance(t.Context(), s.rotation); return err })
		s.W.Advance(20e9)
	}
	from = len(s.W.Points)
	s.rotation = ""
	for range 5 {
		var r rotation.Record
		alive := s.protect(s.engine, func(e *engine.Engine) (err error) {
			r, err = e.Reverse(t.Context(), name, "person", "")
			return err
		})
		if s.open(); s.rotation != "" && alive || r.ID != "" {
			s.rotation = r.ID
			break
		}
	}
	s.settle()
	for i := 0; i < 4 && s.trouble == nil && s.waiting() > 0; i++ {
		s.heal()
		s.settle()
	}
	key := s.W.Store.text("KEY")
	if err := s.atRest(key); err != nil || s.trouble != nil || script == nil && key != s.W.first {
		t.Fatalf("%s %v: %v %v\n%s", class, script, err, s.trouble, s.show())
	}
	return from, len(s.W.Points)
}
