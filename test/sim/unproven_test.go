package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// fronted answers for a provider behind it: a refusal is nobody's proof.
type fronted struct{ named }

func (p fronted) Probe(ctx context.Context, v room.Issued) (room.Liveness, error) {
	live, err := p.named.Probe(ctx, v)
	if live == room.Refused {
		return room.NotKnown, fault.New(fault.Rejected, "probe: refused by whoever is in front")
	}
	return live, err
}

// A person takes a refusal that proves nothing for the end, and it is called so.
func TestARefusalThatProvesNothing(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) { c.Provider = fronted{named{maker{s.W.Provider}}} })
	id := st.begin(engine.Request{})
	st.until(st.over(id))
	st.until(never)
	open := st.known().OpenOf(rotation.KindRetirement)
	if len(open) != 1 || open[0].Status != rotation.Stuck || !strings.Contains(st.show(), "--retire") {
		t.Fatalf("%+v\n%s", open, st.show())
	}
	st.supply(open[0].ID, rotation.OrderRetire, nil)
	st.until(st.over(open[0].ID))
	old, _ := st.known().Get(st.record(id).From)
	if old.Life != rotation.Dead || old.Proof != engine.DeadReplaced {
		t.Errorf("%s, %q\n%s", old.Life, old.Proof, st.show())
	}
}
