package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// observe sees every durable event.
func (s *Sim) observe(r rotation.Record, e rotation.Event) {
	text, _ := json.Marshal(e)
	if strings.Contains(string(text), "-marker-") {
		s.fail(fmt.Errorf("V8: a value stands in event %s %s", e.Type, e.Action))
	}
	for _, g := range e.Generations {
		if g.N == 0 && g.Proof == engine.DeadProven && s.W.Provider.Accepts(s.W.first) {
			s.fail(fmt.Errorf("V6: called dead and proven, but it still works"))
		}
	}
	if r.Kind == rotation.KindRotation && e.Status == rotation.Done {
		s.finished = s.W.real
	}
	s.check()
}

// check tries the invariants that hold at every moment.
func (s *Sim) check() {
	if s.trouble != nil {
		return
	}
	for _, rule := range []func() error{s.noLoss, s.noLockOut, s.discipline} {
		if err := rule(); err != nil {
			s.fail(err)
		}
	}
}

// oneWay says whether the class knows no way back.
func (s *Sim) oneWay() bool { return s.inPlace() || s.Class == Timed }

// inPlace says whether the class can have no overlap.
func (s *Sim) inPlace() bool {
	return s.Class == InPlaceCaller || s.Class == InPlaceServer || s.Class == SelfChanging
}

func (s *Sim) open() (rotation.Record, []rotation.Event, bool) {
	if open, _ := s.J.Journal.Unfinished(context.Background()); s.rotation == "" && len(open) > 0 {
		s.rotation = open[0].ID
	}
	r, events, err := s.J.Journal.Load(context.Background(), s.rotation)
	return r, events, err == nil && !r.Status.Over()
}

// noLoss is V1: some value that the provider accepts is in the store or sealed.
func (s *Sim) noLoss() error {
	if s.Class == InPlaceServer {
		if _, events, open := s.open(); open && openGenerate(events) {
			return nil // between "applied" and "receipt durable" nobody can know it
		}
	}
	if s.W.Provider.Accepts(s.W.Store.text("KEY")) {
		return nil
	}
	c, _ := s.J.Journal.Credential(context.Background(), name)
	for _, g := range c.Generations {
		for attempt := range 9 {
			slot := fmt.Sprintf("values/%d", attempt)
			blob, err := s.J.Journal.Sealed(context.Background(), name, g.N, slot)
			if err != nil {
				continue
			}
			set, err := s.keys.Open(blob, secret.Place{Credential: name, Generation: g.N, Slot: slot})
			if err == nil && s.W.Provider.Accepts(set["value"].Reveal()) {
				return nil
			}
		}
	}
	for _, v := range s.W.Provider.live {
		if v.id != "stranger" && v.since > s.W.real {
			return nil // settling
		}
	}
	return fmt.Errorf("V1: no living value is in the store or in the journal")
}

func openGenerate(events []rotation.Event) bool {
	open := false
	for _, e := range events {
		if e.Action.Step != rotation.Generate {
			continue
		}
		open = e.Type == rotation.Intent || e.Type == rotation.Result && e.Outcome == rotation.Unclear || open && (e.Type == rotation.Pause || e.Type == rotation.Input) // a person who says "again" knows it no better
	}
	return open
}

// noLockOut is V2: whoever presents or reads a value now is let in. In place it
// cannot hold while the change is under way.
func (s *Sim) noLockOut() error {
	_, _, open := s.open()
	if s.inPlace() && open {
		return nil
	}
	if text := s.W.Store.text("KEY"); !s.W.Provider.Accepts(text) {
		return fmt.Errorf("V2: the store holds a value that the provider refuses")
	}
	if s.Mode == rotation.Emergency || s.healing {
		return nil
	}
	for unit, text := range s.W.Units.holds {
		if text != "" && !s.W.Provider.Accepts(text) {
			return fmt.Errorf("V2: unit %s presents a value that the provider refuses", unit)
		}
	}
	return nil
}

// discipline is V5: other keys of the path are as their owner left them, and
// somebody else's value at the provider lives.
func (s *Sim) discipline() error {
	if s.W.Store.text("OTHER") != s.neighbour {
		return fmt.Errorf("V5: the neighbour's key was changed")
	}
	if _, ok := s.W.Provider.live["stranger"]; !ok {
		return fmt.Errorf("V5: somebody else's value was revoked")
	}
	return nil
}

// announced is V7 and V4, tried at every effect: a durable intent stands open,
// and who acts is who took the credential last. At a revocation, V9 too.
func (s *Sim) announced(effect string) {
	if s.taker != s.acting {
		s.fail(fmt.Errorf("V4: %s by a worker that was taken over", effect))
	}
	records, _ := s.J.Journal.Unfinished(context.Background())
	found := false
	for _, r := range records {
		_, events, _ := s.J.Journal.Load(context.Background(), r.ID)
		state := rotation.Replay(r, events)
		if task, ok := state.Next(); ok {
			_, open := state.Open(task)
			found = found || open
		}
	}
	if !found {
		s.fail(fmt.Errorf("V7: %s without an open intent", effect))
	}
	s.notHastened(effect)
}

// notHastened is V9: what was current is not revoked before its grace has
// passed on a clock that nobody can set.
func (s *Sim) notHastened(effect string) {
	if effect != "revoke "+s.W.firstID || s.Mode == rotation.Emergency || s.finished == 0 || s.healing {
		return
	}
	if s.W.real-s.finished < grace {
		s.fail(fmt.Errorf("V9: revoked %s after the flip instead of %s", s.W.real-s.finished, grace))
	}
}

// final compares the world at rest with the reference model: twelve lines that
// know only how the rotation ended.
func (s *Sim) final() error {
	r, _, err := s.J.Journal.Load(context.Background(), s.rotation)
	if err != nil {
		return err
	}
	if n := s.waiting(); n > 0 {
		return fmt.Errorf("V10: %d records wait for a person who has said all there is to say", n)
	}
	key := s.W.Store.text("KEY")
	switch r.Status {
	case rotation.Done:
		if key == s.W.first {
			return fmt.Errorf("model: done, but the store holds the old value")
		}
		if s.W.Provider.Accepts(s.W.first) {
			return fmt.Errorf("V6: the old value still works")
		}
	case rotation.RolledBack, rotation.Failed:
		if key != s.W.first {
			return fmt.Errorf("model: %s, but the store does not hold the old value", r.Status)
		}
	default:
		return fmt.Errorf("V10: ended as %s", r.Status)
	}
	return s.atRest(key)
}

func (s *Sim) atRest(key string) error {
	set, _, _ := s.W.Store.Store.Get(context.Background(), "url")
	if set["URL"].Reveal() != "proto://"+key+"@host" {
		return fmt.Errorf("V5: the composed value does not agree with its part")
	}
	if live := s.W.Provider.Live(); len(live) != 1 || live[0] != key {
		return fmt.Errorf("V3: %d values of ours are alive at the provider, want just the current one", len(live))
	}
	for unit, text := range s.W.Units.holds {
		if text != key {
			return fmt.Errorf("V2: unit %s presents something else than the store holds", unit)
		}
	}
	return nil
}
