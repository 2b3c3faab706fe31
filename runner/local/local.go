// Package local is the loop of `rotor serve` on one machine: it works on records
// that are due and starts rotations that the policy wants, several credentials
// at once, one never twice.
//
// What surprises: it does not poll. It sleeps until the journal says that
// something changed, until the next record or schedule is due, or until a lock
// that somebody else held is worth another look.
package local

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
)

// Schedule lists the credentials whose scheduled rotation may start now, most
// urgent first, and how long until another may; 0 if none ever will.
type Schedule func(ctx context.Context, now rotation.Instant) (due []engine.Request, next time.Duration, err error)

// Options of a loop.
type Options struct {
	Inline   runner.Inline // Engine, Journal and Lock; Wait is not looked at
	Schedule Schedule      // nil: nothing is started, only finished
	Workers  int           // how many credentials at once; 0: 4
	Log      *slog.Logger  // nil: slog.Default
}

// Loop works until it is stopped.
type Loop struct {
	o      Options
	cancel context.CancelFunc
	ended  chan struct{}
	kick   chan struct{}
	now    func() rotation.Instant
}

// Outcome is what a look at one credential came to.
type Outcome struct {
	Credential string
	Report     runner.Report
	Began      bool // a scheduled rotation was started
	Err        error
}

// New checks nothing and starts nothing.
func New(o Options) *Loop {
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Inline.After == nil {
		o.Inline.After = runner.BootTimer
	}
	o.Inline.Wait = false
	return &Loop{o: o, kick: make(chan struct{}, 1), now: o.Inline.Engine.Now}
}

// holdFor is how long a worker of the loop keeps a credential's lock through a
// wait: reopening costs more than a moment, and a person may want it.
const holdFor = 2 * time.Second

// Start begins working in the background; call it once.
func (l *Loop) Start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	l.ended = make(chan struct{})
	if l.o.Inline.MaxWait == 0 {
		l.o.Inline.MaxWait = holdFor
	}
	go func() {
		defer close(l.ended)
		newTurn(l, false).run(ctx)
	}()
}

// Stop lets every effect under way and its receipt finish, and returns when all
// is quiet or ctx ends.
func (l *Loop) Stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kick makes the loop ask Schedule again: rotor.yaml changed.
func (l *Loop) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Once does all that is due, sits through waits up to Inline.MaxWait, and
// returns. Errors of single credentials are in their outcomes.
func (l *Loop) Once(ctx context.Context) ([]Outcome, error) {
	t := newTurn(l, true)
	t.run(ctx)
	return t.outcomes, errors.Join(t.err, ctx.Err())
}
