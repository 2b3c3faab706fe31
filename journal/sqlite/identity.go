package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"strconv"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
)

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

// identify gives a new state its id and its first epoch. A state that has them is
// only read, so that looking at it needs no write lock.
func (g *group) identify(ctx context.Context) error {
	var named int
	if err := g.j.read.QueryRowContext(ctx, `SELECT count(*) FROM meta WHERE name IN ('installation', 'epoch')`).Scan(&named); err == nil && named == 2 {
		return nil
	}
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	for i, b := range id {
		id[i] = letters[int(b)%len(letters)]
	}
	const text = `INSERT INTO meta (name, value, sum) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	for name, value := range map[string]string{"installation": string(id), "epoch": strconv.Itoa(1)} {
		if err := g.once(text, name, value, sum(nil, name, value)); err != nil {
			return classify("name the state", err)
		}
	}
	return nil
}

// once runs a statement that is not worth keeping.
func (g *group) once(text string, args ...driver.Value) error {
	s, err := g.conn.raw.Prepare(text)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), g.conn.named(args))
	return errors.Join(err, s.Close())
}

// leap is added to every fence in a new epoch, so that a worker who still holds
// a fence from after the backup never meets it again.
const leap = 1_000_000

// NewEpoch makes this state a restored one: labels of the lost time will differ
// from those to come, and nobody's fence is good any more. e tells the audit.
func (j *Journal) NewEpoch(ctx context.Context, e audit.Entry) error {
	here, err := j.Installation(ctx)
	if err != nil {
		return err
	}
	w := &renewing{noting: noting{entry: e}, from: here.Epoch}
	return j.group.do(ctx, &call{work: w, finishing: true})
}

type renewing struct {
	noting
	from   int
	owners []owner
}

func (w *renewing) plan(g *group) error {
	var now string
	if _, err := g.conn.one(qEpoch, []any{&now}); err != nil {
		return classify("begin an epoch", err)
	}
	if now != strconv.Itoa(w.from) {
		return fault.New(fault.Rejected, "state: another process has begun an epoch")
	}
	w.owners = nil
	for name, more := "", true; more; {
		found, err := g.conn.one(qNextOwner, []any{&name}, name)
		if more = found; err != nil {
			return classify("begin an epoch", err)
		}
		if !found {
			break
		}
		o, err := g.owner(name)
		if err != nil {
			return err
		}
		w.owners = append(w.owners, *o)
	}
	return w.noting.plan(g)
}

func (w *renewing) write(g *group) error {
	for _, o := range w.owners {
		o.fence += leap
		if err := g.putOwner(o); err != nil {
			return err
		}
	}
	epoch := strconv.Itoa(w.from + 1)
	if err := g.conn.exec(qSetEpoch, epoch, sum(nil, "epoch", epoch)); err != nil {
		return err
	}
	return w.noting.write(g)
}

// close waits for who is writing and who is queued.
func (g *group) close() error {
	if g.conn.raw == nil {
		return nil
	}
	g.mu.Lock()
	g.closed = true
	for g.busy {
		g.idle.Wait()
	}
	g.mu.Unlock()
	if g.broken != nil {
		return classify("close", g.conn.close())
	}
	_ = g.once(`PRAGMA busy_timeout = 100`) // others may be at work; then it is for them to do
	err := g.once(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return classify("close", errors.Join(err, g.conn.close()))
}
