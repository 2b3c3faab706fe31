package journaltest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

func examGenerations(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	gen := func(n int, l rotation.Life) rotation.Generation {
		return rotation.Generation{Credential: "db", N: n, Life: l, Handle: rotation.Handle{ID: "id", Slot: "a"},
			Label: "l", Fingerprint: "abcdef", Created: at(n).Wall, NotAfter: at(99).Wall}
	}
	set := func(n int, g ...rotation.Generation) rotation.Event {
		e := outcome(n)
		e.Generations = g
		return e
	}
	f := create(t, j, run("r1", "db", 1), set(1, gen(2, rotation.Pending)))
	if c := credential(t, j, "db"); !c.Rotated.IsZero() || c.Latest() != 2 {
		t.Errorf("a pending generation: rotated %v, latest %d", c.Rotated, c.Latest())
	}
	add(t, j, "r1", f, set(10, gen(1, rotation.Current)))
	add(t, j, "r1", f, set(20, gen(1, rotation.Current), gen(3, rotation.Pending)))
	if c := credential(t, j, "db"); !c.Rotated.Equal(at(10).Wall) {
		t.Errorf("rotated %v, want the time at which generation 1 became current", c.Rotated)
	}
	nameless := gen(1, rotation.Previous)
	nameless.Credential = ""
	add(t, j, "r1", f, set(30, nameless, gen(2, rotation.Current)))
	c := credential(t, j, "db")
	want := []rotation.Generation{gen(1, rotation.Previous), gen(2, rotation.Current), gen(3, rotation.Pending)}
	if !reflect.DeepEqual(c.Generations, want) {
		t.Errorf("generations %+v, want %+v", c.Generations, want)
	}
	if !c.Rotated.Equal(at(30).Wall) {
		t.Errorf("rotated %v, want %v", c.Rotated, at(30).Wall)
	}
	if other := credential(t, j, "db2"); len(other.Generations) != 0 {
		t.Errorf("another credential has generations: %v", other.Generations)
	}
}

func examEnds(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	steps := []struct {
		end  rotation.Status
		last rotation.Status
		back int
	}{
		{rotation.RolledBack, rotation.RolledBack, 1},
		{rotation.RolledBack, rotation.RolledBack, 2},
		{rotation.Failed, rotation.Failed, 2},
		{rotation.Done, rotation.Done, 0},
		{rotation.RolledBack, rotation.RolledBack, 1},
		{rotation.Abandoned, rotation.Abandoned, 1},
	}
	for i, s := range steps {
		id := string(rune('a' + i))
		f := create(t, j, run(id, "db", i))
		add(t, j, id, f, end(i, s.end))
		if c := credential(t, j, "db"); c.LastStatus != s.last || c.RolledBack != s.back {
			t.Errorf("after %d ends: last %q, rolled back %d; want %q, %d", i+1, c.LastStatus, c.RolledBack, s.last, s.back)
		}
	}
	f := create(t, j, retire("t", "db", 9))
	add(t, j, "t", f, end(9, rotation.Done))
	if c := credential(t, j, "db"); c.LastStatus != rotation.Abandoned || c.RolledBack != 1 {
		t.Errorf("a retirement's end was counted: %q, %d", c.LastStatus, c.RolledBack)
	}
	if _, err := j.Create(ctx, run("z", "db", 10), intent(10), end(10, rotation.Done)); err != nil {
		t.Fatal(err)
	}
	if c := credential(t, j, "db"); c.LastStatus != rotation.Done || c.RolledBack != 0 || len(c.Open) != 0 {
		t.Errorf("a rotation that was created and ended at once: %+v", c)
	}
}

func examSealed(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	put := func(n int, slot, text string) rotation.Event {
		e := outcome(n)
		e.Sealed = []rotation.Sealed{{Generation: n, Slot: slot, Blob: []byte(text)}}
		return e
	}
	read := func(credential string, n int, slot, want string) {
		t.Helper()
		blob, err := j.Sealed(ctx, credential, n, slot)
		if want == "" {
			refused(t, "sealed "+slot, err, journal.ErrNotFound)
		} else if err != nil || string(blob) != want {
			t.Errorf("sealed %s %d %s: %q %v, want %q", credential, n, slot, blob, err, want)
		}
	}
	f := create(t, j, run("r1", "db", 1), put(1, "values", "one"))
	add(t, j, "r1", f, put(2, "values", "two"), put(1, "before:vault:app", "\x00\xff\x00"))
	create(t, j, run("r2", "other", 1), put(1, "values", "others"))
	read("db", 1, "values", "one")
	read("db", 2, "values", "two")
	read("db", 1, "before:vault:app", "\x00\xff\x00")
	read("other", 1, "values", "others")
	read("other", 2, "values", "")
	read("db", 1, "value", "")
	add(t, j, "r1", f, put(1, "values", "again"))
	read("db", 1, "values", "again")
	gone := outcome(5)
	gone.Destroy = []rotation.Sealed{{Generation: 1, Slot: "values"}, {Generation: 7, Slot: "never there"}}
	add(t, j, "r1", f, gone)
	read("db", 1, "values", "")
	read("db", 2, "values", "two")
	read("other", 1, "values", "others")
	swap := put(2, "values", "swapped")
	swap.Destroy = []rotation.Sealed{{Generation: 2, Slot: "values"}}
	add(t, j, "r1", f, swap)
	read("db", 2, "values", "swapped") // destroyed first, then put
	_, events := load(t, j, "r1")
	for _, e := range events {
		if e.Sealed != nil || e.Destroy != nil {
			t.Errorf("event %d gives sealed values back", e.Seq)
		}
	}
}

func examSpawn(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1), intent(1))
	child := retire("t1", "db", 2)
	child.Units = []rotation.Unit{{Phase: rotation.Switch, Name: "app/web"}}
	child.Erase = []rotation.Erasure{{Name: "vault:app", UpTo: "4"}}
	last := end(2, rotation.Done)
	last.Spawn = &child
	add(t, j, "r1", f, last)
	got, events := load(t, j, "t1")
	if !reflect.DeepEqual(got, child) || len(events) != 0 {
		t.Errorf("spawned\n%+v\nwant\n%+v\nwith %d events", got, child, len(events))
	}
	if now, err := j.Fence(ctx, "db"); now != f || err != nil {
		t.Errorf("the fence is %d, was %d, %v", now, f, err)
	}
	open, err := j.Unfinished(ctx)
	if err != nil || len(open) != 1 || open[0].ID != "t1" {
		t.Errorf("unfinished: %v %v", ids(open), err)
	}
	if c := credential(t, j, "db"); len(c.OpenOf(rotation.KindRetirement)) != 1 || len(c.OpenOf(rotation.KindRotation)) != 0 {
		t.Errorf("open: %v", ids(c.Open))
	}
	if _, events = load(t, j, "r1"); events[1].Spawn == nil || events[1].Spawn.ID != "t1" {
		t.Error("the event does not say what it spawned")
	}
	add(t, j, "t1", f, intent(3))
	create(t, j, run("r2", "db", 4), withSpawn(outcome(4), retire("t2", "db", 4)))
	load(t, j, "t2")
}

func withSpawn(e rotation.Event, r rotation.Record) rotation.Event {
	e.Spawn = &r
	return e
}

func ids(records []rotation.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

func examDue(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	begin := func(id string, e ...rotation.Event) { create(t, j, run(id, "c-"+id, 1), e...) }
	since := func(n int, boot string) rotation.Instant { i := at(n); i.BootID = boot; return i }
	begin("running")
	begin("short", wait(1, rotation.Wait{Since: at(0), For: 10 * time.Second}))
	begin("long", wait(1, rotation.Wait{Since: at(0), For: 100 * time.Second, Guarded: true}))
	begin("reboot", wait(1, rotation.Wait{Since: since(0, "boot-0"), For: 50 * time.Second}))
	begin("asking", rotation.Event{At: at(1), Type: rotation.Pause, Status: rotation.Asking})
	begin("stuck", rotation.Event{At: at(1), Type: rotation.Pause, Status: rotation.Stuck})
	begin("over", end(1, rotation.Abandoned))
	begin("ever", wait(1, rotation.Wait{Since: at(0), For: 1<<63 - 1}))
	begin("last")

	ask := func(now rotation.Instant, next time.Duration, want ...string) {
		t.Helper()
		due, n, err := j.Due(ctx, now)
		if got := ids(due); err != nil || !slices.Equal(got, want) {
			t.Errorf("due at %v: %v %v, want %v", now, got, err, want)
		}
		if n != next {
			t.Errorf("next at %v: %v, want %v", now, n, next)
		}
		for _, r := range due {
			if full, _ := load(t, j, r.ID); !reflect.DeepEqual(full, r) {
				t.Errorf("due gives %+v, load %+v", r, full)
			}
		}
	}
	ask(at(1), 9*time.Second, "running", "last")
	ask(at(9), time.Second, "running", "last")
	almost := at(10)
	almost.Boot--
	ask(almost, time.Nanosecond, "running", "last")
	ask(at(10), 40*time.Second, "running", "short", "last")
	ask(at(50), 50*time.Second, "running", "short", "reboot", "last")
	ask(at(100), 1<<63-1-100*time.Second, "running", "short", "long", "reboot", "last")

	// a wall clock that was set hastens only what waits since another boot
	jump := at(5)
	jump.Wall = jump.Wall.Add(25 * time.Hour)
	ask(jump, 5*time.Second, "running", "reboot", "last")
	jump.Wall = began.Add(-25 * time.Hour)
	ask(jump, 5*time.Second, "running", "last")
	// after a reboot the wall clock is all there is
	ask(since(60, "boot-2"), 40*time.Second, "running", "short", "reboot", "last")
}

func examLists(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	// the order is that in which they came, whatever the clock said
	for i, id := range []string{"m", "b", "z", "a"} {
		create(t, j, retire(id, "db", 10-i))
	}
	f := create(t, j, run("r", "zeta", 0))
	create(t, j, run("q", "alpha", 0))
	add(t, j, "r", f, end(1, rotation.Done))
	list := func(what string, got []rotation.Record, err error, want ...string) {
		t.Helper()
		if err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("%s: %v %v, want %v", what, ids(got), err, want)
		}
	}
	open, err := j.Unfinished(ctx)
	list("unfinished", open, err, "m", "b", "z", "a", "q")
	all, err := j.History(ctx, "", 0)
	list("history", all, err, "q", "r", "a", "z", "b", "m")
	two, err := j.History(ctx, "", 2)
	list("history, two", two, err, "q", "r")
	db, err := j.History(ctx, "db", 0)
	list("history of db", db, err, "a", "z", "b", "m")
	db, err = j.History(ctx, "db", 3)
	list("history of db, three", db, err, "a", "z", "b")
	none, err := j.History(ctx, "nobody", 0)
	list("history of nobody", none, err)
	list("open of db", credential(t, j, "db").Open, nil, "m", "b", "z", "a")
	names := []string{}
	every, err := j.Credentials(ctx)
	for _, c := range every {
		names = append(names, c.Name)
		if one := credential(t, j, c.Name); !reflect.DeepEqual(one, c) {
			t.Errorf("credentials gives %+v, credential %+v", c, one)
		}
	}
	if err != nil || !slices.Equal(names, []string{"alpha", "db", "zeta"}) {
		t.Errorf("credentials: %v %v", names, err)
	}
}
