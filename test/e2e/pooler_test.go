package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/test/pooler"
)

// newPooler is a database behind PgBouncer, of which the logs are searched at the
// end.
func newPooler(t *testing.T, o pooler.Options) *pooler.World {
	t.Helper()
	o.Rotor = program(t, "rotor")
	w, err := pooler.Start(t.Context(), o)
	var missing *localserver.MissingError
	switch {
	case err == nil:
	case !errors.As(err, &missing):
		t.Fatal(err)
	case os.Getenv("ROTOR_TEST_REQUIRE") == "all":
		t.Fatalf("needs %s, and ROTOR_TEST_REQUIRE=all: %s", missing.Program, missing.Hint)
	default:
		t.Skipf("needs %s: %s", missing.Program, missing.Hint)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the servers complained of:\n%s", w.Complaints())
		}
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// begin starts the clients, which end with the test at the latest.
func begin(t *testing.T, w *pooler.World, kinds ...string) *pooler.Clients {
	t.Helper()
	c, err := w.Begin(t.Context(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.End() })
	eventually(t, "every client works", func() bool {
		for _, one := range c.Now() {
			if one.All.OK < 5 {
				return false
			}
		}
		return true
	})
	return c
}

// calmly ends the clients and wants every transaction served, and every one that
// was served in the table.
func calmly(t *testing.T, w *pooler.World, c *pooler.Clients) pooler.Record {
	t.Helper()
	r := c.End()
	t.Logf("the load:\n%s", r)
	if r.Failed() > 0 {
		t.Errorf("%d of %d transactions failed", r.Failed(), r.Failed()+r.OK())
	}
	rows, err := w.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for kind, one := range r {
		have := rows[kind]
		if kind == pooler.Instances {
			have = rows["one"] + rows["two"]
		}
		if have != one.All.OK {
			t.Errorf("%s: %d transactions were served, and %d rows are in the table", kind, one.All.OK, have)
		}
	}
	return r
}

// silent looks for every value that ever was in all that was written.
func silent(t *testing.T, w *pooler.World, generations int) {
	t.Helper()
	n, err := w.Learn(t.Context())
	if err != nil || n < generations {
		t.Errorf("rotor gives out %d generations, want %d (%v)", n, generations, err)
	}
	leaks, err := w.Leaks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range leaks {
		t.Error(leak)
	}
}

// TestPoolerRunbook: the runbook's own sequence under the same load.
func TestPoolerRunbook(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.Runbook})
	c := begin(t, w)
	old, fresh, notice, err := w.FollowRunbook(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	r := c.End()
	t.Logf("the load:\n%s", r)
	fmt.Printf("pg_pgbouncer_runbook_failed %d of %d\n", r.Failed(), r.Failed()+r.OK())
	if r.Failed() == 0 || !strings.Contains(r.String(), "permission denied for sequence") {
		t.Error("the runbook's sequence broke nothing: is this load one that would notice?")
	}
	if code, text := w.Try(t.Context(), w.URL(old)); code != "" {
		t.Errorf("the old login is dead after all: %s %s", code, text)
	}
	if code, _ := w.Try(t.Context(), w.URL(fresh)); code != "42501" {
		t.Errorf("an INSERT as the new role: %q", code)
	}
	if !strings.Contains(notice, "does not exist, skipping") {
		t.Errorf("DROP ROLE IF EXISTS nova_old: %s", notice)
	}
}

// TestPoolerHarness: the clients notice what they should, and the searches find
// what is there; else their silence elsewhere would prove nothing.
func TestPoolerHarness(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.Alternate, Instances: true, Lifetime: 100})
	c := begin(t, w)
	login, err := w.Stored()
	if err != nil {
		t.Fatal(err)
	}
	if bad, err := w.Look(t.Context(), login); err != nil || len(bad) < 3 {
		t.Errorf("nothing was rotated, and the look says only %q (%v)", bad, err)
	}
	if err := w.DB.Exec(t.Context(), "nova_aos", "REVOKE ALL ON work FROM nova_owner"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every kind of client fails", func() bool {
		for _, one := range c.Now() {
			if one.All.Failed == 0 {
				return false
			}
		}
		return true
	})
	t.Logf("the load:\n%s", c.End())
	if err := w.DB.Exec(t.Context(), "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+login.User+"'"); err != nil {
		t.Fatal(err)
	}
	if bad, err := w.Look(t.Context(), login); err != nil || !strings.Contains(strings.Join(bad, "\n"), "a session was ended") {
		t.Errorf("sessions were ended, and the look says %q (%v)", bad, err)
	}
	marker := "Rt7-marker-of-the-harness"
	w.Known(marker)
	if leaks, err := w.Leaks(t.Context()); err != nil || len(leaks) > 0 {
		t.Errorf("before anything leaked: %q, %v", leaks, err)
	}
	if err := w.DB.Exec(t.Context(), "nova_aos", "ALTER ROLE "+login.User+" PASSWORD '"+marker+"'"); err != nil {
		t.Fatal(err)
	}
	if leaks, err := w.Leaks(t.Context()); err != nil || len(leaks) != 2 { // log and statistics
		t.Errorf("a password was sent in plain text, and found: %q, %v", leaks, err)
	}
}

// mustEqual compares what is now with what was before.
func mustEqual(t *testing.T, what, before string, look func(context.Context) (string, error)) {
	t.Helper()
	now, err := look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if now != before {
		t.Errorf("%s were\n%s\nand are\n%s", what, before, now)
	}
}
