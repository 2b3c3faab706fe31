package sim

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/generated"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Two rotations within one grace (overlap goes on beside an open
// retirement), then `rotor rollback`: generations 0 (previous, held), 1
// (previous, held), 2 (current). wayBack takes the oldest held generation, 0, but
// the targets get what they held before generation 2: generation 1. The journal
// then calls 0 current, and 1, which everybody presents, is retired.
func TestRollbackWithTwoOlderGenerations(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	one := st.W.Store.text("KEY")
	st.until(st.over(st.begin(engine.Request{})))
	r, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(r.ID))
	current, _ := st.known().Current()
	if text := st.W.Store.text("KEY"); text != one || current.N != 1 {
		t.Errorf("the store holds generation 1: %v; the journal says that %d is current", text == one, current.N)
	}
	for range 4 { // the person does what Rotor asks for
		st.until(never)
		for _, x := range st.known().Open {
			if x.Status == rotation.Asking {
				st.supply(x.ID, rotation.OrderRetire, nil)
			}
		}
	}
	if text := st.W.Store.text("KEY"); !st.W.Provider.Accepts(text) {
		t.Errorf("V2: what the store holds and every unit presents was revoked\n%s", st.show())
	}
}

// Killed after the request that brought the value to life (no outcome
// journalled); the process that resumes tries again and that try is refused
// (denied, or not sent). The refusal of the second try is taken for the fate of
// the first: "never came to life", no retirement, an orphan; or another value is
// made, and the first one is the orphan.
func TestRefusedAfterACrash(t *testing.T) {
	for _, class := range []Class{OverlapServer, OverlapCaller, Alternating} {
		plain := New(Setup{Class: class, Mode: rotation.Manual})
		if err := plain.Run(); err != nil {
			t.Fatal(err)
		}
		for _, p := range plain.W.Worth() {
			if p.Name != "issue" {
				continue
			}
			for _, second := range []Fault{E1, E4} { // the rotation is done, or turned back
				at := p.N + 1
				if class == OverlapServer {
					at++ // it waits for late requests (an append), then looks
				}
				run(t, Setup{Class: class, Mode: rotation.Manual, Script: map[int]Fault{p.N: K4, at: second}})
			}
		}
	}
}

// holding is a consumer that can stand still.
type holding struct {
	*units
	held bool
}

func (h *holding) Hold(context.Context) error    { h.held = true; return nil }
func (h *holding) Release(context.Context) error { h.held = false; return nil }

func withHolder(h *holding) func(*Sim, *engine.Credential) {
	return func(s *Sim, c *engine.Credential) {
		h.units = s.W.Units
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: h}}
	}
}

// In place, with a consumer on hold (PAUSE): the provider refuses the
// change for good, provably not applied. Nothing has changed, but the mere intent
// counts as the point of no return: needs-person, with every consumer standing
// still, rollback refused.
func TestRefusedInPlaceKeepsConsumersOnHold(t *testing.T) {
	h := &holding{}
	st := newStage(t, Setup{Class: InPlaceCaller}, withHolder(h))
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Generate })
	st.loseNextIssue = E4
	st.until(never)
	if h.held {
		t.Errorf("status %s: nothing was changed, and the consumers stand still until a person comes\n%s", st.record(id).Status, st.show())
	}
	if err := st.e.Supply(t.Context(), id, rotation.OrderRollback, "person", nil); err != nil && !st.record(id).Status.Over() {
		t.Errorf("nor is a rollback possible: %v", err)
	}
}

// `rotor abandon` while consumers are on hold: nobody ever releases
// them.
func TestAbandonLeavesConsumersOnHold(t *testing.T) {
	h := &holding{}
	st := newStage(t, Setup{Class: InPlaceCaller}, withHolder(h))
	id := st.begin(engine.Request{})
	st.until(func() bool { return h.held })
	if err := st.e.Supply(t.Context(), id, rotation.OrderAbandon, "person", nil); err == nil {
		t.Error("a rotation was abandoned whose consumers are on hold")
	}
	st.until(never)
	if h.held {
		t.Errorf("the rotation is %s, and its consumers are on hold for ever", st.record(id).Status)
	}
}

// In place: the published value fails to verify more than ten minutes
// after preflight (a person came late, or the provider was away). Another value is
// to be made, for which preflight runs again; it finds the failed value in the
// targets ("somebody changed it by hand") and red checks, and stops, for ever.
func TestRegenerateAfterTenMinutes(t *testing.T) {
	st := newStage(t, Setup{Class: InPlaceCaller}, nil)
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Verify })
	st.W.Provider.live["id-0"].text = "spoilt" // the server stored something else
	st.W.Advance(11 * time.Minute)
	for range 4 {
		st.until(never)
		if st.record(id).Status == rotation.Stuck {
			st.W.Advance(time.Minute)
			st.supply(id, rotation.OrderRetry, nil)
		}
	}
	st.until(never)
	if got := st.record(id).Status; got != rotation.Done {
		t.Errorf("the provider takes every new value, but none is made: %s at %s\n%s", got, st.next(id), st.show())
	}
}

// resetBy is a console in which making a new value ends the old one.
type resetBy struct{ *provider }

func (r resetBy) Traits() room.Traits {
	t := r.provider.Traits()
	t.Strategy, t.Settle, t.InFlight = rotation.InPlace, 0, 0
	return t
}

// manualOnly hides what the provider `manual` cannot do.
type manualOnly struct{ room.Provider }

// A person mints in place (provider manual, strategy in-place): the old
// value died when the person made the new one. The preflight after that finds red
// checks, turns back, and declares the only living value dead.
func TestPersonMintsInPlace(t *testing.T) {
	st := newStage(t, Setup{Class: ByHand}, func(s *Sim, c *engine.Credential) {
		c.Provider = manualOnly{resetBy{s.W.Provider}}
	})
	id := st.begin(engine.Request{})
	st.until(never) // it asks
	made := st.W.mint("minted")
	st.W.Provider.live["id-0"].text = made
	st.supply(id, rotation.OrderSupply, secret.Set{"value": secret.New(made)})
	st.until(never)
	if text := st.W.Store.text("KEY"); st.record(id).Status.Over() && !st.W.Provider.Accepts(text) {
		g, _ := st.known().Get(1)
		t.Errorf("V2: %s; the store holds the dead value, and the only living one is %q (%s)\n%s", st.record(id).Status, g.Life, g.Proof, st.show())
	}
}

// green is a check that is always content.
type green struct{}

func (green) Measure(context.Context, check.Window) (check.Sample, error) {
	return check.Sample{Known: true}, nil
}
func (green) Judge(_, _ check.Sample) check.Result { return check.Result{Verdict: check.Pass} }

// mute units cannot be confirmed (signal, exec).
type mute struct{ *units }

func (mute) Confirm(context.Context, string, consumer.Change) (consumer.Proof, error) {
	return consumer.CannotTell, nil
}

// strict units do not come up with a value that the acceptors refuse, and unit two
// with none but the first.
type strict struct {
	*units
	s *Sim
}

func (u strict) Deploy(ctx context.Context, unit string, c consumer.Change) error {
	text := c.Values["KEY"].Reveal()
	if !u.s.accepted(text) || unit == "two" && text != u.w.first {
		return fault.New(fault.Rejected, "%s: exited 1", unit)
	}
	return u.units.Deploy(ctx, unit, c)
}

// machineToken is `generated` with a service that checks the value: it takes
// what TOKENS of path "acc" lists, with overlap two values.
func machineToken(overlap bool) func(*Sim, *engine.Credential) {
	return func(s *Sim, c *engine.Credential) {
		p, err := generated.New(generated.Options{}, overlap)
		if err != nil {
			panic(err)
		}
		c.Provider, c.Checks = p, []engine.Check{{Name: "green", Check: green{}}}
		text := "{{.value}}"
		if overlap {
			text = "{{.value}}{{with .previous.value}},{{.}}{{end}}"
		}
		key, _ := secret.ParseTemplate("TOKENS")
		value, _ := secret.ParseTemplate(text)
		c.Acceptors = []engine.Acceptor{{Targets: []engine.Target{{StoreName: "mem", Store: s.W.Store, Path: "acc", Key: key, Value: value}}}}
		seed := secret.Set{"TOKENS": secret.New(s.W.first)}
		must(s.W.Store.Store.Put(context.Background(), "acc", store.Edit{Set: seed}, revision(s.W, "acc"), store.Mark{}))
	}
}

func (s *Sim) accepted(text string) bool {
	set, _, _ := s.W.Store.Store.Get(context.Background(), "acc")
	return slices.Contains(strings.Split(set["TOKENS"].Reveal(), ","), text)
}

// Overlap by dual keys holds two values, but a second rotation starts
// beside a held generation and pushes the oldest out of the acceptors, before its
// grace is over and whatever the evidence says.
func TestThirdValuePushesOutOneInGrace(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, machineToken(true))
	st.until(st.over(st.begin(engine.Request{})))
	st.W.Units.holds["two"] = st.W.first // a unit that is behind; it has 48 h
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.record(id).Status.Over() || !st.accepted(st.W.first) })
	if !st.accepted(st.W.first) && st.W.real < grace {
		t.Errorf("V2: %s after the first rotation its value is refused, grace is %s and unit two presents it", st.W.real, grace)
	}
}

// The end of a retirement rewrites the acceptors with the current
// generation alone, also while a rotation is under way that has deployed the next
// one.
func TestRetirementTakesPendingValueFromAcceptors(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		machineToken(true)(s, c)
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: mute{s.W.Units}}}
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return st.known().Open[0].Status == rotation.Waiting })
	st.W.Advance(grace - 30*time.Second) // it ends while the next one is watched
	id := st.begin(engine.Request{})
	refused := func() bool { return !st.accepted(st.W.Units.holds["one"]) }
	st.until(func() bool { return refused() || st.record(id).Status.Over() })
	if refused() {
		t.Errorf("V2: rotation at %s: the units present generation 2, and the acceptors take only 1\n%s", st.next(id), tail(st.show()))
	}
}
