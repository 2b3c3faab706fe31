// Package engine takes records through their plans: Advance does at most one
// action of one rotation or retirement, with a durable intent before and a
// durable outcome after, so that it can be killed anywhere and called again.
// Read it second, after rotation.
//
// What surprises: the engine never sleeps, never reads a clock by itself, starts
// no goroutine and holds no lock. Whoever calls Advance (package runner) holds
// the credential's lock, waits, and calls again.
package engine

import (
	"context"
	"sync"
	"time"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Engine is safe for concurrent use on different credentials.
type Engine struct {
	Journal journal.Journal
	Catalog Catalog
	Keys    Keys
	Now     func() rotation.Instant
	NewID   func(kind rotation.Kind) string       // unique, sorts by time of making
	Observe func(rotation.Record, rotation.Event) // after each durable event; may be nil

	mu   sync.Mutex
	held map[string]*holding            // by credential
	left map[string]rotation.Credential // by name: as it was when its lock was given up

	installation *journal.Installation // nil: not read yet
}

// Keys seals and names values; *secret.Keyset is one.
type Keys interface {
	Seal(secret.Set, secret.Place) ([]byte, error)
	Open([]byte, secret.Place) (secret.Set, error)
	FingerprintSet(secret.Set) string
}

// Progress tells the caller what to do next.
type Progress struct {
	Record rotation.Record
	Again  bool          // call Advance again now
	Wait   time.Duration // else call again after this, if > 0
}

// Over says that nothing more will happen to the record.
func (p Progress) Over() bool { return p.Record.Status.Over() }

// Advance does at most one action. It returns an error only if it could do
// nothing durable: the journal failed, the credential was taken over
// (journal.ErrFenced: make sure of the lock and call again), or ctx ended.
// Failures of rooms are outcomes, not errors: they are in the journal.
func (e *Engine) Advance(ctx context.Context, id string) (Progress, error) {
	r, err := e.open(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	p, err := e.step(ctx, r)
	if err != nil {
		e.drop(r.Credential)
	}
	return p, err
}

func (e *Engine) step(ctx context.Context, r *run) (Progress, error) {
	if left, ready := e.ready(r); !ready {
		return Progress{Record: r.Record, Wait: left}, ctx.Err()
	}
	r.batch = nil
	e.follow(r) // what needs no look of its own goes into the same append
	task, ok := r.Next()
	switch {
	case !ok: // follow ended it
	case !task.HasEffect():
		r.record(e.perform(ctx, r, task)...)
		e.announceNext(ctx, r)
	case !r.announced(task) && !(seeded.Bug("act-before-intent") && task.Step == rotation.Deploy):
		r.record(e.announce(ctx, r, task)...)
	default:
		if err := e.mayAct(ctx, r); err != nil {
			return Progress{}, err
		}
		r.record(e.perform(ctx, r, task)...)
		r.fresh = false
	}
	e.letGo(ctx, r)
	return e.commit(ctx, r)
}

// announceNext opens the next effect's intent in the same append as the look
// before it: every append is an fsync. Never behind an effect, whose outcome
// must not wait for the reads that an intent may need.
func (e *Engine) announceNext(ctx context.Context, r *run) {
	if task, ok := r.Next(); ok && r.Status == rotation.Running && task.HasEffect() && !r.announced(task) {
		r.record(e.announce(ctx, r, task)...)
	}
}

// mayAct rechecks the fence right before an outside effect: a worker that was
// stopped after its intent must not act on it.
func (e *Engine) mayAct(ctx context.Context, r *run) error {
	if err := ctx.Err(); err != nil {
		return err // no new effect starts once the caller wants to stop
	}
	now, err := e.Journal.Fence(ctx, r.Credential)
	if err != nil {
		return err
	}
	if now != r.fence && !seeded.Bug("act-after-takeover") {
		return journal.ErrFenced
	}
	return nil
}

// commit makes the batch durable, with what follows from it without any outside
// look, and says how to go on.
func (e *Engine) commit(ctx context.Context, r *run) (Progress, error) {
	e.follow(r)
	// the outcome of an effect is written even if the caller wants to stop
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalTimeout)
	defer cancel()
	if err := e.Journal.Append(keep, r.ID, r.fence, r.batch...); err != nil {
		return Progress{}, err
	}
	for _, ev := range r.batch {
		e.adopt(r, ev.Spawn)
		if e.Observe != nil {
			e.Observe(r.Record, ev)
		}
	}
	p := Progress{Record: r.Record, Again: r.Status == rotation.Running}
	if r.Status == rotation.Waiting && r.Wake != nil {
		p.Wait = max(r.Wake.Left(e.Now()), time.Nanosecond)
	}
	return p, nil
}

// follow adds what needs no look outside: a monitor without checks, a grace of
// nothing, the flip, the end of a plan.
func (e *Engine) follow(r *run) {
	for r.Status == rotation.Running {
		task, ok := r.Next()
		switch {
		case !ok:
			r.record(r.close(e.Now()))
		case task.Step == rotation.Finish:
			r.record(e.finish(r, task)...)
		case task.Step == rotation.Monitor && len(r.cred.Checks) == 0, task.Step == rotation.Grace && r.noGrace():
			r.record(e.ok(task, nil, ""))
		default:
			return
		}
	}
}

// adopt keeps a retirement that this append began, so that it need not be read
// back.
func (e *Engine) adopt(r *run, x *rotation.Record) {
	if x == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if h, ok := e.held[r.Credential]; ok {
		h.begin(rotation.Replay(*x, nil), r.cred)
	}
}

const journalTimeout = 30 * time.Second

// ready says whether the record can be worked on now, else how long to wait (0:
// until a person acts, or for ever).
func (e *Engine) ready(r *run) (time.Duration, bool) {
	switch r.Status {
	case rotation.Running:
		return 0, true
	case rotation.Waiting:
		if r.Wake == nil || r.Wake.Ripe(e.Now()) {
			return 0, true
		}
		return max(r.Wake.Left(e.Now()), time.Nanosecond), false
	}
	return 0, false
}
