package sqlite

import (
	"context"
	"database/sql/driver"
	"runtime"
	"slices"
	"sync"

	"github.com/agenticverz/rotor/fault"
)

// group makes writers share transactions. Whoever comes while nobody writes
// leads: it writes for everyone who queued, in one transaction with one fsync,
// then tells them, and hands the lead to the first who came meanwhile. So
// nobody waits for a timer, and one who is alone waits for nobody.
//
// A call is planned before it writes: what can be refused is refused while
// nothing of it stands in the transaction, so the others go on. Should a
// statement still fail for reasons of one call, the transaction is rolled back
// and each call gets one of its own.
type group struct {
	j *Journal

	mu     sync.Mutex
	queue  []*call
	busy   bool
	closed bool
	idle   sync.Cond // broadcast when busy becomes false

	// of the leader alone
	crowded bool // the last transaction had several calls
	conn    conn
	known   known
	// commits counts them, for tests
	commits int
	broken  error // a commit whose outcome nobody knows: no more writes
}

// work is one caller's wish. plan reads and refuses, write only writes.
type work interface {
	plan(g *group) error
	write(g *group) error
}

type call struct {
	ctx  context.Context
	work work
	// finishing: may use the ballast on a full disk.
	finishing bool

	err  error
	tell chan bool // true: lead; false: done
}

const largest = 256 // calls in one transaction

func (g *group) init(j *Journal, raw driver.Conn) {
	g.j = j
	g.conn.raw = raw
	g.idle.L = &g.mu
	g.known.forget()
}

// do returns when c is on the disk or was refused.
func (g *group) do(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil {
		return classify("write", err)
	}
	c.ctx = ctx
	g.mu.Lock()
	if g.closed || g.conn.raw == nil {
		g.mu.Unlock()
		return errClosed
	}
	g.queue = append(g.queue, c)
	if g.busy {
		c.tell = make(chan bool, 1)
		g.mu.Unlock()
		if !g.await(c) {
			return c.err
		}
	} else {
		g.busy = true
		g.mu.Unlock()
	}
	g.lead(c)
	return c.err
}

// await says whether c is to lead. A caller who gives up leaves the queue; once
// its call is being written, it waits for the outcome.
func (g *group) await(c *call) (lead bool) {
	select {
	case lead = <-c.tell:
		return lead
	case <-c.ctx.Done():
	}
	g.mu.Lock()
	i := slices.Index(g.queue, c)
	if i > 0 || i == 0 && len(c.tell) == 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
		g.mu.Unlock()
		c.err = classify("write", c.ctx.Err())
		return false
	}
	g.mu.Unlock()
	return <-c.tell
}

// gather lets others who are about to write come first: while the queue still
// grows the leader steps back, never for a timer. One who is alone is not held
// up: the queue of a single call that follows a single call is not looked at.
func (g *group) gather() {
	size := g.waiting()
	for size > 1 || g.crowded {
		runtime.Gosched()
		now := g.waiting()
		if now <= size || now >= largest {
			break
		}
		size = now
	}
	g.crowded = size > 1
}

func (g *group) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue)
}

func (g *group) lead(own *call) {
	g.gather()
	g.mu.Lock()
	n := min(len(g.queue), largest)
	calls := slices.Clone(g.queue[:n])
	g.queue = slices.Delete(g.queue, 0, n)
	g.mu.Unlock()

	g.run(calls)

	for _, c := range calls {
		if c != own {
			c.tell <- false
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) > 0 {
		g.queue[0].tell <- true
		return
	}
	g.busy = false
	g.idle.Broadcast()
}

// run leaves each call's outcome in its err.
func (g *group) run(calls []*call) {
	live := calls[:0:0]
	for _, c := range calls {
		c.err = classify("write", c.ctx.Err())
		if g.broken != nil {
			c.err = g.broken
		}
		if c.err == nil {
			live = append(live, c)
		}
	}
	if len(live) == 0 {
		return
	}
	err := g.transact(live)
	switch {
	case err == nil:
	case isFull(err) && g.broken == nil:
		g.makeRoom(live)
	case len(live) > 1 && g.broken == nil && isOnes(err):
		for _, c := range live {
			_ = g.transact([]*call{c})
		}
	}
}

// makeRoom tries calls once more on a full disk: first in the part of the log
// that a checkpoint sets free, then, those who are under way, in the ballast.
func (g *group) makeRoom(calls []*call) {
	const checkpoint = `PRAGMA wal_checkpoint(PASSIVE)`
	_ = g.once(checkpoint)
	if err := g.transact(calls); !isFull(err) || g.broken != nil {
		return
	}
	var some []*call
	for _, c := range calls {
		if c.finishing {
			some = append(some, c)
		}
	}
	if len(some) > 0 && g.j.ballast.release() {
		_ = g.once(checkpoint)
		_ = g.transact(some)
	}
}

// transact writes calls in one transaction. If the transaction fails, its error
// is every call's error.
func (g *group) transact(calls []*call) error {
	wrote := false
	g.known.wakes = false
	err := g.begin()
	for i := 0; err == nil && i < len(calls); i++ {
		c := calls[i]
		if c.err = c.work.plan(g); c.err == nil {
			wrote = true
			err = c.work.write(g)
		}
	}
	if err == nil && wrote {
		if err = g.conn.exec(qCommit); err == nil {
			g.commits++
			if g.known.wakes {
				g.j.bell.ring()
			}
			return nil
		}
		classified, unsure := classifyCommit(err)
		if unsure {
			g.broken = fault.Wrap(fault.NeedsPerson, "state: no more writes after a failed commit", err)
		}
		return g.fail(calls, err, classified)
	}
	if err != nil {
		return g.fail(calls, err, classify("write", err))
	}
	_ = g.conn.exec(qRollback) // everybody was refused
	return nil
}

func (g *group) fail(calls []*call, err, classified error) error {
	_ = g.conn.exec(qRollback) // SQLite may have done it
	g.known.forget()
	for _, c := range calls {
		c.err = classified
	}
	return err
}

// begin starts a transaction and makes sure that what is known is still true.
func (g *group) begin() error {
	if err := g.conn.exec(qBegin); err != nil {
		return err
	}
	var version int64
	if _, err := g.conn.one(qDataVersion, []any{&version}); err != nil {
		return err
	}
	if version == g.known.version && g.known.valid && len(g.known.records) < 4096 {
		return nil
	}
	g.known.forget()
	g.known.version = version
	if _, err := g.conn.one(qTail, []any{&g.known.tail.Seq, &g.known.tail.MAC}); err != nil {
		return err
	}
	g.known.valid = true
	return nil
}
