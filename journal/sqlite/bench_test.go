package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/sqlite"
	"github.com/agenticverz/rotor/rotation"
)

// The benchmarks compare with a floor: a loop of the same statements on the same
// schema, one commit for each append, without anything of ours. Use the ratios;
// the figures are the machine's.

var benchNow = rotation.Instant{Wall: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Boot: time.Hour, BootID: "b"}

// appendOf is what an engine writes at once: an outcome and the next intent.
func appendOf() []rotation.Event {
	out := rotation.Event{At: benchNow, Type: rotation.Result, Outcome: rotation.OK, Attempt: 1, Part: "vault:app-prod",
		Action: rotation.Action{Step: rotation.Publish, Phase: rotation.Switch},
		Facts:  &rotation.Facts{Revision: "17", Before: "16"}}
	next := rotation.Event{At: benchNow, Type: rotation.Intent, Attempt: 1, Part: "app/backend",
		Action: rotation.Action{Step: rotation.Deploy, Phase: rotation.Switch}}
	return []rotation.Event{out, next}
}

func benchRecord(id, credential string) rotation.Record {
	return rotation.Record{ID: id, Kind: rotation.KindRotation, Credential: credential, Generation: 1, Actor: "bench",
		Mode: rotation.Scheduled, Strategy: rotation.Overlap, Minter: rotation.ByProvider, Created: benchNow}
}

// cpu reports the process's CPU time an operation.
func cpu(b *testing.B) (stop func(operations int)) {
	used := func() time.Duration {
		var r syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	before := used()
	return func(operations int) {
		b.ReportMetric(float64((used()-before).Microseconds())/float64(operations), "cpu-µs/op")
	}
}

// BenchmarkFloor is the raw loop.
func BenchmarkFloor(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "state")
	j := open(b, dir)
	if _, err := j.Create(b.Context(), benchRecord("r1", "db")); err != nil {
		b.Fatal(err)
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db")+
		"?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	event, err := db.Prepare(`INSERT INTO events (rec, seq, body, sum) VALUES (1, ?, ?, 0)`)
	if err != nil {
		b.Fatal(err)
	}
	entry, err := db.Prepare(`INSERT INTO audit (seq, at, actor, action, credential, record, generation, part, outcome, note, mac)
		VALUES (?, 0, 'bench', 'outcome publish/switch', 'db', 'r1', 1, 'vault:app-prod', 'ok', '', ?)`)
	if err != nil {
		b.Fatal(err)
	}
	body, _ := json.Marshal(appendOf()[0])
	mac := fmt.Sprintf("%064d", 7)
	stop := cpu(b)
	n := 1
	for b.Loop() {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for range 2 {
			n++
			_, err1 := tx.Stmt(event).Exec(n, string(body))
			_, err2 := tx.Stmt(entry).Exec(n, mac)
			if err1 != nil || err2 != nil {
				b.Fatal(err1, err2)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	stop(b.N)
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchAppend(b, callers) })
	}
}

func benchAppend(b *testing.B, callers int) {
	j := open(b, filepath.Join(b.TempDir(), "state"))
	fences := make([]rotation.Fence, callers)
	for i := range callers {
		var err error
		if fences[i], err = j.Create(b.Context(), benchRecord(fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i))); err != nil {
			b.Fatal(err)
		}
	}
	events := appendOf()
	var left atomic.Int64
	left.Store(int64(b.N))
	stop := cpu(b)
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			id := fmt.Sprintf("r%d", i)
			for left.Add(-1) >= 0 {
				if err := j.Append(b.Context(), id, fences[i], events...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	stop(b.N)
}

// BenchmarkRotation is a whole one: created, nine appends, the end.
func BenchmarkRotation(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := open(b, filepath.Join(b.TempDir(), "state"))
			var next atomic.Int64
			stop := cpu(b)
			b.ResetTimer()
			var all sync.WaitGroup
			for c := range callers {
				all.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if err := benchRotation(b, j, fmt.Sprintf("r%d", n), fmt.Sprintf("c%d", c)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			stop(b.N)
		})
	}
}

func benchRotation(b *testing.B, j *sqlite.Journal, id, credential string) error {
	events := appendOf()
	f, err := j.Create(b.Context(), benchRecord(id, credential), events[1])
	for range 8 {
		if err == nil {
			err = j.Append(b.Context(), id, f, events...)
		}
	}
	if err != nil {
		return err
	}
	return j.Append(b.Context(), id, f, events[0], rotation.Event{At: benchNow, Type: rotation.Closing, Status: rotation.Done})
}

func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "state")
	_ = open(b, dir).Close()
	for b.Loop() {
		j, err := sqlite.Open(b.Context(), sqlite.Options{Dir: dir, MAC: journaltest.MAC})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDue asks beside many that wait.
func BenchmarkDue(b *testing.B) {
	j := open(b, filepath.Join(b.TempDir(), "state"))
	var all sync.WaitGroup
	for c := range 64 {
		all.Go(func() {
			for n := range 300 {
				r := benchRecord(fmt.Sprintf("r%d-%d", c, n), fmt.Sprintf("c%d", c))
				r.Kind, r.Status = rotation.KindRetirement, rotation.Waiting
				r.Wake = &rotation.Wait{Since: benchNow, For: time.Duration(n+1) * time.Hour}
				if _, err := j.Create(b.Context(), r); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	for b.Loop() {
		due, next, err := j.Due(b.Context(), benchNow)
		if len(due) != 0 || next != time.Hour || err != nil {
			b.Fatal(due, next, err)
		}
	}
}

// BenchmarkAudit is what each event costs before SQLite is asked.
func BenchmarkAudit(b *testing.B) {
	var head audit.Head
	for b.Loop() {
		_, head, _ = audit.Next(journaltest.MAC, head, audit.Entry{At: benchNow.Wall, Actor: "bench", Action: "intent publish/switch", Credential: "db", Record: "r1"})
	}
}
