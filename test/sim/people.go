package sim

import (
	"context"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// console is the person of class MAN: mints when asked for a value, and revokes
// what the instructions name.
func (s *Sim) console() bool {
	if s.Class != ByHand {
		return false
	}
	open, _ := s.J.Journal.Unfinished(context.Background())
	for _, r := range open {
		_, events, _ := s.J.Journal.Load(context.Background(), r.ID)
		task, _ := rotation.Replay(r, events).Next()
		order, supplied := rotation.OrderSupply, secret.Set(nil)
		switch {
		case r.Status == rotation.Asking && task.Step == rotation.Ask:
			if s.minted == "" {
				s.minted = s.W.mint("minted")
				s.W.Provider.live["by-hand"] = &value{id: "by-hand", text: s.minted}
			}
			supplied = secret.Set{"value": secret.New(s.minted)}
		case r.Status == rotation.Asking && task.Step == rotation.Revoke:
			order = rotation.OrderRetire
			c, _ := s.J.Journal.Credential(context.Background(), name)
			g, _ := c.Get(r.Generation)
			delete(s.W.Provider.live, s.handleOf(g))
		default:
			continue
		}
		s.protect(s.engine, func(e *engine.Engine) error {
			return e.Supply(context.Background(), r.ID, order, "person", supplied)
		})
		return true
	}
	return false
}

// handleOf is what a person sees in the console: after a lost answer the journal
// may not have the handle, but the person knows what was made.
func (s *Sim) handleOf(g rotation.Generation) string {
	if g.Handle.ID != "" {
		return g.Handle.ID
	}
	if g.N == 0 {
		return s.W.firstID
	}
	return "by-hand"
}

// waiting counts records that wait for a person.
func (s *Sim) waiting() int {
	open, _ := s.J.Journal.Unfinished(context.Background())
	return len(open)
}

// heal is a person who looks at every record that asks, in a healthy world.
func (s *Sim) heal() {
	s.healing = true
	s.W.Units.stubborn, s.W.Units.broken = map[string]int{}, map[string]bool{}
	open, _ := s.J.Journal.Unfinished(context.Background())
	for _, r := range open {
		order := rotation.OrderRetry
		if r.Status == rotation.Asking {
			order = rotation.OrderApprove
			if r.Kind == rotation.KindRetirement {
				order = rotation.OrderRetire
				s.follow()
			}
		}
		if s.Class == Timed && r.Kind == rotation.KindRetirement {
			s.W.Provider.endByHand(s.W.Store.text("KEY"))
		}
		s.protect(s.engine, func(e *engine.Engine) error {
			return e.Supply(context.Background(), r.ID, order, "person", nil)
		})
	}
}

// endByHand is a person who does not wait for the timers.
func (p *provider) endByHand(but string) {
	for id, v := range p.live {
		if id != "stranger" && v.text != but {
			delete(p.live, id)
		}
	}
}

// follow is a person who does what a retirement asks for: ends the old value by
// hand where Rotor cannot, and deploys the units that are behind.
func (s *Sim) follow() {
	key := s.W.Store.text("KEY")
	for _, u := range s.W.Units.names {
		s.W.Units.holds[u] = key
	}
	if key != s.W.first && s.Nameless {
		delete(s.W.Provider.live, s.W.firstID)
	}
}
