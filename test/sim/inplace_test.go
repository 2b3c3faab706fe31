package sim

import (
	"context"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// single holds one value and says so.
type single struct{ maker }

func (p single) Traits() room.Traits {
	t := p.maker.Traits()
	t.Quota = 1
	return t
}

// What replaces a value needs no room beside it.
func TestInPlaceTwiceWithAQuotaOfOne(t *testing.T) {
	st := newStage(t, Setup{Class: InPlaceCaller}, func(s *Sim, c *engine.Credential) {
		c.Provider = single{maker{s.W.Provider}}
	})
	for n := range 2 {
		id := st.begin(engine.Request{})
		st.until(st.over(id))
		if got := st.record(id).Status; got != rotation.Done {
			t.Fatalf("rotation %d: %s\n%s", n+1, got, tail(st.show()))
		}
	}
}

// asked is a provider that resets a value; its answers to reveal are scripted.
type asked struct {
	*provider
	lost   bool // the next answer of Issue is lost, and the reset had no effect
	hidden int  // so many values cannot be shown
	resets int
}

func (p *asked) Issue(ctx context.Context, req room.Request) (room.Issued, error) {
	p.resets++
	if p.lost {
		p.lost = false
		return room.Issued{}, fault.New(fault.Unknown, "issue: the answer was lost")
	}
	v, err := p.provider.Issue(ctx, req)
	if err == nil && p.hidden > 0 {
		return room.Issued{}, fault.New(fault.Unknown, "issue: the answer was lost")
	}
	return v, err
}

func (p *asked) Reveal(context.Context, rotation.Handle) (room.Issued, error) {
	if p.hidden > 0 {
		p.hidden--
		return room.Issued{}, fault.New(fault.Rejected, "reveal: it is shown once")
	}
	v := p.live["id-0"]
	values := p.fields(v)
	values["region"] = secret.Public("here") // more than the targets ever held
	return room.Issued{Handle: rotation.Handle{ID: v.id}, Values: values}, nil
}

func resetting(t *testing.T, p *asked) *stage {
	return newStage(t, Setup{Class: InPlaceServer}, func(s *Sim, c *engine.Credential) {
		p.provider = s.W.Provider
		c.Provider = p
	})
}

// A reset whose answer was lost had no effect: what is revealed is the old value,
// of which the targets knew a part.
func TestRevealedPartOfTheOldValue(t *testing.T) {
	p := &asked{lost: true}
	st := resetting(t, p)
	id := st.begin(engine.Request{})
	st.until(st.over(id))
	if p.resets != 2 || st.W.Provider.Accepts(st.W.first) {
		t.Errorf("V6: %d resets, the old value works: %v, and the rotation is %s", p.resets, st.W.Provider.Accepts(st.W.first), st.record(id).Status)
	}
}

// A reset took effect, its answer was lost, and the provider shows a value once.
func TestHiddenValueIsResetAgain(t *testing.T) {
	p := &asked{hidden: 1}
	st := resetting(t, p)
	id := st.begin(engine.Request{})
	st.until(st.over(id))
	if st.record(id).Status != rotation.Done || p.resets != 2 {
		t.Errorf("V1: %s after %d resets\n%s", st.record(id).Status, p.resets, tail(st.show()))
	}
}

// lossy loses the answer to the first revocation, which took effect.
type lossy struct {
	named
	lost *int
}

func (p lossy) Revoke(ctx context.Context, h rotation.Handle) error {
	err := p.named.Revoke(ctx, h)
	if *p.lost--; err == nil && *p.lost == 0 {
		return fault.New(fault.Unknown, "revoke: the answer was lost")
	}
	return err
}

// The handle of a value that was rolled back is asked for by the value, and after a
// revocation that took effect nobody knows the value any more.
func TestGoneWithoutAHandle(t *testing.T) {
	lost := 1
	st := newStage(t, Setup{Class: OverlapCaller, Script: map[int]Fault{}}, func(s *Sim, c *engine.Credential) {
		c.Provider = lossy{named{maker{s.W.Provider}}, &lost}
	})
	st.loseNextIssue = E3
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Generate && st.record(id).Status == rotation.Waiting })
	st.supply(id, rotation.OrderRollback, nil)
	st.until(never)
	if open := st.known().Open; len(open) > 0 {
		t.Errorf("V10: a person is asked about a value that is gone: %s\n%s", open[0].Status, tail(st.show()))
	}
	if alive := len(st.W.Provider.Live()); alive != 1 {
		t.Errorf("V3: %d values live", alive)
	}
}
