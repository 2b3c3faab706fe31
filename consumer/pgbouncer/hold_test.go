package pgbouncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/store"
)

// TestInPlace is the whole way of a role whose one password changes: clients that
// stay connected lose nothing, and no server connection uses the old password.
func TestInPlace(t *testing.T) {
	for name, welcome := range map[string]bool{"known to the pool": true, "never seen by the pool": false} {
		t.Run(name, func(t *testing.T) {
			w := start(t, 2, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
			var waits []chan error
			if welcome {
				for i := range w.poolers {
					conn := w.client(i, "app", "old-0001")
					w.exec(conn, "SELECT 1")
					waits = append(waits, make(chan error, 1))
					defer func(i int) {
						if _, err := conn.Exec(context.Background(), "SELECT 1"); err != nil {
							t.Errorf("a client that stayed: %v", err)
						}
					}(i)
				}
			}
			c := w.open(w.options())
			if err := c.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := c.Hold(t.Context()); err != nil {
				t.Fatalf("holding what is held: %v", err)
			}
			if w.paused(0) != "1" || w.paused(1) != "1" {
				t.Fatal("not paused")
			}
			w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
			fresh, old := w.set("app", "new-0002"), w.set("app", "old-0001")
			for _, unit := range []string{"a", "b"} {
				if proof, err := c.Confirm(t.Context(), unit, change(fresh, old)); err != nil || proof != consumer.NotYet {
					t.Errorf("before: %s, %v", proof, err)
				}
			}
			w.put(store.Edit{Set: fresh})
			for _, unit := range []string{"a", "b"} {
				if err := c.Deploy(t.Context(), unit, change(fresh, old)); err != nil {
					t.Fatal(err)
				}
				if proof, err := c.Confirm(t.Context(), unit, change(fresh, old)); err != nil || proof != consumer.Proven {
					t.Errorf("%s, %v", proof, err)
				}
			}
			if w.paused(0) != "1" || w.paused(1) != "1" {
				t.Error("Deploy let go")
			}
			for i := range waits { // queries that wait
				go func() { waits[i] <- w.login(i, w.role("app"), "new-0002") }()
			}
			began := time.Now()
			for range 2 { // in a new process; the second time nothing is held
				if err := w.open(w.options()).Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for i := range waits {
				if err := <-waits[i]; err != nil {
					t.Error(err)
				}
			}
			for i := range w.poolers {
				if w.paused(i) != "0" {
					t.Error("still paused")
				}
				if err := w.login(i, w.role("app"), "old-0001"); !refused(err) {
					t.Errorf("the old password: %v", err)
				}
				if err := w.login(i, w.role("app"), "new-0002"); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s until all was well: PgBouncer waited for server_login_retry", took)
			}
		})
	}
}

// TestLongTransaction: a pause that does not come is undone, within its limit.
func TestLongTransaction(t *testing.T) {
	w := start(t, 2, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	long, other := w.client(1, "app", "old-0001"), w.client(1, "app", "old-0001")
	w.exec(long, "BEGIN")
	o := w.options()
	o.PauseTimeout = 300 * time.Millisecond
	began := time.Now()
	err := w.open(o).Hold(t.Context())
	if fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "b: admin: PAUSE") || fault.HintOf(err) == "" {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if w.paused(0) != "0" || w.paused(1) != "0" {
		t.Error("still paused")
	}
	w.exec(other, "SELECT 1")
	w.exec(long, "COMMIT")
	if err := w.open(o).Hold(t.Context()); err != nil {
		t.Errorf("once the transaction has ended: %v", err)
	}
	if err := w.open(o).Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCancelledHold: also when the caller goes away, everything goes on.
func TestCancelledHold(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	w.exec(w.client(0, "app", "old-0001"), "BEGIN")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.open(w.options()).Hold(ctx) }()
	for w.paused(0) != "1" {
	}
	cancel()
	if err := <-done; fault.KindOf(err) != fault.Transient {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
	if w.paused(0) != "0" {
		t.Error("still paused")
	}
}

// TestOneOfTwoUnreachable: Preflight says which, nothing is changed; Release does
// what it can.
func TestOneOfTwoUnreachable(t *testing.T) {
	w := start(t, 2, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	c := w.open(w.options())
	if err := c.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.poolers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "pgbouncer: b: admin") {
		t.Errorf("Release: %s: %v", fault.KindOf(err), err)
	}
	if w.paused(0) != "0" {
		t.Error("a is still paused")
	}
	before := w.log(0)
	if err := c.Preflight(t.Context()); fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "pgbouncer: b: ") {
		t.Errorf("Preflight: %s: %v", fault.KindOf(err), err)
	}
	if err := c.Hold(t.Context()); fault.KindOf(err) != fault.Transient || !strings.Contains(err.Error(), "pgbouncer: b: ") {
		t.Errorf("Hold: %s: %v", fault.KindOf(err), err)
	}
	if now := strings.TrimPrefix(w.log(0), before); strings.Contains(now, "PAUSE") || strings.Contains(now, "RELOAD") {
		t.Errorf("a was touched: %s", now)
	}
	if err := w.poolers[1].Restart(t.Context()); err != nil { // a pause does not outlive the process
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
