package journaltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// together runs f in n goroutines and waits for them.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func examConcurrent(t testing.TB, x Exam) {
	const workers, appends = 32, 12
	ctx, j := fresh(t, x)
	together(workers, func(i int) {
		id, name := fmt.Sprintf("r%d", i), fmt.Sprintf("c%02d", i)
		f, err := j.Create(ctx, run(id, name, 1), intent(1))
		if err != nil {
			t.Errorf("create %s: %v", id, err)
			return
		}
		for n := range appends {
			e := outcome(n)
			e.Sealed = []rotation.Sealed{{Generation: n, Slot: "values", Blob: []byte(id)}}
			if err := j.Append(ctx, id, f, e, intent(n)); err != nil {
				t.Errorf("append to %s: %v", id, err)
			}
			if _, events, err := j.Load(ctx, id); err != nil || len(events) != 2*n+3 {
				t.Errorf("%s has %d events after %d appends, %v", id, len(events), n+1, err)
			}
		}
	})
	for i := range workers {
		_, events := load(t, j, fmt.Sprintf("r%d", i))
		for k, e := range events {
			if e.Seq != k+1 {
				t.Errorf("r%d: event %d has number %d", i, k+1, e.Seq)
			}
		}
	}
	if chain := verified(t, j); len(chain) != workers*(2*appends+1) {
		t.Errorf("%d audit entries, want %d", len(chain), workers*(2*appends+1))
	}
}

// examIsolation: writers that are refused work beside others that are not.
func examIsolation(t testing.TB, x Exam) {
	const workers, appends = 16, 20
	ctx, j := fresh(t, x)
	fences := make([]rotation.Fence, workers)
	for i := range workers {
		fences[i] = create(t, j, run(fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i), 1))
	}
	create(t, j, retire("t1", "c0", 1))
	fences[0], _ = j.Take(ctx, "c0")
	together(workers, func(i int) {
		id := fmt.Sprintf("r%d", i)
		for n := range appends {
			if i%2 == 0 {
				if err := j.Append(ctx, id, fences[i], intent(n)); err != nil {
					t.Errorf("a good append failed: %v", err)
				}
				continue
			}
			var err error
			want := journal.ErrFenced
			switch n % 4 {
			case 0:
				err = j.Append(ctx, id, fences[i]+5, intent(n))
			case 1:
				_, err = j.Create(ctx, run("x"+id, fmt.Sprintf("c%d", i), 2), intent(n))
				want = journal.ErrOpen
			case 2:
				err = j.Append(ctx, "nothing", 1, intent(n))
				want = journal.ErrNotFound
			case 3: // found out last: after its generations and sealed values
				err = j.Append(ctx, id, fences[i], heavyFor(i, n))
				want = nil
			}
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("a bad write: %v, want %v", err, want)
			}
		}
	})
	for i := range workers {
		want := 0
		if i%2 == 0 {
			want = appends
		}
		if _, events := load(t, j, fmt.Sprintf("r%d", i)); len(events) != want {
			t.Errorf("r%d has %d events, want %d", i, len(events), want)
		}
		if c := credential(t, j, fmt.Sprintf("c%d", i)); len(c.Generations) != 0 {
			t.Errorf("c%d has generations of a refused append", i)
		}
	}
	if chain := verified(t, j); len(chain) != workers/2*appends+workers+1 {
		t.Errorf("%d audit entries, want %d", len(chain), workers/2*appends+workers+1)
	}
}

func heavyFor(i, n int) rotation.Event {
	e := heavy(n, fmt.Sprintf("c%d", i))
	e.Spawn.ID = "t1" // taken
	return e
}

func examRaces(t testing.TB, x Exam) {
	const workers = 16
	ctx, j := fresh(t, x)
	var mu sync.Mutex
	won := 0
	together(workers, func(i int) {
		_, err := j.Create(ctx, run(fmt.Sprintf("r%d", i), "db", 1), intent(1))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else if !errors.Is(err, journal.ErrOpen) {
			t.Errorf("create: %v", err)
		}
	})
	if won != 1 {
		t.Errorf("%d rotations of one credential are open", won)
	}
	seen := map[rotation.Fence]bool{}
	together(workers, func(int) {
		f, err := j.Take(ctx, "db")
		mu.Lock()
		defer mu.Unlock()
		if err != nil || seen[f] {
			t.Errorf("fence %d was given twice, or %v", f, err)
		}
		seen[f] = true
	})
	if now, err := j.Fence(ctx, "db"); err != nil || now != workers+1 {
		t.Errorf("fence %d, want %d, %v", now, workers+1, err)
	}
}

func examAliasing(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	blob := []byte("sealed")
	e := heavy(2, "db")
	e.Facts = &rotation.Facts{Paths: []rotation.Path{{Name: "vault:app"}}, Units: []rotation.Unit{{Name: "app/web"}},
		Samples: map[string]json.RawMessage{"health": json.RawMessage(`1`)}}
	e.Sealed = []rotation.Sealed{{Generation: 1, Slot: "values", Blob: blob}}
	e.Spawn.Units = []rotation.Unit{{Name: "app/web"}}
	w := rotation.Wait{Since: at(2), For: time.Minute}
	pause := wait(3, w)
	r := run("r1", "db", 1)
	r.Units = []rotation.Unit{{Name: "app/web"}}
	batch := []rotation.Event{e, pause}
	create(t, j, r, batch...)
	unchanged(t, j, "changing what was given", func() {
		clear(blob)
		r.Units[0].Name = "changed"
		e.Facts.Paths[0].Name, e.Facts.Units[0].Name = "changed", "changed"
		e.Facts.Samples["health"][0] = '2'
		e.Facts.Samples["other"] = json.RawMessage("3")
		e.Generations[0].Life = rotation.Dead
		e.Spawn.Units[0].Name, e.Spawn.Status = "changed", rotation.Stuck
		pause.Wake.For = time.Hour
		batch[1].Note = "changed"
	}, "values")
	unchanged(t, j, "changing what was read", func() {
		head, events := load(t, j, "r1")
		head.Units[0].Name, head.Wake.For = "changed", time.Hour
		events[0].Facts.Paths[0].Name, events[0].Spawn.Status = "changed", rotation.Stuck
		events[0].Facts.Samples["health"][0] = '2'
		events[0].Generations[0].Life = rotation.Dead
		events[1].Wake.For = time.Hour
		c := credential(t, j, "db")
		c.Generations[0].Life, c.Open[0].Wake.For = rotation.Dead, time.Hour
		got, _ := j.Sealed(ctx, "db", 1, "values")
		clear(got)
		for _, list := range [][]rotation.Record{first(j.Unfinished(ctx)), first(j.History(ctx, "", 0))} {
			for i := range list {
				list[i].Status = rotation.Stuck
				for k := range list[i].Units {
					list[i].Units[k].Name = "changed"
				}
			}
		}
	}, "values")
}

func first[T any](v T, _ error) T { return v }

func examSecond(t testing.TB, x Exam) {
	if x.Second == nil {
		t.Skip("not shared")
	}
	ctx, a := fresh(t, x)
	b := x.Second(t, a)
	t.Cleanup(func() { _ = b.Close() })
	woken := b.Changed()
	f := create(t, a, run("r1", "db", 1), intent(1))
	fires(t, woken, "a record of another process")
	taken, err := b.Take(ctx, "db")
	if err != nil || taken != f+1 {
		t.Fatalf("take by the other: %d after %d, %v", taken, f, err)
	}
	refused(t, "fenced by the other", a.Append(ctx, "r1", f, intent(2)), journal.ErrFenced)
	_, err = b.Create(ctx, run("r2", "db", 2))
	refused(t, "open at the other", err, journal.ErrOpen)
	add(t, b, "r1", taken, intent(2))
	add(t, a, "r1", taken, intent(3))
	both := []journal.Journal{a, b}
	together(16, func(i int) {
		j, id := both[i%2], fmt.Sprintf("s%d", i)
		f, err := j.Create(ctx, run(id, "c"+id, 1))
		if err != nil {
			t.Errorf("create: %v", err)
			return
		}
		for n := range 10 {
			if err := both[(i+n)%2].Append(ctx, id, f, intent(n), outcome(n)); err != nil {
				t.Errorf("append: %v", err)
			}
		}
	})
	one, other := Observe(t, a), Observe(t, b)
	if one != other {
		t.Errorf("they disagree\n%s\n%s", one, other)
	}
	if chain := verified(t, b); len(chain) != 3+16*(1+20) {
		t.Errorf("%d entries, want %d", len(chain), 3+16*21)
	}
	add(t, b, "r1", taken, end(9, rotation.Done))
	create(t, a, run("r2", "db", 10))
}
