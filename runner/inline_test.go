package runner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/secret"
)

func TestGraceWithinAMinuteEndsInTheSameRun(t *testing.T) {
	for _, c := range []struct {
		grace   time.Duration
		settled bool
	}{{0, true}, {30 * time.Second, true}, {2 * time.Minute, false}} {
		t.Run(c.grace.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := setUp(t)
				f.cred.Grace = c.grace
				f.start(t)
				rep := f.start(t)
				if rep.Record.Status != rotation.Done || rep.Settled() != c.settled {
					t.Fatalf("%s, settled %v, want %v", rep.Record.Status, rep.Settled(), c.settled)
				}
				if c.settled != (f.vendor.revoked == 1) {
					t.Errorf("revoked %d", f.vendor.revoked)
				}
				if !c.settled && rep.Wait != c.grace {
					t.Errorf("wait %v", rep.Wait)
				}
			})
		})
	}
}

func TestWaitSitsThroughGraceWithTheLockFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.cred.Grace = 48 * time.Hour
		f.start(t)
		f.Wait = true
		begin := time.Now()
		done := make(chan runner.Report)
		go func() { done <- f.start(t) }()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if f.locks.isHeld() {
			t.Error("the lock is held through a long wait")
		}
		rep := <-done
		if !rep.Settled() || time.Since(begin) != 48*time.Hour || f.vendor.revoked != 1 {
			t.Errorf("settled %v after %v, revoked %d", rep.Settled(), time.Since(begin), f.vendor.revoked)
		}
	})
}

func TestAPersonIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.vendor.minter = rotation.ByPerson
		rep := f.start(t)
		if rep.Record.Status != rotation.Asking || f.vendor.issued != 0 {
			t.Fatalf("%s, issued %d", rep.Record.Status, f.vendor.issued)
		}
		f.Wait = true
		done := make(chan runner.Report)
		go func() {
			rep, err := f.Run(t.Context(), rep.Record.ID)
			if err != nil {
				t.Error(err)
			}
			done <- rep
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		value := secret.Set{"value": secret.New("from-a-person")}
		if err := f.Supply(t.Context(), rep.Record.ID, rotation.OrderSupply, "me", value); err != nil {
			t.Fatal(err)
		}
		// asked about the value when it is supplied, and again when it is the value's turn
		if rep := <-done; rep.Record.Status != rotation.Done || f.vendor.issued != 2 {
			t.Errorf("%s, issued %d", rep.Record.Status, f.vendor.issued)
		}
	})
}

func TestFencedGoesOnIfTheLockIsStillOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		raised := false
		f.vendor.during = func() {
			if !raised {
				raised = true
				if _, err := f.Journal.Take(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			}
		}
		rep := f.start(t)
		if rep.Record.Status != rotation.Done || f.locks.acquired != 2 {
			t.Errorf("%s after %d times the lock, want done after 2", rep.Record.Status, f.locks.acquired)
		}
	})
}

func TestFencedStopsIfSomebodyElseHasTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.vendor.during = func() {
			f.locks.thief = true
			if _, err := f.Journal.Take(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		}
		_, err := f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		var held *runner.HeldError
		if !errors.As(err, &held) || f.vendor.issued != 1 {
			t.Errorf("%v, issued %d", err, f.vendor.issued)
		}
	})
}

func TestStoppingFinishesTheEffectAndItsReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		ctx, cancel := context.WithCancel(t.Context())
		f.vendor.during = func() {
			cancel()
			time.Sleep(5 * time.Second)
		}
		rep, err := f.Start(ctx, engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		if !errors.Is(err, context.Canceled) || f.vendor.issued != 1 {
			t.Fatalf("%v, issued %d", err, f.vendor.issued)
		}
		_, events, err := f.Journal.Load(t.Context(), rep.Record.ID)
		if err != nil {
			t.Fatal(err)
		}
		if last := events[len(events)-1]; last.Action.Step != rotation.Generate || last.Outcome != rotation.OK {
			t.Errorf("last is %s %s %s", last.Type, last.Action, last.Outcome)
		}
		f.vendor.during = nil
		if rep, err = f.Run(t.Context(), rep.Record.ID); err != nil || rep.Record.Status != rotation.Done || f.vendor.issued != 1 {
			t.Errorf("resumed: %s %v, issued %d", rep.Record.Status, err, f.vendor.issued)
		}
	})
}

func TestAnEffectThatHangsIsCutInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.StopAfter = 10 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		p := &hanging{vendor: f.vendor, begun: cancel}
		f.cred.Provider = p
		begin := time.Now()
		_, err := f.Start(ctx, engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		if !errors.Is(err, context.Canceled) || time.Since(begin) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// hanging does not answer until its context ends.
type hanging struct {
	*vendor
	begun func()
}

func (h *hanging) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	h.begun()
	<-ctx.Done()
	return provider.Issued{}, fault.Wrap(fault.Unknown, "vendor: no answer", ctx.Err())
}

func TestOpenRotationIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.vendor.minter = rotation.ByPerson
		f.start(t)
		_, err := f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		if !errors.Is(err, journal.ErrOpen) || f.locks.isHeld() {
			t.Errorf("%v", err)
		}
	})
}

func TestALockThatIsFreeInAMomentIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		release, err := f.locks.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, release)
		if rep := f.start(t); rep.Record.Status != rotation.Done {
			t.Errorf("%s", rep.Record.Status)
		}
		f.locks.thief = true
		_, err = f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
		var held *runner.HeldError
		if !errors.As(err, &held) {
			t.Errorf("%v", err)
		}
	})
}
