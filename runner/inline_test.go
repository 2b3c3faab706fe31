package runner_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/secret"
	memstore "github.com/agenticverz/rotor/store/memory"
)

// vendor makes values; during is called in the middle of Issue.
type vendor struct {
	minter  rotation.Minter
	issued  int
	revoked int
	during  func()
}

func (v *vendor) Traits() provider.Traits {
	m := v.minter
	if m == "" {
		m = rotation.ByRotor
	}
	return provider.Traits{Name: "vendor", Strategy: rotation.Overlap, Minter: m,
		Fields: []provider.Field{{Name: "value", Secret: true}}}
}

func (v *vendor) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{"value": secret.Random(24)}, nil
}

func (v *vendor) Issue(context.Context, provider.Request) (provider.Issued, error) {
	if v.during != nil {
		v.during()
	}
	v.issued++
	return provider.Issued{Handle: rotation.Handle{ID: fmt.Sprint("key", v.issued)}}, nil
}

func (v *vendor) Verify(context.Context, provider.Issued) error { return nil }

func (v *vendor) Revoke(context.Context, rotation.Handle) error { v.revoked++; return nil }

// locks counts, and can pretend that somebody else came first.
type locks struct {
	mu       sync.Mutex
	held     bool
	acquired int
	thief    bool
}

func (l *locks) Acquire(_ context.Context, name string) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held || l.thief {
		return nil, &runner.HeldError{Credential: name, Pid: 7}
	}
	l.held = true
	l.acquired++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = false
	}), nil
}

func (l *locks) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

type catalog struct{ c *engine.Credential }

func (k catalog) Credential(string) (*engine.Credential, error) { return k.c, nil }

type fixture struct {
	*runner.Inline
	vendor *vendor
	cred   *engine.Credential
	locks  *locks
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	keys, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	key, _ := secret.ParseTemplate("KEY")
	v := &vendor{}
	cred := &engine.Credential{Name: "a", Provider: v, Targets: []engine.Target{
		{StoreName: "mem", Store: memstore.New(time.Now), Path: "app", Key: key, Value: secret.FieldTemplate("value")}}}
	start, n := time.Now(), 0
	j := memory.New(nil, "abc123")
	e := &engine.Engine{Journal: j, Catalog: catalog{cred}, Keys: keys,
		Now: func() rotation.Instant {
			return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: time.Since(start) + time.Second, BootID: "boot"}
		},
		NewID: func(k rotation.Kind) string { n++; return fmt.Sprintf("%s-%06d", k[:3], n) }}
	l := &locks{}
	return &fixture{&runner.Inline{Engine: e, Journal: j, Lock: l, After: runner.GoTimer}, v, cred, l}
}

func (f *fixture) start(t *testing.T) runner.Report {
	t.Helper()
	rep, err := f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
	if err != nil {
		t.Fatal(err)
	}
	if f.locks.isHeld() {
		t.Error("the lock is still held")
	}
	return rep
}

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
		if rep := <-done; rep.Record.Status != rotation.Done || f.vendor.issued != 1 {
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
