package sim

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/engine"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// sessions is a provider that sees who is connected, and nothing of the past.
type sessions struct {
	named
	w    *World
	busy func(sinceStart time.Duration) bool
}

func (p sessions) Usage(context.Context, rotation.Handle) (room.Usage, error) {
	if p.busy(p.w.real) {
		return room.Usage{Known: true, Active: 1, Who: []string{"job"}}, nil
	}
	return room.Usage{Known: true}, nil
}

// watched is a stage where usage is all that can be known of the old value.
func watched(t *testing.T, busy func(time.Duration) bool) *stage {
	return newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		c.Provider = sessions{named{maker{s.W.Provider}}, s.W, busy}
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: mute{s.W.Units}}}
	})
}

// A job connects for two hours late in the grace and is gone again when the
// grace ends: the one look of that moment is no silence.
func TestOneLookIsNoSilence(t *testing.T) {
	from, to := grace-6*time.Hour, grace-4*time.Hour
	st := watched(t, func(at time.Duration) bool { return at > from && at < to })
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return st.W.real > grace+time.Hour })
	if !st.W.Provider.Accepts(st.W.first) {
		t.Fatalf("V2: a job used the old value %s before the grace ended, and it was revoked", grace-from)
	}
	if !st.until(func() bool { return !st.W.Provider.Accepts(st.W.first) }) {
		t.Errorf("V6: silent ever since, and never revoked\n%s", tail(st.show()))
	}
	if silent := st.W.real - to; silent < grace/2-2*time.Hour {
		t.Errorf("V2: revoked after %s of silence", silent)
	}
}

// Nobody is ever seen: the old value ends with its grace.
func TestSilenceThroughTheGrace(t *testing.T) {
	st := watched(t, func(time.Duration) bool { return false })
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return !st.W.Provider.Accepts(st.W.first) })
	if st.W.Provider.Accepts(st.W.first) || st.W.real > grace+time.Hour {
		t.Errorf("V6: after %s the old value lives: %v", st.W.real, st.W.Provider.Accepts(st.W.first))
	}
}

// lastUse is a provider that reports when a value was last used, and no sessions.
type lastUse struct {
	named
	w  *World
	at time.Duration // since the start of the world
}

func (p lastUse) Usage(context.Context, rotation.Handle) (room.Usage, error) {
	return room.Usage{Known: true, LastUsed: epoch.Add(min(p.at, p.w.real))}, nil
}

// A key was used an hour before the grace ended.
func TestLastUseCounts(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		c.Provider = lastUse{named{maker{s.W.Provider}}, s.W, grace - time.Hour}
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: mute{s.W.Units}}}
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return st.W.real > grace+2*time.Hour })
	if !st.W.Provider.Accepts(st.W.first) {
		t.Fatal("V2: the old value was used an hour before the grace ended, and it was revoked")
	}
	if !st.until(func() bool { return !st.W.Provider.Accepts(st.W.first) }) {
		t.Errorf("V6: silent ever since, and never revoked\n%s", tail(st.show()))
	}
}

// Sessions of a login that was replaced in place are those of the living value.
func TestReplacedValueHasNoSessions(t *testing.T) {
	st := newStage(t, Setup{Class: InPlaceCaller}, func(s *Sim, c *engine.Credential) {
		c.Provider = sessions{named{maker{s.W.Provider}}, s.W, func(time.Duration) bool { return true }}
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	if open := st.known().Open; len(open) > 0 {
		t.Errorf("V10: the retirement of the replaced value waits for the sessions of the living one\n%s", tail(st.show()))
	}
}

// pooler is an acceptor that sees its clients.
type pooler struct {
	mute
	asked   []string
	clients int // looks at which somebody is still seen
}

func (p *pooler) Present(_ context.Context, unit string, old consumer.Change) (consumer.Presence, error) {
	for key := range old.Values {
		if !slices.Contains(p.asked, key) {
			p.asked = append(p.asked, key)
		}
	}
	if p.clients--; p.clients >= 0 {
		return consumer.Presence{Who: []string{unit + ": 10.0.0.7 (report)"}}, nil
	}
	return consumer.Presence{Idle: []string{"kept"}}, nil
}

// blind is an acceptor that could see its clients if it were set up for it.
type blind struct{ mute }

func (blind) Present(context.Context, string, consumer.Change) (consumer.Presence, error) {
	return consumer.Presence{Blind: true}, nil
}

// Who cannot see its clients is no evidence, and does not hold an end up for ever: the
// provider sees sessions.
func TestABlindPooler(t *testing.T) {
	st := newStage(t, Setup{Class: Alternating}, func(s *Sim, c *engine.Credential) {
		key, _ := secret.ParseTemplate("{{.slot}}")
		c.Acceptors = []engine.Acceptor{{
			Targets:  []engine.Target{{StoreName: "mem", Store: s.W.Store, Path: "users", Key: key, Value: secret.FieldTemplate("value")}},
			Consumer: &engine.Consumer{Name: "pool", Consumer: blind{mute{s.W.Units}}}}}
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	if open := st.known().Open; len(open) > 0 || st.W.Provider.Accepts(st.W.first) {
		t.Errorf("V6: %+v\n%s", open, tail(st.show()))
	}
}

// A pooler still has a client with the old login when the grace is over.
func TestPoolerClientsAreEvidence(t *testing.T) {
	var p *pooler
	st := newStage(t, Setup{Class: Alternating}, func(s *Sim, c *engine.Credential) {
		p = &pooler{mute: mute{s.W.Units}, clients: 3}
		key, _ := secret.ParseTemplate("{{.slot}}")
		c.Acceptors = []engine.Acceptor{{
			Targets:  []engine.Target{{StoreName: "mem", Store: s.W.Store, Path: "users", Key: key, Value: secret.FieldTemplate("value")}},
			Consumer: &engine.Consumer{Name: "pool", Consumer: p}}}
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return p.clients == 0 })
	if !st.W.Provider.Accepts(st.W.first) {
		t.Fatal("V2: a client was connected with the old login, and it was ended")
	}
	st.until(never)
	if st.W.Provider.Accepts(st.W.first) || p.clients > -1 {
		t.Errorf("V6: the old login lives: %v\n%s", st.W.Provider.Accepts(st.W.first), tail(st.show()))
	}
	if len(p.asked) != 1 {
		t.Errorf("asked about %v, want the old user alone", p.asked)
	}
}

// dated has a clock of its own, which dates what it reports.
type dated struct{ lastUse }

func (p dated) Now(context.Context) (time.Time, error) { return epoch.Add(p.w.real), nil }

// The machine's clock runs ahead by more than a grace: what the provider dates lies
// before everything that was noted here, and counts all the same.
func TestLastUseCountsWhateverOurClockSays(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller}, func(s *Sim, c *engine.Credential) {
		c.Provider = dated{lastUse{named{maker{s.W.Provider}}, s.W, grace - time.Hour}}
		c.Consumers = []engine.Consumer{{Name: "app", Consumer: mute{s.W.Units}}}
	})
	st.W.wall = st.W.wall.Add(3 * grace)
	st.until(st.over(st.begin(engine.Request{})))
	st.until(func() bool { return st.W.real > grace+2*time.Hour })
	if !st.W.Provider.Accepts(st.W.first) {
		t.Fatal("V2: the old value was used an hour before the grace ended, and it was revoked")
	}
	if !st.until(func() bool { return !st.W.Provider.Accepts(st.W.first) }) {
		t.Errorf("V6: silent ever since, and never revoked\n%s", tail(st.show()))
	}
}
