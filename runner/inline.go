// Package runner calls Engine.Advance: it holds the credential's lock, waits and
// calls again. Inline is for one command; runner/local is the loop of `rotor
// serve`.
//
// What surprises: stopping never cuts an effect short. When ctx ends, the effect
// under way and its receipt are finished, and only then the runner returns.
package runner

import (
	"context"
	"errors"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Inline runs rotations of one credential within a command.
type Inline struct {
	Engine  *engine.Engine
	Journal journal.Journal
	Lock    Lock
	After   After         // nil: BootTimer
	MaxWait time.Duration // the longest wait that is sat through; 0: a minute
	Wait    bool          // sit through every wait, a person's too
	// StopAfter is how long an effect may still take once ctx has ended; 0: half a
	// minute.
	StopAfter time.Duration
}

// Report is how things stand when a run returns.
type Report struct {
	Record rotation.Record   // the one that was asked for
	Open   []rotation.Record // the credential's other unfinished records
	Wait   time.Duration     // until one of them goes on by itself; 0: none will
}

// Settled says that nothing is left to do for the credential.
func (r Report) Settled() bool { return r.Record.Status.Over() && len(r.Open) == 0 }

// Start begins a rotation and runs it.
func (r *Inline) Start(ctx context.Context, req engine.Request) (Report, error) {
	return r.begin(ctx, req.Credential, func() (rotation.Record, error) { return r.Engine.Start(ctx, req) })
}

// Reverse goes back to the generation before, which is still in its grace.
func (r *Inline) Reverse(ctx context.Context, credential, actor, reason string) (Report, error) {
	return r.begin(ctx, credential, func() (rotation.Record, error) {
		return r.Engine.Reverse(ctx, credential, actor, reason)
	})
}

// GiveBack undoes the adoption of the value that is current.
func (r *Inline) GiveBack(ctx context.Context, credential, actor, reason string) (Report, error) {
	return r.begin(ctx, credential, func() (rotation.Record, error) {
		return r.Engine.GiveBack(ctx, credential, actor, reason)
	})
}

func (r *Inline) begin(ctx context.Context, credential string, start func() (rotation.Record, error)) (Report, error) {
	release, err := Patient(ctx, r.Lock, r.after(), credential)
	if err != nil {
		return Report{}, err
	}
	record, err := start()
	if err != nil {
		r.Engine.Release(credential)
		release()
		return Report{Record: record}, err
	}
	rep, err := r.drive(ctx, credential, record, release)
	return r.sit(ctx, rep, err)
}

// StartDue begins a rotation that was found due at a time, unless somebody else
// rotated the credential since, and runs it. began is false if there was nothing
// to do any more.
func (r *Inline) StartDue(ctx context.Context, req engine.Request, found time.Time) (rep Report, began bool, err error) {
	release, err := r.Lock.Acquire(ctx, req.Credential)
	if err != nil {
		return Report{}, false, err
	}
	known, err := r.Journal.Credential(ctx, req.Credential)
	if err != nil || len(known.OpenOf(rotation.KindRotation)) > 0 || known.Rotated.After(found) {
		release()
		return Report{}, false, err
	}
	record, err := r.Engine.Start(ctx, req)
	if err != nil {
		r.Engine.Release(req.Credential)
		release()
		return Report{Record: record}, false, err
	}
	rep, err = r.drive(ctx, req.Credential, record, release)
	return rep, true, err
}

// Work takes every open record of a credential as far as it goes.
func (r *Inline) Work(ctx context.Context, credential string) (Report, error) {
	release, err := r.Lock.Acquire(ctx, credential)
	if err != nil {
		return Report{}, err
	}
	return r.drive(ctx, credential, rotation.Record{}, release)
}

// Run goes on with a record: until it is over, a person is needed, or a wait is
// longer than MaxWait.
func (r *Inline) Run(ctx context.Context, id string) (Report, error) {
	record, _, err := r.Journal.Load(ctx, id)
	if err != nil {
		return Report{}, err
	}
	release, err := Patient(ctx, r.Lock, r.after(), record.Credential)
	if err != nil {
		return Report{Record: record}, err
	}
	rep, err := r.drive(ctx, record.Credential, record, release)
	return r.sit(ctx, rep, err)
}

// Supply tells a record what a person decided; nothing is advanced.
func (r *Inline) Supply(ctx context.Context, id string, order rotation.Order, actor string, value secret.Set) error {
	record, _, err := r.Journal.Load(ctx, id)
	if err != nil {
		return err
	}
	release, err := Patient(ctx, r.Lock, r.after(), record.Credential)
	if err != nil {
		return err
	}
	defer release()
	defer r.Engine.Release(record.Credential)
	return r.Engine.Supply(ctx, id, order, actor, value)
}

// sit goes through the waits that are left if the caller wants that; the lock is
// free meanwhile, so that a person can decide something.
func (r *Inline) sit(ctx context.Context, rep Report, err error) (Report, error) {
	for r.Wait && err == nil && !rep.Settled() && !stuck(rep) {
		if err = sleep(ctx, r.after(), rep.Wait, r.Journal.Changed()); err != nil {
			return rep, err
		}
		var release func()
		release, err = r.Lock.Acquire(ctx, rep.Record.Credential)
		if held := (*HeldError)(nil); errors.As(err, &held) {
			// whoever holds it is advancing it; look again when that is over
			err, rep.Wait = nil, time.Second
			continue
		}
		if err == nil {
			rep, err = r.drive(ctx, rep.Record.Credential, rep.Record, release)
		}
	}
	return rep, err
}

func stuck(rep Report) bool {
	for _, x := range append([]rotation.Record{rep.Record}, rep.Open...) {
		if x.Status == rotation.Stuck {
			return true
		}
	}
	return false
}

func (r *Inline) after() After {
	if r.After == nil {
		return BootTimer
	}
	return r.After
}

func (r *Inline) maxWait() time.Duration {
	if r.MaxWait == 0 {
		return time.Minute
	}
	return r.MaxWait
}
