package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// selfServing is a vendor whose keys manage keys; Rotor enters with one of them.
type selfServing struct {
	lister
	key func() string
}

func (s selfServing) Keys(context.Context) (secret.Set, error) {
	return secret.Set{"key": secret.New(s.key())}, nil
}

// Rotor's own key is rotated. Where the option refers to what the credential's target
// writes, the old one ends; where it still gives the old one, that lives on, and a
// person is told: nothing could be made or ended any more without it.
func TestRotorsOwnKey(t *testing.T) {
	for _, moves := range []bool{true, false} {
		st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) {
			key := func() string { return s.W.first }
			if moves {
				key = func() string { return s.W.Store.text("KEY") }
			}
			c.Provider = selfServing{lister{finder{s.W.Provider}}, key}
		})
		id := st.begin(engine.Request{})
		st.until(never)
		if st.record(id).Status != rotation.Done {
			t.Fatalf("moves %v: %s\n%s", moves, st.record(id).Status, st.show())
		}
		open := st.known().OpenOf(rotation.KindRetirement)
		if alive := st.W.Provider.Accepts(st.W.first); alive == moves || moves != (len(open) == 0) {
			t.Fatalf("moves %v: the old key lives: %v, %d open\n%s", moves, alive, len(open), st.show())
		}
		if moves {
			continue
		}
		_, events, _ := st.J.Journal.Load(t.Context(), open[0].ID)
		if note := events[len(events)-1].Note; open[0].Status != rotation.Stuck || !strings.Contains(note, "target writes") {
			t.Errorf("%s: the person is told %q", open[0].Status, note)
		}
	}
}
