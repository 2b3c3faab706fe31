package journaltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

func examEmpty(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	c := credential(t, j, "nobody")
	if c.Fence != 0 || len(c.Generations)+len(c.Open) != 0 || !c.Rotated.IsZero() {
		t.Errorf("an unknown credential is not empty: %+v", c)
	}
	_, _, err := j.Load(ctx, "nothing")
	refused(t, "load", err, journal.ErrNotFound)
	_, err = j.Sealed(ctx, "nobody", 1, "values")
	refused(t, "sealed", err, journal.ErrNotFound)
	_, err = j.Fence(ctx, "nobody")
	refused(t, "fence", err, journal.ErrNotFound)
	_, err = j.Take(ctx, "nobody")
	refused(t, "take", err, journal.ErrNotFound)
	refused(t, "append", j.Append(ctx, "nothing", 1, intent(1)), journal.ErrNotFound)
	due, next, err := j.Due(ctx, at(1))
	if len(due) != 0 || next != 0 || err != nil {
		t.Errorf("due: %v %v %v", due, next, err)
	}
	if chain := verified(t, j); len(chain) != 0 {
		t.Errorf("audit: %v", chain)
	}
	here, err := j.Installation(ctx)
	if err != nil || !regexp.MustCompile(`^[a-z0-9]{6}$`).MatchString(here.ID) || here.Epoch < 1 {
		t.Errorf("installation: %+v %v", here, err)
	}
}

func examCreate(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	r := run("r1", "db", 1)
	first, second := intent(1), outcome(2)
	second.Facts = &rotation.Facts{Label: "rotor-x", Samples: map[string]json.RawMessage{"health": json.RawMessage(`{"n":1}`)}}
	f := create(t, j, r, first, second)
	now, err := j.Fence(t.Context(), "db")
	if err != nil || now != f || f < 1 {
		t.Errorf("fence %d, create gave %d, %v", now, f, err)
	}
	got, events := load(t, j, "r1")
	if !reflect.DeepEqual(got, r) {
		t.Errorf("record\n%+v\nwant\n%+v", got, r)
	}
	first.Seq, second.Seq = 1, 2
	if !reflect.DeepEqual(events, []rotation.Event{first, second}) {
		t.Errorf("events %+v", events)
	}
	r = run("r2", "other", 2)
	r.Status = ""
	create(t, j, r)
	if got, _ := load(t, j, "r2"); got.Status != rotation.Running {
		t.Errorf("a record without a status is %q", got.Status)
	}
}

func examOneOpen(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1))
	unchanged(t, j, "a second open rotation", func() {
		_, err := j.Create(ctx, run("r2", "db", 2), intent(2))
		refused(t, "second open rotation", err, journal.ErrOpen)
	})
	unchanged(t, j, "the same id", func() {
		_, err := j.Create(ctx, retire("r1", "db", 2))
		refused(t, "the same id", err, nil)
	})
	if g := create(t, j, retire("t1", "db", 3)); g != f+1 {
		t.Errorf("a retirement beside it: fence %d after %d", g, f)
	}
	create(t, j, retire("t2", "db", 3))
	create(t, j, run("o1", "other", 3))
	f, _ = j.Take(ctx, "db")
	add(t, j, "r1", f, end(4, rotation.Failed))
	create(t, j, run("r2", "db", 5))
	_, err := j.Create(ctx, run("r3", "db", 6))
	refused(t, "third", err, journal.ErrOpen)
}

func examFence(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	old := create(t, j, run("r1", "db", 1))
	taken, err := j.Take(ctx, "db")
	if err != nil || taken != old+1 {
		t.Fatalf("take gave %d after %d, %v", taken, old, err)
	}
	if now, err := j.Fence(ctx, "db"); now != taken || err != nil {
		t.Errorf("fence is %d, want %d, %v", now, taken, err)
	}
	unchanged(t, j, "a fenced append", func() {
		refused(t, "old fence", j.Append(ctx, "r1", old, intent(2)), journal.ErrFenced)
		refused(t, "fence from the future", j.Append(ctx, "r1", taken+1, intent(2)), journal.ErrFenced)
		refused(t, "no fence", j.Append(ctx, "r1", 0, intent(2)), journal.ErrFenced)
		refused(t, "old fence, no events", j.Append(ctx, "r1", old), journal.ErrFenced)
	})
	add(t, j, "r1", taken, intent(2))
	after := create(t, j, retire("t1", "db", 3))
	refused(t, "fence from before a create", j.Append(ctx, "r1", taken, intent(3)), journal.ErrFenced)
	add(t, j, "r1", after, intent(3))
	add(t, j, "t1", after, intent(3))
	create(t, j, run("o1", "other", 4))
	add(t, j, "r1", after, intent(5)) // another credential's fence is another fence
}

func examAppend(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1), intent(1))
	w := rotation.Wait{Since: at(2), For: time.Minute, Guarded: true, Reason: "settle"}
	add(t, j, "r1", f, outcome(2), wait(2, w))
	r, _ := load(t, j, "r1")
	if r.Status != rotation.Waiting || r.Wake == nil || *r.Wake != w {
		t.Fatalf("waiting: %q %+v", r.Status, r.Wake)
	}
	add(t, j, "r1", f, rotation.Event{At: at(3), Type: rotation.Input, Note: "changes nothing"})
	if r, _ = load(t, j, "r1"); r.Status != rotation.Waiting || r.Wake == nil {
		t.Errorf("an event without a status ended the wait: %q %+v", r.Status, r.Wake)
	}
	add(t, j, "r1", f, rotation.Event{At: at(4), Type: rotation.Turn, Status: rotation.Running})
	if r, _ = load(t, j, "r1"); r.Status != rotation.Running || r.Wake != nil || !r.Undoing {
		t.Errorf("after a turn: %q %+v undoing %v", r.Status, r.Wake, r.Undoing)
	}
	add(t, j, "r1", f, intent(5), end(5, rotation.RolledBack))
	r, events := load(t, j, "r1")
	if r.Status != rotation.RolledBack || !r.Undoing {
		t.Errorf("at the end: %q undoing %v", r.Status, r.Undoing)
	}
	for i, e := range events {
		if e.Seq != i+1 {
			t.Errorf("event %d has number %d", i+1, e.Seq)
		}
	}
	if len(events) != 7 || events[6].Status != rotation.RolledBack {
		t.Errorf("%d events, want 7", len(events))
	}
}

func examRefused(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1))
	create(t, j, run("o1", "over", 1))
	g := create(t, j, retire("t1", "over", 1))
	add(t, j, "o1", g, end(2, rotation.Done))
	bad := badEvents()
	unchanged(t, j, "a refused write", func() {
		for name, e := range bad {
			refused(t, name, j.Append(ctx, "r1", f, e), nil)
			_, err := j.Create(ctx, run("n-"+name, "new", 2), e)
			refused(t, "create: "+name, err, nil)
		}
		refused(t, "a record that is over", j.Append(ctx, "o1", g, intent(3)), nil)
		refused(t, "events after the end", j.Append(ctx, "r1", f, end(3, rotation.Done), intent(3)), nil)
		for _, r := range []rotation.Record{
			{}, {ID: "x"}, {Credential: "db", Kind: rotation.KindRetirement},
			{ID: "x", Credential: "db", Kind: "other"},
			{ID: "x", Credential: "db", Kind: rotation.KindRetirement, Status: rotation.Waiting},
		} {
			_, err := j.Create(ctx, r)
			refused(t, fmt.Sprintf("record %+v", r), err, nil)
		}
	}, "values")
}

func badEvents() map[string]rotation.Event {
	out := map[string]rotation.Event{}
	bad := func(name string, change func(*rotation.Event)) {
		e := intent(2)
		change(&e)
		out[name] = e
	}
	bad("no type", func(e *rotation.Event) { e.Type = "" })
	bad("odd type", func(e *rotation.Event) { e.Type = "hello" })
	bad("odd status", func(e *rotation.Event) { e.Status = "asleep" })
	bad("waits for nothing", func(e *rotation.Event) { e.Status = rotation.Waiting })
	bad("another's generation", func(e *rotation.Event) {
		e.Generations = []rotation.Generation{{Credential: "other", N: 1, Life: rotation.Pending}}
	})
	bad("odd life", func(e *rotation.Event) { e.Generations = []rotation.Generation{{N: 1, Life: "undead"}} })
	bad("empty blob", func(e *rotation.Event) { e.Sealed = []rotation.Sealed{{Generation: 1, Slot: "values"}} })
	bad("no slot", func(e *rotation.Event) { e.Sealed = []rotation.Sealed{{Generation: 1, Blob: []byte("x")}} })
	bad("spawned rotation", func(e *rotation.Event) { r := run("s1", "db", 2); e.Spawn = &r })
	bad("spawn elsewhere", func(e *rotation.Event) { r := retire("s1", "elsewhere", 2); e.Spawn = &r })
	bad("spawn of what exists", func(e *rotation.Event) { r := retire("t1", "db", 2); e.Spawn = &r })
	bad("spawn of itself", func(e *rotation.Event) { r := retire("r1", "db", 2); e.Spawn = &r })
	bad("sample", func(e *rotation.Event) {
		e.Facts = &rotation.Facts{Samples: map[string]json.RawMessage{"a": json.RawMessage("{")}}
	})
	return out
}

// heavy is an event that carries everything.
func heavy(n int, credential string) rotation.Event {
	e := outcome(n)
	s := retire(fmt.Sprintf("t%d", n), credential, n)
	e.Note, e.Spawn = "heavy", &s
	e.Generations = []rotation.Generation{{Credential: credential, N: 1, Life: rotation.Current, Created: at(n).Wall}}
	e.Sealed = []rotation.Sealed{{Generation: 1, Slot: "values", Blob: []byte("new")}}
	e.Destroy = []rotation.Sealed{{Generation: 0, Slot: "values"}}
	return e
}

func examAtomic(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	first := outcome(1)
	first.Sealed = []rotation.Sealed{{Generation: 0, Slot: "values", Blob: []byte("old")}}
	create(t, j, retire("t1", "db", 1))
	f := create(t, j, run("r1", "db", 1), first)
	for name, bad := range badEvents() {
		unchanged(t, j, "an append whose third event is bad ("+name+")", func() {
			refused(t, name, j.Append(ctx, "r1", f, heavy(2, "db"), intent(2), bad), nil)
		}, "values")
		unchanged(t, j, "a create whose third event is bad ("+name+")", func() {
			_, err := j.Create(ctx, run("n1", "new", 2), heavy(3, "new"), intent(2), bad)
			refused(t, "create: "+name, err, nil)
		}, "values")
	}
	unchanged(t, j, "an append that spawns one id twice", func() {
		refused(t, "spawn twice", j.Append(ctx, "r1", f, heavy(2, "db"), heavy(2, "db")), nil)
	}, "values")
	unchanged(t, j, "a fenced append", func() {
		refused(t, "fenced", j.Append(ctx, "r1", f+1, heavy(2, "db")), journal.ErrFenced)
	}, "values")
	add(t, j, "r1", f, heavy(2, "db"), intent(3))
	if _, err := j.Sealed(ctx, "db", 0, "values"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("the destroyed value: %v", err)
	}
	if _, events := load(t, j, "r1"); len(events) != 3 {
		t.Errorf("%d events, want 3", len(events))
	}
	verified(t, j)
}
