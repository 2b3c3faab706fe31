package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the floor's driver: the same

	"github.com/agenticverz/rotor/rotation"
)

const (
	callers = 64
	rounds  = 5
	serial  = 60 // rotations a round
	each    = 12 // rotations a caller and round
)

// journalFloor compares durable rotations (no latency outside, synchronous=FULL,
// the CLI's runner) with a raw loop that makes the same number of the same
// commits, turn by turn.
func journalFloor(ctx context.Context, _ string) ([]figure, error) {
	dir, err := os.MkdirTemp("", "rotor-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer b.journal.Close()
	batches, err := recordOne(ctx, b)
	if err != nil {
		return nil, err
	}
	raw, err := newFloor(dir, batches)
	if err != nil {
		return nil, err
	}
	defer raw.db.Close()
	one, err := compare(func(round int) error { return b.serial(ctx, round) }, func(int) error { return raw.serial() })
	if err != nil {
		return nil, err
	}
	many, err := compare(func(round int) error { return b.parallel(ctx, round) }, func(int) error { return raw.grouped() })
	if err != nil {
		return nil, err
	}
	return []figure{
		atMost("rotations_vs_journal_floor_serial", one.ratio, "ratio", 1.4),
		atMost("rotations_vs_journal_floor_64", many.ratio, "ratio", 2),
		atMost("appends_per_rotation", float64(len(batches)), "appends", 10),
		{"rotations_per_second_serial", serial / one.ours, "1/s", "shown", true},
		{"rotations_per_second_64", callers * each / many.ours, "1/s", "shown", true},
	}, nil
}

type pair struct{ ratio, ours float64 }

// compare takes turns, so that a noisy machine is noisy for both.
func compare(ours, floor func(round int) error) (pair, error) {
	var o, ratios []float64
	for round := range rounds + 1 {
		begun := time.Now()
		err1 := ours(round)
		between := time.Now()
		err2 := floor(round)
		if err := errors.Join(err1, err2); err != nil {
			return pair{}, err
		}
		if round == 0 {
			continue // warms up
		}
		a, f := between.Sub(begun).Seconds(), time.Since(between).Seconds()
		o, ratios = append(o, a), append(ratios, a/f)
	}
	return pair{median(ratios), median(o)}, nil
}

// recordOne is the second rotation of a credential: the first one's old value
// was not Rotor's.
func recordOne(ctx context.Context, b *bench) ([][]rotation.Event, error) {
	if err := b.add("recorded", &instant{map[string]bool{}}, "value"); err != nil {
		return nil, err
	}
	if err := b.rotate(ctx, "recorded"); err != nil {
		return nil, err
	}
	b.journal.on.Store(true)
	err := b.rotate(ctx, "recorded")
	b.journal.on.Store(false)
	if len(b.journal.batches) == 0 {
		return nil, errors.Join(err, errNothing)
	}
	return b.journal.batches, err
}

func (b *bench) serial(ctx context.Context, round int) error {
	name := fmt.Sprintf("serial-%d", round)
	if err := b.add(name, &instant{map[string]bool{}}, "value"); err != nil {
		return err
	}
	for range serial {
		if err := b.rotate(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) parallel(ctx context.Context, round int) error {
	names := make([]string, callers)
	for i := range names {
		names[i] = fmt.Sprintf("caller-%d-%d", round, i)
		if err := b.add(names[i], &instant{map[string]bool{}}, "value"); err != nil {
			return err
		}
	}
	failures := make([]error, callers)
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			for range each {
				if failures[i] = b.rotate(ctx, name); failures[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(failures...)
}

// floor writes what a rotation writes, and nothing else: no plan, no fence, no
// sealing, no chain.
type floor struct {
	db      *sql.DB
	batches [][]rotation.Event
	bodies  [][]string
	stmts   map[string]*sql.Stmt
	n       int
}

func newFloor(dir string, batches [][]rotation.Event) (*floor, error) {
	dsn := "file:" + filepath.Join(dir, "floor.db") + "?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	f := &floor{db: db, batches: batches, stmts: map[string]*sql.Stmt{}}
	for _, table := range []string{
		"CREATE TABLE events (no INTEGER PRIMARY KEY, rec INTEGER, seq INTEGER, body TEXT)", "CREATE UNIQUE INDEX e ON events (rec, seq)",
		"CREATE TABLE audit (seq INTEGER PRIMARY KEY, body TEXT, mac TEXT)",
		"CREATE TABLE records (no INTEGER PRIMARY KEY, id TEXT UNIQUE, status TEXT, body TEXT)",
		"CREATE TABLE generations (n INTEGER PRIMARY KEY, body TEXT)", "CREATE TABLE sealed (n INTEGER PRIMARY KEY, blob BLOB)",
		"CREATE TABLE credentials (name TEXT PRIMARY KEY, fence INTEGER)",
	} {
		if _, err := db.Exec(table); err != nil {
			return nil, err
		}
	}
	for _, s := range []string{insertEvent, insertAudit, insertRecord, updateRecord, insertGeneration, insertSealed, raiseFence} {
		if f.stmts[s], err = db.Prepare(s); err != nil {
			return nil, err
		}
	}
	for _, batch := range batches {
		var texts []string
		for _, e := range batch {
			text, err := json.Marshal(e)
			if err != nil {
				return nil, err
			}
			texts = append(texts, string(text))
		}
		f.bodies = append(f.bodies, texts)
	}
	return f, nil
}

const (
	insertEvent      = "INSERT INTO events (rec, seq, body) VALUES (?, ?, ?)"
	insertAudit      = "INSERT INTO audit (body, mac) VALUES (?, ?)"
	insertRecord     = "INSERT INTO records (id, status, body) VALUES (?, 'running', ?)"
	updateRecord     = "UPDATE records SET status = ? WHERE id = ?"
	insertGeneration = "INSERT OR REPLACE INTO generations (n, body) VALUES (?, ?)"
	insertSealed     = "INSERT INTO sealed (blob) VALUES (?)"
	raiseFence       = "INSERT INTO credentials (name, fence) VALUES ('c', 1) ON CONFLICT (name) DO UPDATE SET fence = fence + 1"
)

const mac = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// write puts one batch of one rotation into a transaction.
func (f *floor) write(tx *sql.Tx, id string, batch int) error {
	do := func(stmt string, args ...any) error {
		_, err := tx.Stmt(f.stmts[stmt]).Exec(args...)
		return err
	}
	f.n++
	var err error
	if batch == 0 { // the record itself
		err = errors.Join(do(insertRecord, id, mac+mac+mac+mac), do(raiseFence), do(insertAudit, mac, mac))
	}
	for i, e := range f.batches[batch] {
		body := f.bodies[batch][i]
		err = errors.Join(err, do(insertEvent, f.n, i, body), do(insertAudit, body[:min(len(body), 80)], mac))
		for _, g := range e.Generations {
			err = errors.Join(err, do(insertGeneration, g.N, body))
		}
		for _, s := range e.Sealed {
			err = errors.Join(err, do(insertSealed, s.Blob))
		}
		if e.Spawn != nil {
			err = errors.Join(err, do(insertRecord, id+"x", mac+mac+mac+mac))
		}
		if e.Status != "" {
			err = errors.Join(err, do(updateRecord, string(e.Status), id))
		}
	}
	return err
}

func (f *floor) serial() error {
	for range serial {
		f.n++
		id := fmt.Sprintf("s%d", f.n)
		for batch := range f.batches {
			if err := f.commit([]string{id}, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// grouped makes the commits of 64 callers that keep in step: the best a group
// commit can do.
func (f *floor) grouped() error {
	for range each {
		ids := make([]string, callers)
		for i := range ids {
			f.n++
			ids[i] = fmt.Sprintf("g%d", f.n)
		}
		for batch := range f.batches {
			if err := f.commit(ids, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *floor) commit(ids []string, batch int) error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := f.write(tx, id, batch); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
