package sim

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Killed right after a person's value was journalled. `rotor set` with
// the same value is refused with the advice to mint another; with another it
// takes the first one's place, which nobody knows any more.
func TestSecondSupply(t *testing.T) {
	st := newStage(t, Setup{Class: ByHand}, nil)
	id := st.begin(engine.Request{})
	st.until(never) // it asks
	for _, handle := range []string{"hand-1", "hand-2"} {
		text := st.W.mint("minted")
		st.W.Provider.live[handle] = &value{id: handle, text: text}
		err := st.e.Supply(t.Context(), id, rotation.OrderSupply, "person", secret.Set{"value": secret.New(text)})
		if handle == "hand-2" && err != nil {
			return // refused: the rotation has its value
		}
		st.restart()
	}
	known := false
	for _, g := range st.known().Generations {
		known = known || g.Fingerprint == st.keys.FingerprintSet(secret.Set{"value": secret.New(st.W.Provider.live["hand-1"].text)})
	}
	if !known {
		t.Errorf("V3: the first value lives, and no generation has it")
	}
}

// A rollback of a done rotation is abandoned: the retirement of the
// older generation was called off for it, and nothing will ever end that value.
func TestAbandonedReverse(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	r, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.e.Supply(t.Context(), r.ID, rotation.OrderAbandon, "person", nil); err == nil {
		t.Error("a rollback was abandoned half-way")
	}
	st.until(never)
	if g, _ := st.known().Get(0); g.Life == rotation.Previous && len(st.known().Open) == 0 {
		t.Errorf("V6: generation 0 is %s, lives: %v, and no retirement is open", g.Life, st.W.Provider.Accepts(st.W.first))
	}
}

// A target was added to rotor.yaml after the rotation. Going back stops
// half-way: what the new path held before is not sealed.
func TestRollbackWithANewTarget(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, nil)
	all := st.cred.Targets
	st.cred.Targets = all[:1]
	st.until(st.over(st.begin(engine.Request{})))
	st.cred.Targets = all
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + st.W.Store.text("KEY") + "@host")})
	st.restart()
	r, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(r.ID))
	if !st.record(r.ID).Status.Over() {
		t.Errorf("V10: %s at %s, the other path is back at generation 0: %v\n%s", st.record(r.ID).Status, st.next(r.ID), st.W.Store.text("KEY") == st.W.first, tail(st.show()))
	}
}

// Once the old value has left "{{.value}}{{with .previous.value}},{{.}}{{end}}", the
// list of accepted tokens has an empty entry.
func TestNoEmptyToken(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, machineToken(true))
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	if st.accepted("") {
		t.Error("a service that splits the list at the comma accepts the empty token")
	}
}

// The first rotation ever of a credential whose targets were empty is
// rolled back: there is no living value to render the acceptors with, and the
// retirement of the new one never ends.
func TestFirstRotationRolledBackWithAcceptors(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		machineToken(true)(s, c)
		c.Targets[0].Path, c.Targets = "fresh", c.Targets[:1]
		c.Consumers = nil
	})
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Monitor })
	st.supply(id, rotation.OrderRollback, nil)
	for range 3 {
		st.until(never)
		for _, x := range st.known().Open {
			st.supply(x.ID, rotation.OrderRetry, nil)
		}
	}
	if open := st.known().Open; len(open) > 0 {
		t.Errorf("V10: generation %d never ends: %s", open[0].Generation, tail(st.show()))
	}
}

// A dual key may stand under a key of its own (app.sideBySide says so),
// but a template that is nothing but .previous cannot be rendered.
func TestPreviousUnderItsOwnKey(t *testing.T) {
	p, err := secret.ParseTemplate("{{.previous.value}}")
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Render(secret.Set{"value": secret.New("new")}, secret.Set{"value": secret.New("old")})
	if err != nil || v.Reveal() != "old" {
		t.Errorf("got an error: %v", err)
	}
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}
