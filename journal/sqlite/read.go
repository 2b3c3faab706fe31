package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

const isOpen = `status IN ('running', 'waiting', 'asking', 'needs-person')`

// Reads go through a pool of connections that cannot write; they are prepared
// once.
var reads = map[string]string{
	"fence":       `SELECT ` + ownerColumns + ` FROM credentials WHERE name = ?`,
	"credentials": `SELECT ` + ownerColumns + ` FROM credentials ORDER BY name`,
	"generations": `SELECT credential, n, life, body, sum FROM generations WHERE credential = ? ORDER BY n`,
	"open of":     `SELECT ` + headColumns + ` FROM records WHERE credential = ? AND ` + isOpen + ` ORDER BY no`,
	"open":        `SELECT ` + headColumns + ` FROM records WHERE ` + isOpen + ` ORDER BY no`,
	"record":      `SELECT ` + headColumns + ` FROM records WHERE id = ?`,
	"events":      `SELECT seq, body, sum FROM events WHERE rec = ? ORDER BY seq`,
	"history":     `SELECT ` + headColumns + ` FROM records ORDER BY no DESC LIMIT ?`,
	"history of":  `SELECT ` + headColumns + ` FROM records WHERE credential = ? ORDER BY no DESC LIMIT ?`,
	"sealed":      `SELECT blob, sum FROM sealed WHERE credential = ? AND generation = ? AND slot = ?`,
	"all sealed":  `SELECT credential, generation, slot, blob, sum FROM sealed`,
	"meta":        `SELECT value, sum FROM meta WHERE name = ?`,
	"running":     `SELECT ` + headColumns + ` FROM records WHERE status = 'running'`,
	"boots":       `SELECT min(wake_boot) FROM records WHERE status = 'waiting' AND wake_boot > ?`,
	"ripe boot":   `SELECT ` + headColumns + ` FROM records WHERE status = 'waiting' AND wake_boot = ? AND boot_until <= ?`,
	"ripe wall":   `SELECT ` + headColumns + ` FROM records WHERE status = 'waiting' AND wake_boot = ? AND wall_until <= ?`,
	"next boot": `SELECT ` + headColumns + ` FROM records WHERE status = 'waiting' AND wake_boot = ? AND boot_until > ?
		ORDER BY boot_until LIMIT 1`,
	"next wall": `SELECT ` + headColumns + ` FROM records WHERE status = 'waiting' AND wake_boot = ? AND wall_until > ?
		ORDER BY wall_until LIMIT 1`,
	"audit": `SELECT seq, at, actor, action, credential, record, generation, part, outcome, note, mac FROM audit
		WHERE seq >= ? ORDER BY seq LIMIT ?`,
	"head": `SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1`,
}

func (j *Journal) prepareReads(ctx context.Context) error {
	j.queries = map[string]*sql.Stmt{}
	for name, text := range reads {
		s, err := j.read.PrepareContext(ctx, text)
		if err != nil {
			return classify("open the state", err)
		}
		j.queries[name] = s
	}
	return nil
}

// view is one moment of the state: all its reads agree.
type view struct {
	ctx context.Context
	j   *Journal
	tx  *sql.Tx
}

func (j *Journal) view(ctx context.Context, what string, f func(view) error) error {
	tx, err := j.read.BeginTx(ctx, nil)
	if err != nil {
		return classify(what, err)
	}
	defer func() { _ = tx.Rollback() }()
	return classify(what, f(view{ctx, j, tx}))
}

func (v view) row(query string, into []any, args ...any) error {
	return v.tx.StmtContext(v.ctx, v.j.queries[query]).QueryRowContext(v.ctx, args...).Scan(into...)
}

// rows calls each for every row; into is where a row is put.
func (v view) rows(query string, into []any, each func() error, args ...any) error {
	rows, err := v.tx.StmtContext(v.ctx, v.j.queries[query]).QueryContext(v.ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// heads reads records; fits says of each whether it answers the query, so that
// a damaged index is noticed.
func (v view) heads(query string, fits func(rotation.Record) bool, args ...any) ([]head, error) {
	var r headRow
	var out []head
	err := v.rows(query, r.fields(), func() error {
		h, err := r.parse()
		if err == nil && !fits(h.rec) {
			err = damaged("read records", "an index does not fit")
		}
		out = append(out, h)
		return err
	}, args...)
	return out, err
}

func records(heads []head) []rotation.Record {
	var out []rotation.Record
	for _, h := range heads {
		out = append(out, h.rec)
	}
	return out
}

// Fence implements journal.Journal.
func (j *Journal) Fence(ctx context.Context, credential string) (rotation.Fence, error) {
	var r ownerRow
	err := j.queries["fence"].QueryRowContext(ctx, credential).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.Wrap(fault.Rejected, "fence of "+credential, journal.ErrNotFound)
	}
	if err != nil {
		return 0, classify("read a fence", err)
	}
	o, err := r.parse()
	return o.fence, err
}

// Load implements journal.Journal.
func (j *Journal) Load(ctx context.Context, id string) (rotation.Record, []rotation.Event, error) {
	var h head
	events := []rotation.Event{}
	err := j.view(ctx, "load "+id, func(v view) error {
		var r headRow
		err := v.row("record", r.fields(), id)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Wrap(fault.Rejected, "load "+id, journal.ErrNotFound)
		}
		if err != nil {
			return err
		}
		if h, err = r.parse(); err != nil {
			return err
		}
		var seq, sum int64
		var body string
		return v.rows("events", []any{&seq, &body, &sum}, func() error {
			if seq != int64(len(events))+1 {
				return damaged("load "+id, "an event is missing")
			}
			e, err := parseEvent(h.no, seq, body, sum)
			events = append(events, e)
			return err
		}, h.no)
	})
	if err != nil {
		return rotation.Record{}, nil, err
	}
	return h.rec, events, nil
}

// Credential implements journal.Journal.
func (j *Journal) Credential(ctx context.Context, name string) (rotation.Credential, error) {
	c := rotation.Credential{Name: name}
	err := j.view(ctx, "read "+name, func(v view) error {
		var r ownerRow
		err := v.row("fence", r.fields(), name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err = v.credential(&r)
		return err
	})
	return c, err
}

// Credentials implements journal.Journal.
func (j *Journal) Credentials(ctx context.Context) ([]rotation.Credential, error) {
	var out []rotation.Credential
	err := j.view(ctx, "read all credentials", func(v view) error {
		var all []ownerRow
		var r ownerRow
		if err := v.rows("credentials", r.fields(), func() error { all = append(all, r); return nil }); err != nil {
			return err
		}
		for i := range all {
			c, err := v.credential(&all[i])
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	return out, err
}

func (v view) credential(r *ownerRow) (rotation.Credential, error) {
	o, err := r.parse()
	if err != nil {
		return rotation.Credential{}, err
	}
	c := o.credential()
	var of, life, body string
	var n, sum int64
	err = v.rows("generations", []any{&of, &n, &life, &body, &sum}, func() error {
		g, err := parseGeneration(of, n, life, body, sum)
		c.Generations = append(c.Generations, g)
		return err
	}, o.name)
	if err != nil {
		return c, err
	}
	open, err := v.heads("open of", func(r rotation.Record) bool {
		return r.Credential == o.name && !r.Status.Over()
	}, o.name)
	c.Open = records(open)
	return c, err
}

// Sealed implements journal.Journal.
func (j *Journal) Sealed(ctx context.Context, credential string, generation int, slot string) ([]byte, error) {
	var blob []byte
	var want int64
	err := j.queries["sealed"].QueryRowContext(ctx, credential, generation, slot).Scan(&blob, &want)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.Wrap(fault.Rejected, "sealed value of "+credential, journal.ErrNotFound)
	}
	if err != nil {
		return nil, classify("read a sealed value", err)
	}
	if sealedSum(credential, int64(generation), slot, blob) != want {
		return nil, damaged("read a sealed value", "checksum")
	}
	return blob, nil
}

// Unfinished implements journal.Journal.
func (j *Journal) Unfinished(ctx context.Context) ([]rotation.Record, error) {
	return j.list(ctx, "open", func(r rotation.Record) bool { return !r.Status.Over() })
}

// History implements journal.Journal.
func (j *Journal) History(ctx context.Context, credential string, limit int) ([]rotation.Record, error) {
	if limit <= 0 {
		limit = -1
	}
	if credential == "" {
		return j.list(ctx, "history", func(rotation.Record) bool { return true }, limit)
	}
	return j.list(ctx, "history of", func(r rotation.Record) bool { return r.Credential == credential }, credential, limit)
}

func (j *Journal) list(ctx context.Context, query string, fits func(rotation.Record) bool, args ...any) ([]rotation.Record, error) {
	var out []head
	err := j.view(ctx, "list records", func(v view) (err error) {
		out, err = v.heads(query, fits, args...)
		return err
	})
	return records(out), err
}

// Installation implements journal.Journal.
func (j *Journal) Installation(ctx context.Context) (journal.Installation, error) {
	var out journal.Installation
	err := j.view(ctx, "read the state's name", func(v view) (err error) {
		var epoch string
		if out.ID, err = v.meta("installation"); err != nil {
			return err
		}
		if epoch, err = v.meta("epoch"); err != nil {
			return err
		}
		if out.Epoch, err = strconv.Atoi(epoch); err != nil {
			return damaged("read the state's name", "its epoch")
		}
		return nil
	})
	return out, err
}

func (v view) meta(name string) (value string, err error) {
	var want int64
	err = v.row("meta", []any{&value, &want}, name)
	if errors.Is(err, sql.ErrNoRows) || err == nil && sum(nil, name, value) != want {
		return "", damaged("read the state's name", "checksum")
	}
	return value, err
}
