package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// sealed is a store that can only be written, as GitHub's secrets can.
type sealed struct{ *trippedStore }

func (sealed) Traits() store.Traits { return store.Traits{Name: "sealed"} }

func (sealed) Get(context.Context, string) (secret.Set, store.Revision, error) {
	return nil, "", fault.New(fault.BadConfig, "sealed: cannot be read")
}

func (s sealed) Put(ctx context.Context, path string, edit store.Edit, _ store.Revision, m store.Mark) (store.Revision, error) {
	_, now, err := s.Store.Get(ctx, path)
	if err != nil {
		return "", err
	}
	_, err = s.trippedStore.Put(ctx, path, edit, now, m)
	return "", err
}

// writeOnly lets the first so many targets be write-only.
func writeOnly(n int) func(*Sim, *engine.Credential) {
	return func(s *Sim, c *engine.Credential) {
		for i := range c.Targets[:n] {
			c.Targets[i].Store, c.Targets[i].StoreName = sealed{s.W.Store}, "sealed"
		}
		c.Consumers = nil // units read what is sealed by other ways
	}
}

// turnBack goes as far as the monitor, and back.
func (st *stage) turnBack(id string) {
	st.t.Helper()
	st.until(func() bool { return st.next(id).Step == rotation.Monitor })
	st.supply(id, rotation.OrderRollback, nil)
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.RolledBack {
		st.t.Errorf("ended as %s, want rolled-back\n%s", got, st.show())
	}
}

// A write-only target is rolled back from the sealed generation: that of the
// rotation before, or what a readable target of the same credential held.
func TestWriteOnlyIsRolledBackFromTheSealedGeneration(t *testing.T) {
	for name, readable := range map[string]bool{"all write-only, second rotation": false, "one readable, first rotation": true} {
		t.Run(name, func(t *testing.T) {
			first := 2
			if readable {
				first = 1
			}
			st := newStage(t, Setup{Class: OverlapCaller}, writeOnly(first))
			if !readable {
				st.until(st.over(st.begin(engine.Request{})))
			} else { // the template of the readable one is the value itself
				st.cred.Targets[1].Value = secret.FieldTemplate("value")
				st.byHand("url", secret.Set{"URL": secret.New(st.W.first)})
			}
			before := st.W.Store.text("KEY")
			st.turnBack(st.begin(engine.Request{}))
			if got := st.W.Store.text("KEY"); got != before || got == "" {
				t.Errorf("the write-only target does not hold the value from before\n%s", st.show())
			}
		})
	}
}

// The first rotation of targets that nobody can read: what they held is not known. Going
// back takes the new value away, ends, and says so.
func TestWriteOnlyWithNothingSealed(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, writeOnly(2))
	id := st.begin(engine.Request{})
	st.turnBack(id)
	set, _, _ := st.W.Store.Store.Get(t.Context(), "app")
	if _, ok := set["KEY"]; ok {
		t.Errorf("the key is still there\n%s", st.show())
	}
	_, events, _ := st.J.Journal.Load(t.Context(), id)
	said := false
	for _, e := range events {
		said = said || strings.Contains(e.Note, "put the old value back")
	}
	if !said {
		t.Errorf("nobody is told\n%s", st.show())
	}
	st.until(never)
	if open := st.known().Open; len(open) > 0 {
		t.Errorf("generation %d never ends: %s", open[0].Generation, tail(st.show()))
	}
}

// An answer of a write-only store that is lost: it is written again, for nobody can look.
func TestWriteOnlyLostAnswer(t *testing.T) {
	for _, lost := range []Fault{E2, E3} {
		st := newStage(t, Setup{Class: OverlapCaller}, writeOnly(2))
		id := st.begin(engine.Request{})
		st.until(func() bool { return st.next(id).Step == rotation.Publish })
		st.W.Script = map[int]Fault{}
		for n := len(st.W.Points); n < len(st.W.Points)+4; n++ {
			st.W.Script[n] = lost
		}
		st.until(st.over(id))
		if got := st.record(id).Status; got != rotation.Done || !st.W.Provider.Accepts(st.W.Store.text("KEY")) {
			t.Errorf("%s: ended as %s\n%s", lost, got, st.show())
		}
	}
}
