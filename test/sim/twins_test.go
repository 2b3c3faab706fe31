package sim

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// two is a catalog of two credentials that were one: both hold the first value, each at
// a place of its own.
func two(t *testing.T) *stage {
	st := newStage(t, Setup{Class: OverlapServer}, nil)
	twin := *st.cred
	twin.Name = "other"
	twin.Targets = []engine.Target{st.cred.Targets[0]}
	twin.Targets[0].Path, twin.Consumers, twin.Checks = "other", nil, nil
	st.more = map[string]*engine.Credential{"other": &twin}
	st.byHand("other", secret.Set{"KEY": secret.New(st.W.first)})
	return st
}

func (st *stage) start(req engine.Request) string {
	st.t.Helper()
	req.Credential, req.Actor = "other", "person"
	r, err := st.e.Start(st.t.Context(), req)
	if err != nil {
		st.t.Fatal(err)
	}
	return r.ID
}

// A value that two credentials were taken over with lives until both have another.
func TestTwoCredentialsWithOneValue(t *testing.T) {
	st := two(t)
	adopted := st.start(engine.Request{Mode: rotation.Adopt, Adoption: &rotation.Adoption{}})
	st.until(st.over(adopted))
	first := st.begin(engine.Request{})
	st.until(func() bool { return st.W.real > 3*grace })
	if st.record(adopted).Status != rotation.Done || st.record(first).Status != rotation.Done || !st.W.Provider.Accepts(st.W.first) {
		t.Fatalf("%s, %s: the value that another credential still uses was ended\n%s", st.record(adopted).Status, st.record(first).Status, st.show())
	}
	if !strings.Contains(st.show(), "rotor rotate other") {
		t.Errorf("nobody is told what it waits for\n%s", tail(st.show()))
	}
	second := st.start(engine.Request{Mode: rotation.Manual})
	st.until(never)
	all, _ := st.J.Journal.Credentials(t.Context())
	for _, c := range all {
		if len(c.Open) != 0 {
			t.Errorf("%s: %d open\n%s", c.Name, len(c.Open), tail(st.show()))
		}
	}
	if live := st.W.Provider.Live(); st.record(second).Status != rotation.Done || len(live) != 2 {
		t.Errorf("%s, live: %v\n%s", st.record(second).Status, live, st.show())
	}
}

// Who knows better orders its end.
func TestAnOrderEndsAValueThatTwoHave(t *testing.T) {
	st := two(t)
	st.until(st.over(st.start(engine.Request{Mode: rotation.Adopt, Adoption: &rotation.Adoption{}})))
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return st.W.real > 3*grace })
	open := st.known().OpenOf(rotation.KindRetirement)
	if len(open) != 1 {
		t.Fatalf("%v\n%s", open, st.show())
	}
	st.supply(open[0].ID, rotation.OrderRetire, nil)
	st.until(st.over(open[0].ID))
	if st.W.Provider.Accepts(st.W.first) {
		t.Errorf("it lives\n%s", tail(st.show()))
	}
}
