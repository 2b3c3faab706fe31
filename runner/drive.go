package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// yield is how long a worker that was fenced stays away from the lock: whoever
// raised the fence (an emergency) wants it.
const yield = 300 * time.Millisecond

// effectLimit ends a call that hangs beyond every time-out of its room.
const effectLimit = 30 * time.Minute

// drive advances record (the zero Record: none) and the credential's other open
// records in turn while one of them can go on within maxWait. It gives the lock
// back at its end.
func (r *Inline) drive(ctx context.Context, credential string, record rotation.Record, release func()) (rep Report, err error) {
	d := &driving{Inline: r, credential: credential, release: release, rep: Report{Record: record}}
	effects, done := outlive(ctx, r.StopAfter)
	d.effects = effects
	defer func() {
		if !d.lost && (ctx.Err() != nil || err != nil || r.Engine.Holds(credential)) {
			_ = r.Engine.LetGo(effects, credential) // what cannot be reached now is let go by whoever resumes
		}
		r.Engine.Release(credential)
		d.release()
		done()
	}()
	for {
		if err := d.round(ctx); err != nil {
			return d.rep, err
		}
		if d.rep.Wait <= 0 || d.rep.Wait > r.maxWait() && !r.Engine.Holds(credential) {
			return d.rep, nil // not while consumers stand still: nobody else would let them go
		}
		if err := sleep(ctx, r.after(), d.rep.Wait, nil); err != nil {
			return d.rep, err
		}
	}
}

// driving is one stretch of work under the lock.
type driving struct {
	*Inline
	credential string
	effects    context.Context
	release    func()
	rep        Report
	lost       bool // the lock is somebody else's
}

// round takes every open record as far as it goes without waiting, the record
// that was asked for first, and again while one makes room for another.
func (d *driving) round(ctx context.Context) error {
	moved := true
	for moved {
		moved = false
		d.rep.Wait = 0
		if d.rep.Record.ID != "" && !d.rep.Record.Status.Over() {
			p, err := d.advance(ctx, d.rep.Record)
			d.rep.Record = p.Record
			if err != nil {
				return err
			}
			d.soonest(p.Wait)
		}
		open, err := d.Engine.Unfinished(d.effects, d.credential)
		if err != nil {
			return err
		}
		d.rep.Open = nil
		for _, x := range open {
			if x.ID == d.rep.Record.ID {
				continue
			}
			due, left := x.Due(d.Engine.Now())
			if due {
				p, err := d.advance(ctx, x)
				if err != nil {
					return err
				}
				x, left, moved = p.Record, p.Wait, true
			}
			if !x.Status.Over() {
				d.rep.Open = append(d.rep.Open, x)
				d.soonest(left)
			}
		}
	}
	return nil
}

func (d *driving) soonest(wait time.Duration) {
	if wait > 0 && (d.rep.Wait == 0 || wait < d.rep.Wait) {
		d.rep.Wait = wait
	}
}

// advance takes one record as far as it goes without waiting. Between two
// actions it looks whether the caller wants to stop, but not while consumers stand still.
func (d *driving) advance(ctx context.Context, record rotation.Record) (engine.Progress, error) {
	p := engine.Progress{Record: record}
	for {
		if err := ctx.Err(); err != nil && !d.Engine.Holds(d.credential) {
			return p, err
		}
		step, cancel := context.WithTimeout(d.effects, effectLimit)
		next, err := contained(func() (engine.Progress, error) { return d.Engine.Advance(step, record.ID) })
		cancel()
		if errors.Is(err, journal.ErrFenced) {
			if err = d.retake(ctx, record.Credential); err == nil {
				continue
			}
		}
		if err != nil {
			return p, err
		}
		if p = next; !p.Again {
			return p, nil
		}
	}
}

// contained turns a panic in a side room into an error: the mistake of one provider
// must not end the work on all other credentials. What it says may hold a value, so
// only where it happened is told. Whoever goes on finds out what became of the effect,
// as after a crash.
func contained(advance func() (engine.Progress, error)) (p engine.Progress, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fault.New(fault.Unknown, "a mistake in the program (%T) at %s", x, culprit()).
				WithHint("please report it; other credentials are not affected")
		}
	}()
	return advance()
}

// culprit is the function of ours that panicked.
func culprit() string {
	calls := make([]uintptr, 32)
	frames := runtime.CallersFrames(calls[:runtime.Callers(3, calls)])
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/rotor/") {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// retake makes way for whoever raised the fence, and makes sure of the lock.
func (d *driving) retake(ctx context.Context, credential string) error {
	d.Engine.Release(credential)
	d.release()
	d.lost = true
	if err := sleep(ctx, d.after(), yield, nil); err != nil {
		return err
	}
	release, err := d.Lock.Acquire(ctx, credential)
	if err != nil {
		return err
	}
	d.release, d.lost = release, false
	return nil
}

// outlive gives a context for effects that ends only some time after ctx.
func outlive(ctx context.Context, wait time.Duration) (context.Context, func()) {
	if wait == 0 {
		wait = 30 * time.Second
	}
	effects, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var late *time.Timer
	armed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		late = time.AfterFunc(wait, cancel)
		close(armed)
	})
	return effects, func() {
		if !stop() {
			<-armed
			late.Stop()
		}
		cancel()
	}
}
