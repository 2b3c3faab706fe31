package local

import (
	"context"
	"errors"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
)

// turn is the state of one run of the loop; only its own goroutine touches it.
type turn struct {
	*Loop
	once     bool
	busy     map[string]bool
	done     chan Outcome
	queue    []engine.Request
	found    time.Time                // when queue was found due
	ask      time.Duration            // boot time at which Schedule is asked again; <0: never
	later    map[string]time.Duration // boot time before which a credential is left alone
	failures map[string]int
	outcomes []Outcome
	err      error
	reminded map[string]time.Duration // record -> boot time of the last reminder
	lookedAt time.Duration            // boot time of the last look for reminders
}

func newTurn(l *Loop, once bool) *turn {
	return &turn{Loop: l, once: once, busy: map[string]bool{}, done: make(chan Outcome),
		later: map[string]time.Duration{}, failures: map[string]int{}}
}

const (
	askAtMost  = time.Hour   // a schedule is on the wall clock, which can be set
	askAgain   = time.Minute // after something was done
	lookAgain  = 5 * time.Second
	retryFirst = time.Second
	retryMost  = time.Minute
)

func (t *turn) run(ctx context.Context) {
	defer t.drain()
	for ctx.Err() == nil {
		wait := t.look(ctx)
		if t.once && (len(t.busy) == 0 || t.err != nil) {
			return
		}
		var fired <-chan struct{}
		stop := func() {}
		if wait > 0 {
			fired, stop = t.o.Inline.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-fired:
		case <-t.o.Inline.Journal.Changed():
		case <-t.kick:
			t.ask = 0
		case o := <-t.done:
			t.finished(o)
		}
		stop()
	}
}

// drain waits for the workers; they have been told to stop by ctx.
func (t *turn) drain() {
	for len(t.busy) > 0 {
		t.finished(<-t.done)
	}
}

// look hands out what can be worked on and says how long nothing else will be.
func (t *turn) look(ctx context.Context) time.Duration {
	now := t.now()
	due, next, err := t.o.Inline.Journal.Due(ctx, now)
	if err != nil {
		return t.blind(ctx, "journal", err)
	}
	wait := soonest(soonest(0, next), t.remind(ctx, now))
	for _, r := range due {
		wait = soonest(wait, t.offer(ctx, now, r.Credential, nil))
	}
	if err := t.schedule(ctx, now); err != nil {
		return t.blind(ctx, "schedule", err)
	}
	rest := t.queue[:0]
	for _, req := range t.queue {
		left := t.offer(ctx, now, req.Credential, &req)
		wait = soonest(wait, left)
		if !t.busy[req.Credential] && !t.once || t.once && left == 0 && !t.busy[req.Credential] {
			rest = append(rest, req)
		}
	}
	t.queue = rest
	if t.ask >= 0 && t.o.Schedule != nil {
		wait = soonest(wait, max(t.ask-now.Boot, time.Millisecond))
	}
	return wait
}

func (t *turn) blind(ctx context.Context, what string, err error) time.Duration {
	if ctx.Err() == nil {
		t.err = err
		t.o.Log.ErrorContext(ctx, "cannot look for work", "at", what, "error", err)
	}
	return lookAgain
}

// schedule asks for what the policy wants, when it is time to.
func (t *turn) schedule(ctx context.Context, now rotation.Instant) error {
	if t.o.Schedule == nil || t.ask < 0 || now.Boot < t.ask {
		return nil
	}
	due, next, err := t.o.Schedule(ctx, now)
	if err != nil {
		return err
	}
	t.queue, t.found = due, now.Wall
	t.ask = now.Boot + askAtMost
	if next > 0 {
		t.ask = min(t.ask, now.Boot+next)
	}
	if t.once {
		t.ask = -1
	}
	return nil
}

// offer gives a credential to a worker unless it has one, or none is free (then
// the end of another's work brings it back). left is how long it is to be left
// alone.
func (t *turn) offer(ctx context.Context, now rotation.Instant, credential string, req *engine.Request) (left time.Duration) {
	if t.busy[credential] || len(t.busy) >= t.o.Workers {
		return 0
	}
	if at, ok := t.later[credential]; ok && now.Boot < at {
		return at - now.Boot
	}
	t.busy[credential] = true
	found := t.found
	go func() { t.done <- t.work(ctx, credential, req, found) }()
	return 0
}

func (t *turn) work(ctx context.Context, credential string, req *engine.Request, found time.Time) Outcome {
	o := Outcome{Credential: credential}
	if req == nil {
		o.Report, o.Err = t.o.Inline.Work(ctx, credential)
	} else {
		o.Report, o.Began, o.Err = t.o.Inline.StartDue(ctx, *req, found)
	}
	return o
}

// finished takes a worker's result. Whoever failed, or was held by another
// process, is left alone for a while: what is due stays due, and the loop must
// not spin on it.
func (t *turn) finished(o Outcome) {
	delete(t.busy, o.Credential)
	stopped := errors.Is(o.Err, context.Canceled)
	if o.Err == nil || stopped {
		delete(t.failures, o.Credential)
		delete(t.later, o.Credential)
	} else {
		n := t.failures[o.Credential]
		t.failures[o.Credential] = n + 1
		t.later[o.Credential] = t.now().Boot + min(retryFirst<<min(n, 10), retryMost)
	}
	if t.once {
		t.outcomes = append(t.outcomes, o)
	} else if t.ask >= 0 {
		t.ask = min(t.ask, t.now().Boot+askAgain)
	}
	if o.Err != nil && !stopped {
		held := (*runner.HeldError)(nil)
		if errors.As(o.Err, &held) {
			t.o.Log.Debug("held by another process", "credential", o.Credential, "pid", held.Pid)
			return
		}
		t.o.Log.Error("not advanced", "credential", o.Credential, "error", o.Err)
	}
}

func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
