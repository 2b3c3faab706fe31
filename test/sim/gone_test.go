package sim

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// dies ends all of our values, as somebody did in the vendor's console.
func (st *stage) dies() {
	for id := range st.W.Provider.live {
		if id != "stranger" {
			delete(st.W.Provider.live, id)
		}
	}
}

// The same for a value that Rotor made: checks are red because of it, and say so.
func TestTheCurrentValueIsGone(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Unnamed} {
		st := newStage(t, Setup{Class: class}, nil)
		first := st.begin(engine.Request{})
		st.until(never)
		st.dies()
		second := st.begin(engine.Request{})
		st.until(never)
		_, events, _ := st.J.Journal.Load(t.Context(), second)
		if st.record(first).Status != rotation.Done || st.record(second).Status != rotation.Failed || !strings.Contains(events[0].Note, "--accept-dead") {
			t.Errorf("%v\n%s", class, st.show())
		}
		third := st.begin(engine.Request{Gone: true})
		st.until(never)
		if r, live := st.record(third), st.W.Provider.Live(); r.Status != rotation.Done || len(live) != 1 || len(st.known().Open) != 0 {
			t.Errorf("%v: %s, %d of ours live\n%s", class, r.Status, len(live), st.show())
		}
	}
}

// A value that was ended before Rotor ever saw it needs replacing more than any other.
func TestTheFirstValueIsGoneAlready(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Unnamed} {
		st := newStage(t, Setup{Class: class}, nil)
		st.dies()
		id := st.begin(engine.Request{Gone: true})
		st.until(never)
		if got := st.record(id).Status; got != rotation.Done {
			t.Errorf("%v: %s\n%s", class, got, st.show())
			continue
		}
		if g, _ := st.known().Get(0); g.Life != rotation.Dead || len(st.known().Open) != 0 {
			t.Errorf("%v: generation 0 is %s (%s), %d open\n%s", class, g.Life, g.Proof, len(st.known().Open), st.show())
		}
		if live := st.W.Provider.Live(); len(live) != 1 {
			t.Errorf("%v: %d of ours live", class, len(live))
		}
	}
}

// Without a person's word it is not replaced: rotor.yaml may be about another account.
func TestARefusedFirstValueIsAskedAbout(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, nil)
	st.dies()
	id := st.begin(engine.Request{})
	st.until(never)
	_, events, _ := st.J.Journal.Load(t.Context(), id)
	if r := st.record(id); r.Status != rotation.Failed || !strings.Contains(events[0].Note, "--accept-dead") || len(st.W.Provider.Live()) != 0 {
		t.Errorf("%s: %q\n%s", r.Status, events[0].Note, st.show())
	}
}

// There is no way back to it: a new value that does not do stays, and a person is asked.
func TestNoWayBackToWhatIsGone(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, nil)
	st.dies()
	id := st.begin(engine.Request{Gone: true})
	st.until(func() bool { return st.next(id).Step == rotation.Monitor })
	st.supply(id, rotation.OrderRollback, nil)
	st.until(never)
	if r := st.record(id); r.Status != rotation.Stuck {
		t.Errorf("%s\n%s", r.Status, st.show())
	}
	if live := st.W.Provider.Live(); len(live) != 1 {
		t.Errorf("%d of ours live: the only one that works was ended\n%s", len(live), st.show())
	}
}

// elsewhere is set up for another account than the value is from.
type elsewhere struct{ named }

func (e elsewhere) Identify(context.Context, secret.Set) (rotation.Handle, error) {
	return rotation.Handle{}, fault.New(fault.Rejected, "identify: this account has no such value").WithHint("check the account")
}

var _ room.Identifier = elsewhere{}

// A value that works and is not of this account: rotor.yaml is wrong, not the value.
func TestTheValueIsOfAnotherAccount(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) { c.Provider = elsewhere{named{maker{s.W.Provider}}} })
	id := st.begin(engine.Request{Gone: true})
	st.until(never)
	_, events, _ := st.J.Journal.Load(t.Context(), id)
	if got := st.record(id).Status; got != rotation.Failed || len(st.W.Provider.Live()) != 1 {
		t.Errorf("%s, %d live\n%s", got, len(st.W.Provider.live), st.show())
	}
	if note := events[0].Note; !strings.Contains(note, "no such value") {
		t.Errorf("the note is %q", note)
	}
}
