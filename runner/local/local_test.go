package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/runner/local"
)

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
