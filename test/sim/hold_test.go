package sim

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// away is a provider that answers Issue with a kind of fault until it is back.
type away struct {
	maker
	kind fault.Kind
	back bool
}

func (p *away) Issue(ctx context.Context, req room.Request) (room.Issued, error) {
	if !p.back {
		return room.Issued{}, fault.New(p.kind, "issue: no contact")
	}
	return p.maker.Issue(ctx, req)
}

func heldBy(t *testing.T, h *holding, p *away) *stage {
	return newStage(t, Setup{Class: InPlaceCaller}, func(s *Sim, c *engine.Credential) {
		withHolder(h)(s, c)
		p.maker = maker{s.W.Provider}
		c.Provider = p
	})
}

// The provider is away while consumers stand still, and nothing was changed: they go
// on within the minute, and the rotation is turned back.
func TestNobodyStandsStillForAProviderThatIsAway(t *testing.T) {
	h := &holding{}
	st := heldBy(t, h, &away{kind: fault.Transient})
	id := st.begin(engine.Request{})
	st.until(func() bool { return h.held })
	began := st.W.real
	st.until(func() bool { return !h.held })
	if stood := st.W.real - began; h.held || stood > time.Minute {
		t.Errorf("held: %v, after %s\n%s", h.held, stood, st.show())
	}
	st.until(never)
	if got := st.record(id).Status; got != rotation.RolledBack && got != rotation.Failed {
		t.Errorf("the rotation is %s\n%s", got, st.show())
	}
}

// The same, and nobody knows whether the change arrived: consumers go on all the same,
// long before a person comes, and what is made up stays the one value.
func TestNobodyStandsStillForAnAnswerThatIsLost(t *testing.T) {
	h := &holding{}
	p := &away{kind: fault.Unknown}
	st := heldBy(t, h, p)
	id := st.begin(engine.Request{})
	st.until(func() bool { return h.held })
	began := st.W.real
	st.until(func() bool { return !h.held })
	if stood := st.W.real - began; h.held || stood > time.Minute {
		t.Fatalf("held: %v, after %s\n%s", h.held, stood, st.show())
	}
	st.until(never)
	if got := st.record(id).Status; got != rotation.Stuck || h.held {
		t.Fatalf("the rotation is %s, held: %v\n%s", got, h.held, st.show())
	}
	p.back = true
	st.restart()
	st.supply(id, rotation.OrderRetry, nil)
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done || h.held || st.W.Provider.serial != 1 {
		t.Errorf("resumed: %s, held: %v, %d values made\n%s", got, h.held, st.W.Provider.serial, st.show())
	}
}

// lame cannot be reached when it is to let go.
type lame struct{ *holding }

func (l lame) Release(context.Context) error {
	return fault.New(fault.Transient, "release: no contact")
}

// Two consumers stand still; the first cannot be reached any more. The second goes on.
func TestOneThatCannotBeReleasedDoesNotKeepTheOther(t *testing.T) {
	h := &holding{}
	st := newStage(t, Setup{Class: InPlaceCaller}, func(s *Sim, c *engine.Credential) {
		h.units = s.W.Units
		c.Consumers = []engine.Consumer{{Name: "first", Consumer: lame{&holding{units: s.W.Units}}}, {Name: "second", Consumer: h}}
	})
	st.begin(engine.Request{})
	st.until(func() bool { return h.held })
	st.until(never)
	if h.held {
		t.Errorf("the second is still held\n%s", st.show())
	}
}
