package sim

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Without an issuer a retirement has no revoke: a value ends when the
// acceptors forget it. wayBack looks for revoke alone and goes back to a value
// that nobody takes any more.
func TestRollbackToAForgottenValue(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, machineToken(true))
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return !st.accepted(st.W.first) })
	if len(st.known().Open) == 0 {
		t.Skip("the retirement is over in the same step")
	}
	r, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		return // refused, as it should be
	}
	st.until(st.over(r.ID))
	if text := st.W.Units.holds["one"]; !st.accepted(text) {
		t.Errorf("V2: rolled back (%s), and the acceptors refuse what every unit presents\n%s", st.record(r.ID).Status, st.show())
	}
}

// In place without an issuer: acceptors took the new value first. A
// rollback restores the consumers' targets and deploys them, but the acceptors
// get the old value back only by the retirement afterwards: units that do not
// come up without their server hold the rollback up for ever.
func TestRollbackForgetsAcceptors(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		machineToken(false)(s, c)
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: strict{s.W.Units, s}}}
	})
	id := st.begin(engine.Request{})
	st.until(never)
	if key := st.W.Store.text("KEY"); !st.accepted(key) {
		t.Errorf("V2: %s at %s: the store holds a value that the acceptors refuse\n%s", st.record(id).Status, st.next(id), st.show())
	}
}

// at-bound: revoke. The bound is not a guarded wait: after a reboot
// the wall clock alone decides, and a clock that was set ahead revokes what is
// proven to be in use.
func TestBoundBelievesTheWallClock(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(_ *Sim, c *engine.Credential) { c.AtBound = "revoke" })
	st.until(st.over(st.begin(engine.Request{})))
	st.W.Units.holds["two"] = st.W.first
	lacking := func() bool {
		open := st.known().Open
		return len(open) == 1 && st.next(open[0].ID).Step == rotation.Evidence && open[0].Status == rotation.Waiting
	}
	if !st.until(lacking) {
		t.Fatal(st.show())
	}
	since := st.W.real
	st.W.wall, st.W.boot, st.W.bootID = st.W.wall.Add(25*time.Hour), 0, "boot'"
	st.restart()
	st.until(func() bool { return !st.W.Provider.Accepts(st.W.first) })
	if waited := st.W.real - since; waited < 24*time.Hour {
		t.Errorf("V9: revoked under unit two %s after the bound began, bound 24h", waited)
	}
}

// --accept-drift with alternating accounts: the value put there by hand
// is of the idle account. The next slot is still told from the journal, so the
// account that everybody uses gets another password.
func TestAcceptedDriftInTheOtherSlot(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, nil)
	x := st.W.mint("by-hand")
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)                                                                // generation 1, slot b; slot a is closed
	st.W.Provider.live["role-a"] = &value{id: "role-a", slot: "a", text: x}        // a person opens a ...
	st.byHand("app", secret.Set{"KEY": secret.New(x), "SLOT": secret.Public("a")}) // ... and moves everybody there
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + x + "@host")})
	for u := range st.W.Units.holds {
		st.W.Units.holds[u] = x
	}
	st.trouble = nil
	id := st.begin(engine.Request{Drift: true})
	st.until(st.over(id))
	if st.trouble != nil {
		t.Errorf("%v\n%s", st.trouble, st.show())
	}
}

// --accept-drift with overlap: the value put there by hand becomes no
// generation, so that nobody ever ends it, and a rollback proves another value
// alive than the one it restores.
func TestAcceptedDriftIsNeverRevoked(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	x := st.W.mint("by-hand")
	st.W.Provider.live["by-hand"] = &value{id: "by-hand", text: x}
	st.byHand("app", secret.Set{"KEY": secret.New(x)})
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + x + "@host")})
	for u := range st.W.Units.holds {
		st.W.Units.holds[u] = x
	}
	st.until(st.over(st.begin(engine.Request{Drift: true})))
	st.until(never)
	if len(st.known().Open) == 0 && st.W.Provider.Accepts(x) {
		t.Errorf("V6: rotated and retired, but the value that was in use before still works and no record knows it")
	}
}

// `rotor abandon` after deploy, alternating: the pending generation in
// slot b is what everybody uses; the next rotation takes slot b again.
func TestAbandonThenRotate(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, nil)
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Monitor })
	st.supply(id, rotation.OrderAbandon, nil)
	st.trouble = nil
	id = st.begin(engine.Request{Drift: true}) // without drift it is refused, with just this hint
	st.until(st.over(id))
	if st.trouble != nil {
		t.Errorf("%v\n%s", st.trouble, st.show())
	}
}

// `rotor abandon` after generate, alternating: the pending generation
// stays on record for ever without a retirement, and as it shares slot b, no later
// value in slot b is ever revoked.
func TestAbandonedGenerationShieldsItsSlot(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, nil)
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Verify })
	st.supply(id, rotation.OrderAbandon, nil)
	st.until(st.over(st.begin(engine.Request{}))) // slot b again
	second := st.W.Store.text("KEY")
	st.until(never)
	st.until(st.over(st.begin(engine.Request{}))) // slot a
	for range 4 {
		st.until(never)
		for _, x := range st.known().Open {
			st.supply(x.ID, rotation.OrderRetry, nil)
		}
	}
	if st.W.Provider.Accepts(second) {
		t.Errorf("V6: the old value in slot b is never revoked:\n%s", tail(st.show()))
	}
}

// In place: three values failed to verify and the provider is mended
// since. `resume` tries the third one again, for ever; nothing makes a fourth, and
// there is no way back.
func TestFourthValueIsNeverMade(t *testing.T) {
	st := newStage(t, Setup{Class: InPlaceCaller}, nil)
	id := st.begin(engine.Request{})
	spoil := func() bool {
		if st.next(id).Step == rotation.Verify {
			st.W.Provider.live["id-0"].text = "spoilt"
		}
		return st.record(id).Status == rotation.Stuck
	}
	if !st.until(spoil) {
		t.Fatal(st.show())
	}
	for range 3 {
		if st.record(id).Status.Over() {
			break
		}
		st.supply(id, rotation.OrderRetry, nil)
		st.until(func() bool { s := st.record(id).Status; return s == rotation.Stuck || s.Over() })
	}
	if got := st.record(id).Status; got != rotation.Done {
		t.Errorf("V10: %s at %s: %s", got, st.next(id), tail(st.show()))
	}
}

// Two processes rotate a credential in turns; what the first one remembers of it
// is old by then.
func TestAnotherProcessRotatedMeanwhile(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, nil)
	rotate := func() string {
		id := st.begin(engine.Request{})
		st.until(never)
		st.e.Release(name) // as runners do
		return id
	}
	first := st.e
	rotate()
	st.restart()
	second := rotate()
	st.e = first
	third := rotate()
	if a, b := st.record(second), st.record(third); b.From != a.Generation || b.Generation != a.Generation+1 || b.Status != rotation.Done {
		t.Errorf("V4: after %d -> %d the first process rotated %d -> %d (%s)", a.From, a.Generation, b.From, b.Generation, b.Status)
	}
	if alive := len(st.W.Provider.Live()); alive != 1 {
		t.Errorf("V3: %d values live", alive)
	}
}
