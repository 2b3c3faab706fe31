package pgbouncer_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// TestAlternate is the whole way of two roles that take turns.
func TestAlternate(t *testing.T) {
	w := start(t, 1, map[string]string{"a": "password-a1"}, localserver.PgBouncerOptions{})
	c := w.open(w.options())
	client := w.client(0, "a", "password-a1")
	w.exec(client, "SELECT 1")
	w.db.Exec(t, "CREATE ROLE "+w.role("b")+" LOGIN PASSWORD 'password-b2'")
	fresh := change(w.set("b", "password-b2"), secret.Set{w.role("b"): secret.Value{}})
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.NotYet {
		t.Errorf("before: %s, %v", proof, err)
	}
	w.put(store.Edit{Set: fresh.Values})
	if err := c.Deploy(t.Context(), "a", fresh); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.Proven {
		t.Errorf("after: %s, %v", proof, err)
	}

	old := change(w.set("a", "password-a1"), nil)
	seen, err := c.Present(t.Context(), "a", old)
	if err != nil || len(seen.Who) != 1 || !strings.Contains(seen.Who[0], w.role("a")+" on "+w.db.Name+" (nightly ?job)") {
		t.Errorf("Present with a client: %+v, %v", seen, err)
	}
	w.exec(client, "SELECT 1")
	_ = client.Close(t.Context())
	for { // PgBouncer notices that the client is gone
		if seen, err = c.Present(t.Context(), "a", old); err != nil {
			t.Fatal(err)
		}
		if len(seen.Who) == 0 {
			break
		}
	}
	if kept := w.sessions("a"); len(kept) == 0 || !slices.Equal(slices.Sorted(slices.Values(seen.Idle)), kept) {
		t.Errorf("kept for nobody: %v, and the server has %v", slices.Sorted(slices.Values(seen.Idle)), kept)
	}

	w.put(store.Edit{Delete: []string{w.role("a")}})
	left := change(w.set("b", "password-b2"), w.set("a", "password-a1"))
	if proof, err := c.Confirm(t.Context(), "a", left); err != nil || proof != consumer.NotYet {
		t.Errorf("a is still let in: %s, %v", proof, err)
	}
	if err := c.Deploy(t.Context(), "a", left); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", left); err != nil || proof != consumer.Proven {
		t.Errorf("a has left: %s, %v", proof, err)
	}
	if err := w.login(0, w.role("a"), "password-a1"); !refused(err) {
		t.Errorf("a: %v", err)
	}
	w.put(store.Edit{Set: w.set("a", "password-a1")}) // somebody puts it back
	if err := c.Deploy(t.Context(), "a", left); fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "" {
		t.Errorf("%s: %v", fault.KindOf(err), err)
	}
}

// sessions lists the server's process ids of a role's sessions.
func (w *world) sessions(name string) []string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.db.URL("", ""))
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	rows, _ := conn.Query(w.t.Context(), "SELECT pid::text FROM pg_stat_activity WHERE usename = $1 ORDER BY 1", w.role(name))
	pids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return pids
}

// TestSignalAlone: without a console there is SIGHUP, and the same proof.
func TestSignalAlone(t *testing.T) {
	w := start(t, 1, map[string]string{"app": "old-0001"}, localserver.PgBouncerOptions{})
	b := w.poolers[0]
	c := w.open(pgbouncer.Options{PIDFile: b.PidFile, Address: "127.0.0.1:" + strconv.Itoa(b.Port), Databases: []string{w.db.Name}})
	if err := c.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	fresh := change(w.set("app", "new-0002"), w.set("app", "old-0001"))
	w.put(store.Edit{Set: fresh.Values})
	if err := c.Deploy(t.Context(), "default", fresh); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "default", fresh); err != nil || proof != consumer.Proven {
		t.Errorf("%s, %v", proof, err)
	}
	if err := c.Hold(t.Context()); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Hold: %v", err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Errorf("Release: %v", err)
	}
	if p, err := c.Present(t.Context(), "default", fresh); err != nil || !p.Blind {
		t.Errorf("Present: %+v, %v", p, err)
	}
	if strings.Contains(w.log(0), "RELOAD") || !strings.Contains(w.log(0), "SIGHUP") {
		t.Errorf("the log: %s", w.log(0))
	}
}
