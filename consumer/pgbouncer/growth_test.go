package pgbouncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/localserver"
)

// TestHoldWhileThePoolGrows: PgBouncer opens one server connection after the other
// when the pause comes. One that is cut off would be counted as failed, and everybody
// would wait 15 s.
func TestHoldWhileThePoolGrows(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{PoolSize: 8})
	c := w.open(w.options())
	var conns []*pgx.Conn
	for range 10 {
		conns = append(conns, w.client(0, "app", "old-0001"))
	}
	for range 4 {
		done := make(chan error, len(conns))
		began := time.Now()
		for _, conn := range conns {
			go func() {
				_, err := conn.Exec(context.Background(), "SELECT pg_sleep(0.1)")
				done <- err
			}()
		}
		for w.servers() < 2 {
			if time.Since(began) > 10*time.Second {
				t.Fatal("no server connections")
			}
		}
		if err := c.Hold(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range conns {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it took %s", took)
		}
	}
}

// TestReleaseServes: somebody logged in while the pool stood still. PgBouncer opened a
// server connection for that, and the pause cut it off.
func TestReleaseServes(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	c := w.open(w.options())
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.login(0, w.role("app"), "old-0001") }()
	for until := time.Now().Add(10 * time.Second); !strings.Contains(w.log(0), "closing because: pause mode"); {
		if time.Now().After(until) {
			t.Fatal("no server connection was cut off")
		}
	}
	began := time.Now()
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if now := w.setting("server_login_retry"); now != "15" {
		t.Errorf("server_login_retry is %s", now)
	}
}
