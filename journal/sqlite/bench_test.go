//go:build unix

package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

// floor is a loop of the same statements with nothing of ours.
type floor struct {
	db           *sql.DB
	event, entry *sql.Stmt
	body, mac    string
	n            int
}

func newFloor(b *testing.B) *floor {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "state")
	j := open(b, dir)
	_, err := j.Create(b.Context(), benchRecord("r1", "db"))
	if err = errors.Join(err, j.Close()); err != nil {
		b.Fatal(err)
	}
	f := &floor{mac: fmt.Sprintf("%064d", 7), n: 1}
	body, _ := json.Marshal(appendOf()[0])
	f.body = string(body)
	f.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db")+"?_pragma=busy_timeout(1000)"+
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.db.Close() })
	f.db.SetMaxOpenConns(1)
	var err1, err2 error
	f.event, err1 = f.db.Prepare(`INSERT INTO events (rec, seq, body, sum) VALUES (1, ?, ?, 0)`)
	f.entry, err2 = f.db.Prepare(`INSERT INTO audit (seq, at, actor, action, credential, record, generation, part, outcome, note, mac)
		VALUES (?, 0, 'bench', 'outcome publish/switch', 'db', 'r1', 1, 'vault:app-prod', 'ok', '', ?)`)
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	return f
}

func (f *floor) append() error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	for range appendOf() {
		f.n++
		_, err1 := tx.Stmt(f.event).Exec(f.n, f.body)
		_, err2 := tx.Stmt(f.entry).Exec(f.n, f.mac)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// BenchmarkSerial takes turns with the floor, so that a noisy machine is noisy
// for both; the medians are compared.
func BenchmarkSerial(b *testing.B) {
	raw := newFloor(b)
	j := open(b, filepath.Join(b.TempDir(), "state"))
	fence, err := j.Create(b.Context(), benchRecord("r1", "db"))
	if err != nil {
		b.Fatal(err)
	}
	events := appendOf()
	var ours, floor []float64
	timed := func(into *[]float64, f func() error) {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		*into = append(*into, float64(time.Since(began).Nanoseconds()))
	}
	for b.Loop() {
		timed(&floor, raw.append)
		timed(&ours, func() error { return j.Append(b.Context(), "r1", fence, events...) })
	}
	slices.Sort(ours)
	slices.Sort(floor)
	o, f := ours[len(ours)/2], floor[len(floor)/2]
	b.ReportMetric(f/1000, "floor-µs/op")
	b.ReportMetric(o/1000, "ours-µs/op")
	b.ReportMetric(o/f, "ours/floor")
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
