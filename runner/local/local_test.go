package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/runner/local"
	"github.com/agenticverz/rotor/secret"
	memstore "github.com/agenticverz/rotor/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendor is a small provider: it keeps what lives, and can be made to fail.
type vendor struct {
	mu      sync.Mutex
	live    map[string]bool
	n       int
	issued  []time.Time
	revoked []time.Time
	fail    func() error
	active  int // Issue calls at this moment
	most    int
	slow    time.Duration
}

func (v *vendor) Traits() provider.Traits {
	return provider.Traits{Name: "vendor", Strategy: rotation.Overlap, Minter: rotation.ByRotor,
		Fields: []provider.Field{{Name: "value", Secret: true}}}
}

func (v *vendor) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{"value": secret.Random(24)}, nil
}

func (v *vendor) Issue(_ context.Context, req provider.Request) (provider.Issued, error) {
	v.mu.Lock()
	v.active++
	v.most = max(v.most, v.active)
	v.mu.Unlock()
	if v.slow > 0 {
		time.Sleep(v.slow)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.active--
	if v.fail != nil {
		if err := v.fail(); err != nil {
			return provider.Issued{}, err
		}
	}
	v.n++
	id := fmt.Sprint("key", v.n)
	v.live[id] = true
	v.issued = append(v.issued, time.Now())
	return provider.Issued{Handle: rotation.Handle{ID: id}}, nil
}

func (v *vendor) Verify(context.Context, provider.Issued) error { return nil }

func (v *vendor) Revoke(_ context.Context, h rotation.Handle) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.live, h.ID)
	v.revoked = append(v.revoked, time.Now())
	return nil
}

// saw is what the vendor knows at this moment.
func (v *vendor) saw() *vendor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &vendor{live: maps.Clone(v.live), issued: slices.Clone(v.issued), revoked: slices.Clone(v.revoked), most: v.most}
}

// world is one installation on virtual time.
type world struct {
	t       *testing.T
	journal *memory.Journal
	engine  *engine.Engine
	store   *memstore.Store
	creds   map[string]*engine.Credential
	lock    *oneLock
}

func (w *world) Credential(name string) (*engine.Credential, error) {
	if c, ok := w.creds[name]; ok {
		return c, nil
	}
	return nil, fault.New(fault.BadConfig, "no %s", name)
}

func newWorld(t *testing.T) *world {
	keys, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, journal: memory.New(nil, "abc123"), creds: map[string]*engine.Credential{}, lock: &oneLock{held: map[string]bool{}}}
	start := time.Now()
	w.store = memstore.New(time.Now)
	ids := 0
	var mu sync.Mutex
	w.engine = &engine.Engine{Journal: w.journal, Catalog: w, Keys: keys,
		Now: func() rotation.Instant {
			return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: time.Since(start) + time.Second, BootID: "boot"}
		},
		NewID: func(k rotation.Kind) string {
			mu.Lock()
			defer mu.Unlock()
			ids++
			return fmt.Sprintf("%s-%06d", k[:3], ids)
		}}
	return w
}

func (w *world) add(name string, v *vendor, change func(*engine.Credential)) *vendor {
	v.live = map[string]bool{}
	key, _ := secret.ParseTemplate("KEY_" + name)
	c := &engine.Credential{Name: name, Owner: "me", Provider: v, Targets: []engine.Target{
		{StoreName: "mem", Store: w.store, Path: "app", Key: key, Value: secret.FieldTemplate("value")}}}
	if change != nil {
		change(c)
	}
	w.creds[name] = c
	return v
}

func (w *world) inline() runner.Inline {
	return runner.Inline{Engine: w.engine, Journal: w.journal, Lock: w.lock, After: runner.GoTimer}
}

func (w *world) loop(s local.Schedule, workers int) *local.Loop {
	return local.New(local.Options{Inline: w.inline(), Schedule: s, Workers: workers, Log: slog.New(slog.DiscardHandler)})
}

func (w *world) stop(l *local.Loop) {
	w.t.Helper()
	if err := l.Stop(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) unfinished() int {
	w.t.Helper()
	open, err := w.journal.Unfinished(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(open)
}

// oneLock is a lock within the test that fails the test if it is broken.
type oneLock struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *oneLock) Acquire(_ context.Context, name string) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name] {
		return nil, &runner.HeldError{Credential: name, Pid: 7}
	}
	l.held[name] = true
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, name)
	}), nil
}

// begin runs a first and a second rotation inline, so that a retirement is open.
func (w *world) begin(name string) runner.Report {
	w.t.Helper()
	r := w.inline()
	var rep runner.Report
	for range 2 {
		var err error
		if rep, err = r.Start(w.t.Context(), engine.Request{Credential: name, Mode: rotation.Manual, Actor: "me"}); err != nil {
			w.t.Fatal(err)
		}
		if rep.Record.Status != rotation.Done {
			w.t.Fatalf("rotation %s", rep.Record.Status)
		}
	}
	return rep
}

func TestGraceOfTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.add("a", &vendor{}, func(c *engine.Credential) { c.Grace = 48 * time.Hour })
		rep := w.begin("a")
		if len(rep.Open) != 1 || rep.Wait != 48*time.Hour {
			t.Fatalf("after rotate: %d open, wait %v; want one retirement waiting 48h", len(rep.Open), rep.Wait)
		}
		switched := time.Now()
		l := w.loop(nil, 0)
		l.Start(t.Context())
		time.Sleep(47 * time.Hour)
		synctest.Wait()
		if len(v.saw().revoked) != 0 {
			t.Fatal("revoked within grace")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(v.saw().revoked) != 1 || v.saw().revoked[0].Sub(switched) != 48*time.Hour {
			t.Fatalf("revoked %v after %v, want once after exactly 48h", v.saw().revoked, switched)
		}
		if w.unfinished() != 0 || !v.saw().live["key2"] || v.saw().live["key1"] {
			t.Errorf("unfinished %d, live %v", w.unfinished(), v.saw().live)
		}
		w.stop(l)
	})
}

func TestRetryGoesOnByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		fails := 4
		v := w.add("a", &vendor{}, nil)
		v.fail = func() error {
			if fails--; fails >= 0 {
				return fault.New(fault.Transient, "vendor: busy")
			}
			return nil
		}
		l := w.loop(once(w, "a"), 0)
		l.Start(t.Context())
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(v.saw().issued) != 1 || w.unfinished() != 0 {
			t.Errorf("issued %d, unfinished %d", len(v.saw().issued), w.unfinished())
		}
		w.stop(l)
	})
}

// once is a schedule that wants each of the names as long as it never was
// rotated.
func once(w *world, names ...string) local.Schedule {
	return func(ctx context.Context, _ rotation.Instant) (due []engine.Request, next time.Duration, err error) {
		for _, n := range names {
			c, err := w.journal.Credential(ctx, n)
			if err != nil {
				return nil, 0, err
			}
			if c.Rotated.IsZero() {
				due = append(due, engine.Request{Credential: n, Mode: rotation.Scheduled, Actor: "schedule"})
			}
		}
		return due, 0, nil
	}
}

func TestScheduleOverThreeMonths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.add("a", &vendor{}, func(c *engine.Credential) { c.Grace = 24 * time.Hour })
		const month = 30 * 24 * time.Hour
		schedule := func(ctx context.Context, now rotation.Instant) ([]engine.Request, time.Duration, error) {
			c, err := w.journal.Credential(ctx, "a")
			if err != nil {
				return nil, 0, err
			}
			if left := c.Rotated.Add(month).Sub(now.Wall); !c.Rotated.IsZero() && left > 0 {
				return nil, left, nil
			}
			return []engine.Request{{Credential: "a", Mode: rotation.Scheduled, Actor: "schedule"}}, 0, nil
		}
		begin := time.Now()
		l := w.loop(schedule, 0)
		l.Start(t.Context())
		time.Sleep(3*month + 48*time.Hour)
		synctest.Wait()
		if len(v.saw().issued) != 4 || len(v.saw().revoked) != 3 {
			t.Fatalf("issued %d, revoked %d; want 4 and 3", len(v.saw().issued), len(v.saw().revoked))
		}
		for i, at := range v.saw().issued {
			if late := at.Sub(begin) - time.Duration(i)*month; late < 0 || late > time.Minute {
				t.Errorf("rotation %d is %v late", i+1, late)
			}
		}
		if len(v.saw().live) != 1 || w.unfinished() != 0 {
			t.Errorf("live %v, unfinished %d", v.saw().live, w.unfinished())
		}
		w.stop(l)
	})
}

func TestWorkersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := &vendor{slow: time.Second}
		var names []string
		for i := range 9 {
			names = append(names, fmt.Sprint("c", i))
			w.add(names[i], v, nil)
		}
		l := w.loop(once(w, names...), 3)
		l.Start(t.Context())
		time.Sleep(time.Minute)
		synctest.Wait()
		if v.saw().most != 3 || len(v.saw().issued) != 9 {
			t.Errorf("%d at once, %d issued; want 3 and 9", v.saw().most, len(v.saw().issued))
		}
		w.stop(l)
	})
}

func TestStopFinishesTheEffectUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.add("a", &vendor{slow: 10 * time.Second}, nil)
		l := w.loop(once(w, "a"), 0)
		l.Start(t.Context())
		time.Sleep(5 * time.Second) // in the middle of Issue
		w.stop(l)
		if len(v.saw().issued) != 1 {
			t.Fatal("the effect under way was cut short")
		}
		open, err := w.journal.Unfinished(t.Context())
		if err != nil || len(open) != 1 {
			t.Fatalf("%v %v", open, err)
		}
		_, events, err := w.journal.Load(t.Context(), open[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		last := events[len(events)-1]
		if last.Type != rotation.Result || last.Action.Step != rotation.Generate || last.Outcome != rotation.OK {
			t.Errorf("the last event is %s %s %s, want the receipt of generate", last.Type, last.Action, last.Outcome)
		}
	})
}

func TestWhatAnotherProcessHoldsIsLeftAloneAndNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.add("a", &vendor{}, nil)
		release, err := w.lock.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		l := w.loop(once(w, "a"), 0)
		l.Start(t.Context())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(v.saw().issued) != 0 {
			t.Fatal("worked without the lock")
		}
		release()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(v.saw().issued) != 1 {
			t.Errorf("issued %d after the lock was free", len(v.saw().issued))
		}
		w.stop(l)
	})
}

func TestAFailingJournalIsNoBusyLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if err := w.journal.Close(); err != nil {
			t.Fatal(err)
		}
		var asked atomic.Int64
		r := w.inline()
		r.After = func(d time.Duration) (<-chan struct{}, func()) { asked.Add(1); return runner.GoTimer(d) }
		l := local.New(local.Options{Inline: r, Log: slog.New(slog.DiscardHandler)})
		l.Start(t.Context())
		time.Sleep(time.Minute)
		synctest.Wait()
		w.stop(l)
		if n := asked.Load(); n == 0 || n > 15 {
			t.Errorf("looked %d times in a minute", n)
		}
	})
}

func TestOnceDoesAllThatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.add("a", &vendor{}, func(c *engine.Credential) { c.Grace = time.Hour })
		b := w.add("b", &vendor{}, nil)
		w.add("bad", &vendor{}, nil)
		w.begin("a")
		time.Sleep(2 * time.Hour)
		sched := once(w, "b", "bad")
		delete(w.creds, "bad") // rotor.yaml lost it
		outcomes, err := w.loop(sched, 1).Once(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(a.saw().revoked) != 1 || len(b.saw().issued) != 1 || w.unfinished() != 0 {
			t.Errorf("revoked %d, issued %d, unfinished %d", len(a.saw().revoked), len(b.saw().issued), w.unfinished())
		}
		errs := map[string]error{}
		for _, o := range outcomes {
			errs[o.Credential] = o.Err
		}
		if len(outcomes) != 3 || errs["a"] != nil || errs["b"] != nil || fault.KindOf(errs["bad"]) != fault.BadConfig {
			t.Errorf("outcomes %v", errs)
		}
	})
}
