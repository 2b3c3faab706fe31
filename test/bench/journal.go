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

	"github.com/agenticverz/rotor/journal/sqlite"
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
	raw, err := newFloor(ctx, dir, batches)
	if err != nil {
		return nil, err
	}
	defer raw.db.Close()
	one, err := compare(func(round int) error { return b.serial(ctx, round) }, raw.serial)
	if err != nil {
		return nil, err
	}
	many, err := compare(func(round int) error { return b.parallel(ctx, round) }, raw.grouped)
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
	for i := range serial {
		name := fmt.Sprintf("serial-%d-%d", round, i/each)
		if i%each == 0 {
			if err := b.add(name, &instant{map[string]bool{}}, "value"); err != nil {
				return err
			}
		}
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

// newFloor writes to the journal's own schema, made by the journal itself.
func newFloor(ctx context.Context, dir string, batches [][]rotation.Event) (*floor, error) {
	home := filepath.Join(dir, "floor")
	j, err := sqlite.Open(ctx, sqlite.Options{Dir: home, MAC: func([]byte) ([]byte, error) { return nil, nil }})
	if err != nil {
		return nil, err
	}
	if err := j.Close(); err != nil {
		return nil, err
	}
	dsn := "file:" + filepath.Join(home, "state.db") + "?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_txlock=immediate"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	f := &floor{db: db, batches: batches, stmts: map[string]*sql.Stmt{}}
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
	insertEvent      = "INSERT INTO events (rec, seq, body, sum) VALUES (?, ?, ?, 0)"
	insertAudit      = "INSERT INTO audit (at, actor, action, credential, record, generation, part, outcome, note, mac) VALUES (0, 'bench', 'outcome publish/switch', ?, ?, 1, 'memory:app', 'ok', '', ?)"
	insertRecord     = "INSERT INTO records (id, kind, credential, status, undoing, wake, body, sum) VALUES (?, ?, ?, 'running', 0, '', ?, 0)"
	updateRecord     = "UPDATE records SET status = ?, undoing = 0, wake = '', sum = 1 WHERE id = ?"
	insertGeneration = "INSERT INTO generations (credential, n, life, body, sum) VALUES (?, ?, ?, ?, 0) ON CONFLICT (credential, n) DO UPDATE SET life = excluded.life, body = excluded.body"
	insertSealed     = "INSERT INTO sealed (credential, generation, slot, blob, sum) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
	raiseFence       = "INSERT INTO credentials (name, fence, rotated, last_status, rolled_back, sum) VALUES (?, 1, '', '', 0, 0) ON CONFLICT (name) DO UPDATE SET fence = fence + 1"
)

const mac = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// write puts one batch of one rotation into a transaction.
func (f *floor) write(tx *sql.Tx, who rotating, batch int) error {
	do := func(stmt string, args ...any) error {
		_, err := tx.Stmt(f.stmts[stmt]).Exec(args...)
		return err
	}
	var err error
	if batch == 0 { // the record itself
		err = errors.Join(do(raiseFence, who.credential), do(insertRecord, who.id, "rotation", who.credential, mac+mac+mac+mac+mac+mac),
			do(insertAudit, who.credential, who.id, mac))
	}
	for i, e := range f.batches[batch] {
		body := f.bodies[batch][i]
		err = errors.Join(err, do(insertEvent, who.n, batch*10+i, body), do(insertAudit, who.credential, who.id, mac))
		for _, g := range e.Generations {
			text, _ := json.Marshal(g)
			err = errors.Join(err, do(insertGeneration, who.credential, who.generation+g.N-2, string(g.Life), string(text)))
		}
		for _, s := range e.Sealed {
			err = errors.Join(err, do(insertSealed, who.credential, who.generation, s.Slot, s.Blob))
		}
		if e.Spawn != nil {
			err = errors.Join(err, do(insertRecord, who.id+"x", "retirement", who.credential, mac+mac+mac+mac+mac+mac))
		}
		if e.Status != "" {
			err = errors.Join(err, do(updateRecord, string(e.Status), who.id))
		}
	}
	if batch == len(f.batches)-1 {
		err = errors.Join(err, do(updateRecord, "done", who.id+"x"))
	}
	return err
}

// rotating is one rotation of the floor.
type rotating struct {
	credential, id string
	n, generation  int
}

func (f *floor) next(credential string, generation int) rotating {
	f.n++
	return rotating{credential, fmt.Sprintf("f%08d", f.n), f.n, generation}
}

func (f *floor) serial(round int) error {
	for i := range serial {
		who := f.next(fmt.Sprintf("serial-%d-%d", round, i/each), i%each+2)
		for batch := range f.batches {
			if err := f.commit([]rotating{who}, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// grouped makes the commits of 64 callers that keep in step: the best a group
// commit can do.
func (f *floor) grouped(round int) error {
	for i := range each {
		all := make([]rotating, callers)
		for c := range all {
			all[c] = f.next(fmt.Sprintf("caller-%d-%d", round, c), i+2)
		}
		for batch := range f.batches {
			if err := f.commit(all, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *floor) commit(all []rotating, batch int) error {
	tx, err := f.db.Begin()
	if err != nil {
		return err
	}
	for _, who := range all {
		if err := f.write(tx, who, batch); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
