package sim

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/engine"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// killedBy says whether the process died on the way.
func (st *stage) killedBy(do func()) (dead bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, dead = p.(killed); !dead {
				panic(p)
			}
		}
	}()
	do()
	return false
}

// An orphan would leave no room for the next rotation, and no name tells that it is
// one: every way to lose the answer, and then two rotations more.
func TestAnOrphanWithoutAName(t *testing.T) {
	for _, f := range []Fault{E3, E6, E7, K4} {
		st := newStage(t, Setup{Class: Unnamed}, nil)
		st.loseNextIssue = f
		for range 3 {
			id := st.begin(engine.Request{})
			for st.killedBy(func() { st.until(never) }) {
				st.restart()
			}
			if got := st.record(id).Status; got != rotation.Done {
				t.Fatalf("%s: %s\n%s", f, got, st.show())
			}
			if _, lives := st.W.Provider.live["stranger"]; !lives {
				t.Fatalf("%s: somebody else's value was revoked", f)
			}
		}
		if live := st.W.Provider.Live(); len(live) != 1 || len(st.W.Provider.live) != 2 {
			t.Errorf("%s: %d of ours live, %d altogether", f, len(live), len(st.W.Provider.live))
		}
	}
}

// shared is an account in which others make values too.
type shared struct{ lists }

func (s shared) Traits() room.Traits {
	t := s.lists.Traits()
	t.Shared = true
	return t
}

// stranger lets somebody else make a value while a try is unanswered.
func (st *stage) stranger(id string, old bool) {
	v := &value{id: id, text: st.W.mint("theirs"), created: st.W.wall}
	if old {
		v.created = v.created.Add(-2 * rotation.ClockSkew)
	}
	st.W.Provider.live[id] = v
}

// What the try cannot have made, or need not have, is named to a person and lives.
func TestAStrangerWhileATryIsUnanswered(t *testing.T) {
	for name, old := range map[string]bool{"shared": false, "older than the try": true} {
		st := newStage(t, Setup{Class: Unnamed}, func(s *Sim, c *engine.Credential) {
			if name == "shared" {
				c.Provider = shared{lists{s.W.Provider}}
			}
		})
		id := st.begin(engine.Request{})
		st.loseNextIssue = E2
		st.until(func() bool { return st.record(id).Status == rotation.Waiting }) // for the lost request
		st.stranger("theirs", old)
		if st.until(st.over(id)) || st.record(id).Status != rotation.Stuck {
			t.Fatalf("%s: %s\n%s", name, st.record(id).Status, st.show())
		}
		_, events, _ := st.J.Journal.Load(t.Context(), id)
		if note := events[len(events)-1].Note; !strings.Contains(note, "theirs") || !strings.Contains(note, "by hand") {
			t.Errorf("%s: the person is told %q", name, note)
		}
		if _, lives := st.W.Provider.live["theirs"]; !lives {
			t.Errorf("%s: somebody else's value was revoked", name)
		}
		delete(st.W.Provider.live, "theirs") // nobody used it
		st.supply(id, rotation.OrderRetry, nil)
		st.until(st.over(id))
		if got := st.record(id).Status; got != rotation.Done {
			t.Errorf("%s: %s\n%s", name, got, st.show())
		}
	}
}

// A retirement that looks for strays must leave alone what a rotation is just making.
func TestASweepDuringAnotherRotation(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, nil)
	first := st.begin(engine.Request{})
	st.loseNextIssue = E2
	st.until(func() bool { return st.record(first).Status == rotation.Waiting })
	st.supply(first, rotation.OrderRollback, nil)
	st.until(st.over(first))
	second := st.begin(engine.Request{})
	made := func() bool { return len(st.W.Provider.Live()) == 2 }
	for range 200 { // the second rotation alone, up to a value that only the vendor knows
		if made() {
			break
		}
		st.loseNextIssue = K4
		st.killedBy(func() { _, _ = st.e.Advance(t.Context(), second) })
	}
	if !made() {
		t.Fatal(st.show())
	}
	st.loseNextIssue = ""
	st.restart()
	fresh := slices.DeleteFunc(st.W.Provider.Live(), func(text string) bool { return text == st.W.first })
	st.W.Advance(2 * inFlight)
	for range 50 { // the retirement alone
		for _, x := range st.known().OpenOf(rotation.KindRetirement) {
			_, _ = st.e.Advance(t.Context(), x.ID)
		}
		st.W.Advance(settle)
	}
	if !st.W.Provider.Accepts(fresh[0]) {
		t.Errorf("a value that another rotation is making was swept away\n%s", st.show())
	}
	st.until(never)
	if live := st.W.Provider.Live(); st.record(second).Status != rotation.Done || len(live) != 1 || len(st.known().Open) != 0 {
		t.Errorf("%s, %d live, %d open\n%s", st.record(second).Status, len(live), len(st.known().Open), st.show())
	}
}

// What somebody made long after the last try cannot be its stray, and is theirs.
func TestAStrangerInTheGrace(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, nil)
	id := st.begin(engine.Request{})
	st.until(st.over(id))
	st.W.Advance(inFlight + 2*rotation.ClockSkew)
	st.stranger("theirs", false)
	st.until(never)
	if _, lives := st.W.Provider.live["theirs"]; !lives {
		t.Fatalf("somebody else's value was revoked\n%s", st.show())
	}
	if open := st.known().OpenOf(rotation.KindRetirement); len(open) != 1 || open[0].Status != rotation.Stuck {
		t.Errorf("nobody is asked: %v\n%s", open, st.show())
	}
}

// Two credentials with keys of one account: what one of them is just making is no
// stray of the other.
func TestASweepBesideAnotherCredential(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, nil)
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Sweep })
	delete(st.W.Provider.live, "stranger") // room for one more
	other := st.other()
	made := func() bool { return len(st.W.Provider.live) == 3 }
	for range 50 {
		if made() {
			break
		}
		st.loseNextIssue = K4
		st.killedBy(func() { _, _ = st.e.Advance(t.Context(), other) })
	}
	if !made() {
		t.Fatal(st.show())
	}
	st.loseNextIssue = ""
	st.restart()
	for range 3 { // the first rotation alone
		_, _ = st.e.Advance(t.Context(), id)
		st.W.Advance(settle)
	}
	if !made() {
		t.Errorf("the value that another credential is making was swept away\n%s", st.show())
	}
}

// meanwhile is an account where something happens just before it is looked at.
type meanwhile struct {
	lists
	do *func()
}

func (m meanwhile) List(ctx context.Context) ([]room.Found, error) {
	if do := *m.do; do != nil {
		*m.do = nil
		do()
	}
	return m.lists.List(ctx)
}

// other begins a rotation of another credential with values in the same account.
func (st *stage) other() string {
	st.t.Helper()
	other, err := st.e.Start(st.t.Context(), engine.Request{Credential: "other", Actor: "person", Mode: rotation.Manual})
	if err != nil {
		st.t.Fatal(err)
	}
	return other.ID
}

// An answer to another credential's try that is noted during a sweep: its value is known.
func TestAnAnswerDuringASweep(t *testing.T) {
	var now func()
	st := newStage(t, Setup{Class: Unnamed}, func(s *Sim, c *engine.Credential) {
		c.Provider = meanwhile{lists{s.W.Provider}, &now}
	})
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Sweep })
	delete(st.W.Provider.live, "stranger") // room for one more
	other := st.other()
	now = func() {
		for range 50 {
			if len(st.W.Provider.live) == 3 && st.next(other).Step != rotation.Generate {
				return
			}
			_, _ = st.e.Advance(t.Context(), other)
		}
		t.Error(st.show())
	}
	_, _ = st.e.Advance(t.Context(), id)
	if now != nil || len(st.W.Provider.live) != 3 {
		t.Errorf("the value of another credential was swept away\n%s", st.show())
	}
}

// Two credentials with keys of one account that both lost their answers do not wait for
// each other.
func TestTwoOrphansWithoutNames(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, nil)
	delete(st.W.Provider.live, "stranger")
	id, other := st.begin(engine.Request{}), st.other()
	for _, one := range []string{id, other} {
		live := len(st.W.Provider.live)
		for range 50 {
			if len(st.W.Provider.live) > live {
				break
			}
			st.loseNextIssue = K4
			st.killedBy(func() { _, _ = st.e.Advance(t.Context(), one) })
		}
	}
	st.loseNextIssue = ""
	st.restart()
	if len(st.W.Provider.live) != full {
		t.Fatalf("%d live\n%s", len(st.W.Provider.live), st.show())
	}
	past := func(one string) bool { return st.next(one).Step != rotation.Generate }
	if !st.until(func() bool { return past(id) && past(other) }) || st.record(id).Undoing || st.record(other).Undoing {
		t.Fatalf("they do not come to their values\n%s", st.show())
	}
	if live := st.W.Provider.Live(); len(live) != 3 || !slices.Contains(live, st.W.first) {
		t.Errorf("live: %v, want the old one and a new one each\n%s", live, st.show())
	}
}
