package sim

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func text(s string) secret.Set { return secret.Set{"value": secret.New(s)} }

// minted is a value that the person made in the console that long ago.
func (s *Sim) mintedAgo(id string, ago time.Duration) string {
	v := &value{id: id, text: s.W.mint(id), created: s.W.wall.Add(-ago)}
	s.W.Provider.live[id] = v
	return v.text
}

// A wrong paste, and a value from last year, are refused before anything is noted;
// the rotation goes on waiting, and takes the right one.
func TestAWrongPasteCostsNothing(t *testing.T) {
	st := newStage(t, Setup{Class: ByHand}, nil)
	id := st.begin(engine.Request{})
	st.until(never)
	generations := len(st.known().Generations)
	for what, paste := range map[string]string{"unknown": "half-of-a-val", "old": st.mintedAgo("old", 400*24*time.Hour)} {
		err := st.e.Supply(t.Context(), id, rotation.OrderSupply, "person", text(paste))
		if fault.KindOf(err) != fault.Rejected || err == nil {
			t.Errorf("%s: %v", what, err)
		}
		if r := st.record(id); r.Status != rotation.Asking || len(st.known().Generations) != generations {
			t.Errorf("%s: the rotation is %s, with %d generations", what, r.Status, len(st.known().Generations))
		}
	}
	right := st.mintedAgo("right", time.Hour)
	st.supply(id, rotation.OrderSupply, text(right))
	st.until(st.over(id))
	if st.record(id).Status != rotation.Done || st.W.Store.text("KEY") != right {
		t.Errorf("the right value: %s\n%s", st.record(id).Status, st.show())
	}
}

// What cannot be asked now is no reason to refuse a value that a person has made.
func TestAValueIsTakenWhileTheVendorIsDown(t *testing.T) {
	st := newStage(t, Setup{Class: ByHand}, nil)
	id := st.begin(engine.Request{})
	st.until(never)
	right := st.mintedAgo("right", 0)
	st.W.Script[len(st.W.Points)] = E5
	st.supply(id, rotation.OrderSupply, text(right))
	st.until(st.over(id))
	if st.W.Store.text("KEY") != right {
		t.Errorf("%s\n%s", st.record(id).Status, st.show())
	}
}

// bearer ends values by presenting them.
type bearer struct{ console }

func (b bearer) RevokeValue(_ context.Context, v room.Issued) error {
	return b.w.effect("revoke by value", func() error {
		if known := b.byText(v.Values["value"].Reveal()); known != nil {
			delete(b.live, known.id)
		}
		return nil
	})
}

// Where possession is enough, nobody has to end the old value by hand; a lost answer,
// a kill, a late request included.
func TestEndedByPresentingIt(t *testing.T) {
	for _, f := range append([]Fault{""}, EffectFaults...) {
		st := newStage(t, Setup{Class: ByHand}, func(s *Sim, c *engine.Credential) {
			c.Provider = bearer{console{s.W.Provider}}
		})
		id := st.begin(engine.Request{})
		st.until(never)
		right := st.mintedAgo("right", 0)
		st.supply(id, rotation.OrderSupply, text(right))
		st.until(func() bool {
			open := st.known().OpenOf(rotation.KindRetirement)
			return len(open) > 0 && st.next(open[0].ID).Step == rotation.Revoke
		})
		for at := range 3 { // alive?, then the revocation, wherever it comes
			st.W.Script[len(st.W.Points)+at] = f
		}
		for range 5 {
			if !st.protect(st.e, func(*engine.Engine) error { st.until(never); return nil }) {
				st.restart()
			}
			for _, x := range st.known().Open {
				st.supply(x.ID, rotation.OrderRetry, nil)
			}
		}
		live := st.W.Provider.Live()
		if len(live) != 1 || live[0] != right || len(st.known().Open) != 0 {
			t.Errorf("%s: %d values live, %d records open\n%s", f, len(live), len(st.known().Open), st.show())
		}
	}
}

// fleeting values can be neither found nor shown again; they end by themselves.
type fleeting struct{ *provider }

func (f fleeting) Traits() room.Traits {
	t := f.provider.Traits()
	t.Expires = time.Hour
	return t
}

// A lost answer of a provider whose values end by themselves: another one is made.
func TestALostMintThatExpires(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) {
		c.Provider = fleeting{s.W.Provider}
	})
	id := st.begin(engine.Request{})
	st.loseNextIssue = E3
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done || !st.W.Provider.Accepts(st.W.Store.text("KEY")) {
		t.Errorf("%s\n%s", got, st.show())
	}
	if text := st.W.Store.text("KEY"); text == st.W.first {
		t.Error("the value is the old one")
	}
}

// comparing keeps what preflight was shown.
type comparing struct {
	lister
	shown *[]string
}

func (c comparing) Preflight(_ context.Context, req room.Request) error {
	*c.shown = append(*c.shown, req.Old["value"].Reveal())
	return nil
}

// Before anything is made the provider sees the present value: taken from the store
// the first time, and from the journal then.
func TestPreflightSeesThePresentValue(t *testing.T) {
	var shown, held []string
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) {
		c.Provider = comparing{lister{finder{s.W.Provider}}, &shown}
	})
	for range 2 {
		held = append(held, st.W.Store.text("KEY"))
		id := st.begin(engine.Request{})
		st.until(st.over(id))
	}
	if len(shown) != 2 || shown[0] != held[0] || shown[1] != held[1] {
		t.Errorf("preflight was shown %q, the store held %q", shown, held)
	}
}

// A value that starts the timer of the old one has no way back, is not tried out for
// nothing, and grace is as long as the timer.
func TestTheOldOneEndsByATimer(t *testing.T) {
	st := newStage(t, Setup{Class: Timed}, nil)
	if _, err := st.e.Start(t.Context(), engine.Request{Credential: name, Mode: rotation.Drill}); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("a drill: %v", err)
	}
	id := st.begin(engine.Request{})
	st.until(st.over(id))
	if _, err := st.e.Reverse(t.Context(), name, "person", ""); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("back to a value that is about to end: %v", err)
	}
	x := st.known().OpenOf(rotation.KindRetirement)
	if len(x) != 1 || x[0].Grace < lingers || !st.W.Provider.Accepts(st.W.first) {
		t.Fatalf("%+v\n%s", x, st.show())
	}
	st.until(st.over(x[0].ID))
	if g, _ := st.known().Get(0); g.Proof != engine.DeadProven {
		t.Errorf("%s\n%s", g.Proof, st.show())
	}
}
