package sim

import (
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// ended checks that a text is refused in the end, and that nothing waits for anybody.
func (st *stage) ended(text string) {
	st.t.Helper()
	st.until(never)
	if open := st.known().Open; len(open) > 0 {
		st.t.Errorf("%s of generation %d is %s", open[0].Kind, open[0].Generation, open[0].Status)
	}
	if st.W.Provider.Accepts(text) {
		st.t.Errorf("V6: the old value still works")
	}
	if st.trouble != nil {
		st.t.Error(st.trouble)
	}
	if st.t.Failed() {
		st.t.Log(st.show())
	}
}

// A person changes the password of the account in use by hand, and everywhere. Two
// generations of that account end then, and the older one must not shield the newer.
func TestAcceptedDriftInTheSameSlot(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never) // generation 1, slot b
	x := st.W.mint("by-hand")
	st.W.Provider.live["role-b"].text = x
	st.byHand("app", secret.Set{"KEY": secret.New(x), "SLOT": secret.Public("b")})
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + x + "@host")})
	for u := range st.W.Units.holds {
		st.W.Units.holds[u] = x
	}
	st.trouble = nil
	st.until(st.over(st.begin(engine.Request{Drift: true})))
	st.ended(x)
}

// Only the way in which a target is written was changed (its template, say): what is
// accepted is the value that Rotor knows, and it ends once.
func TestAcceptedDriftOfTheSameValue(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	text := st.W.Provider.live["role-b"].text
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + text + "@another-host")})
	id := st.begin(engine.Request{Drift: true})
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done {
		t.Fatalf("%s\n%s", got, st.show())
	}
	st.ended(text)
}
