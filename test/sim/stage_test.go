package sim

import (
	"context"
	"testing"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Sequences that the scripted faults do not reach: several rotations of one
// credential, other traits than the seven classes have, orders of a person.

// stage is a world in which a test says itself what happens next.
type stage struct {
	*Sim
	t    *testing.T
	e    *engine.Engine
	cred *engine.Credential
	more map[string]*engine.Credential // others that are not like it
}

func (st *stage) Credential(name string) (*engine.Credential, error) {
	if c, ok := st.more[name]; ok {
		return c, nil
	}
	return st.cred, nil
}

func newStage(t *testing.T, setup Setup, change func(*Sim, *engine.Credential)) *stage {
	t.Helper()
	s := New(setup)
	st := &stage{Sim: s, t: t}
	st.cred, _ = s.Credential(name)
	if change != nil {
		change(s, st.cred)
	}
	st.restart()
	return st
}

// restart is a new process.
func (st *stage) restart() {
	st.e = st.newEngine()
	st.e.Catalog = st
}

func (st *stage) begin(req engine.Request) string {
	st.t.Helper()
	req.Credential, req.Actor = name, "person"
	if req.Mode == "" {
		req.Mode = rotation.Manual
	}
	r, err := st.e.Start(st.t.Context(), req)
	if err != nil {
		st.t.Fatalf("start: %v\n%s", err, st.show())
	}
	st.rotation = r.ID
	return r.ID
}

func (st *stage) record(id string) rotation.Record {
	r, _, err := st.J.Journal.Load(st.t.Context(), id)
	if err != nil {
		st.t.Fatal(err)
	}
	return r
}

func (st *stage) over(id string) func() bool {
	return func() bool { return st.record(id).Status.Over() }
}

func (st *stage) known() rotation.Credential {
	c, _ := st.J.Journal.Credential(st.t.Context(), name)
	return c
}

// until advances what is due, and time, until a condition holds or nothing is
// due any more; it says whether the condition holds.
func (st *stage) until(done func() bool) bool {
	for range limit {
		if done() {
			return true
		}
		due, next, _ := st.J.Due(st.t.Context(), st.W.Now())
		if len(due) == 0 && next == 0 {
			return false
		}
		if len(due) == 0 {
			st.W.Advance(next)
			continue
		}
		for _, r := range due {
			if !done() {
				_, _ = st.e.Advance(st.t.Context(), r.ID)
			}
		}
	}
	return done()
}

func never() bool { return false }

func (st *stage) supply(id string, order rotation.Order, v secret.Set) {
	st.t.Helper()
	if err := st.e.Supply(st.t.Context(), id, order, "person", v); err != nil {
		st.t.Fatalf("%s: %v\n%s", order, err, st.show())
	}
}

// next says at which step a record stands.
func (st *stage) next(id string) rotation.Task {
	r, events, _ := st.J.Journal.Load(st.t.Context(), id)
	task, _ := rotation.Replay(r, events).Next()
	return task
}

func (st *stage) byHand(path string, set secret.Set) {
	must(st.W.Store.Store.Put(context.Background(), path, store.Edit{Set: set}, revision(st.W, path), store.Mark{}))
}
