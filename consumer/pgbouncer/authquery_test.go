package pgbouncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/pgbouncer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/secret"
)

// asking starts a pooler that asks the database about app.
func asking(t *testing.T) *world {
	t.Helper()
	w := start(t, 1, map[string]string{"asker": "ask-0001"}, localserver.PgBouncerOptions{Settings: map[string]string{"auth_query_for": "asker"}})
	w.db.Exec(t,
		"CREATE FUNCTION lookup(n text, OUT u name, OUT p text) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS "+
			"'SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = n AND rolcanlogin AND coalesce(rolvaliduntil > now(), true)'",
		"CREATE ROLE "+w.role("app")+" LOGIN PASSWORD 'old-0001'")
	return w
}

func (w *world) askingOptions() pgbouncer.Options {
	o := w.options()
	o.AuthQuery, o.Databases = true, append(o.Databases, "elsewhere")
	return o
}

// asked is the change as an acceptor without targets gets it.
func (w *world) asked(password string) consumer.Change {
	c := change(secret.Set{}, nil)
	c.Fields = secret.Set{"username": secret.Public(w.role("app")), "password": secret.New(password)}
	return c
}

// TestAuthQuery: PgBouncer asks the database. Nothing is reloaded; a login proves.
func TestAuthQuery(t *testing.T) {
	w := asking(t)
	o := w.options()
	o.AuthQuery = true
	c := w.open(o)
	if err := c.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := change(w.set("app", "new-0002"), w.set("app", "old-0001"))
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.NotYet {
		t.Errorf("before: %s, %v", proof, err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	if err := c.Deploy(t.Context(), "a", fresh); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.Proven {
		t.Errorf("after: %s, %v", proof, err)
	}
	if strings.Contains(w.log(0), "RELOAD") {
		t.Error("it was reloaded")
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" NOLOGIN")
	gone := change(secret.Set{}, w.set("app", "new-0002"))
	if err := c.Deploy(t.Context(), "a", gone); err != nil {
		t.Errorf("a role without login: %v", err)
	}
	if err := c.Hold(t.Context()); err != nil || w.paused(0) != "0" {
		t.Errorf("Hold pauses: %v", err)
	}
	if err := w.poolers[0].Console(t.Context(), "PAUSE "+w.db.Name); err != nil { // somebody does
		t.Fatal(err)
	}
	if err := c.Deploy(t.Context(), "a", fresh); err != nil {
		t.Errorf("while paused nothing can be asked: %v", err)
	}
	if proof, err := c.Confirm(t.Context(), "a", fresh); err != nil || proof != consumer.CannotTell {
		t.Errorf("while paused: %s, %v", proof, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestInPlaceAuthQuery: clients that stay connected, to two databases. Server
// connections serve on; those opened later use the keys of Deploy's login.
func TestInPlaceAuthQuery(t *testing.T) {
	w := asking(t)
	l, other := w.load("app", "old-0001", 6), w.through("elsewhere", "app", "old-0001")
	w.exec(other, "SELECT 1")
	l.more(t, 20)
	c := w.open(w.askingOptions())
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	if proof, err := c.Confirm(t.Context(), "a", w.asked("new-0003")); err != nil || proof != consumer.NotYet {
		t.Errorf("another password: %s, %v", proof, err)
	}
	for range 2 {
		if err := c.Deploy(t.Context(), "a", w.asked("new-0002")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.Confirm(t.Context(), "a", w.asked("new-0002")); err != nil || proof != consumer.Proven {
		t.Errorf("%s, %v", proof, err)
	}
	l.more(t, 50)
	l.end(t)
	if err := w.poolers[0].Console(t.Context(), "RECONNECT"); err != nil { // none of the old server connections is left
		t.Fatal(err)
	}
	for _, conn := range append(l.conns, other) {
		w.exec(conn, "SELECT 1")
	}
	w.noServerRefusal()
	if strings.Contains(w.log(0), "SET server_login_retry") {
		t.Error("a setting was changed without need")
	}
	if err := c.Deploy(t.Context(), "a", w.asked("new-0003")); fault.KindOf(err) != fault.Rejected {
		t.Errorf("a password that the server does not have: %s: %v", fault.KindOf(err), err)
	}
}

// noServerRefusal: the server took PgBouncer at once, always.
func (w *world) noServerRefusal() {
	w.t.Helper()
	for line := range strings.Lines(w.log(0)) {
		if strings.Contains(line, "login failed") || strings.Contains(line, " S-0x") && strings.Contains(line, "authentication failed") {
			w.t.Errorf("the log: %s", line)
		}
	}
}

// TestInPlaceAuthQueryQuietly: PgBouncer has no server connection, and a query comes
// between the change and Deploy. It waits as long as that takes, not 15 s.
func TestInPlaceAuthQueryQuietly(t *testing.T) {
	w := asking(t)
	b, conn := w.poolers[0], w.client(0, "app", "old-0001")
	w.exec(conn, "SELECT 1")
	if err := b.Console(t.Context(), "PAUSE "+w.db.Name, "RESUME "+w.db.Name); err != nil { // as server_idle_timeout does
		t.Fatal(err)
	}
	c := w.open(w.askingOptions())
	if err := c.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.db.Exec(t, "ALTER ROLE "+w.role("app")+" PASSWORD 'new-0002'")
	done := make(chan error, 1)
	began := time.Now()
	go func(conn *pgx.Conn) {
		_, err := conn.Exec(context.Background(), "SELECT 1")
		done <- err
	}(conn)
	for !strings.Contains(w.log(0), "authentication failed") {
	}
	if err := c.Deploy(t.Context(), "a", w.asked("new-0002")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if now := w.setting("server_login_retry"); now != "15" {
		t.Errorf("server_login_retry is %s", now)
	}
}

func (w *world) setting(name string) string {
	w.t.Helper()
	rows, err := w.poolers[0].Show(context.Background(), "CONFIG")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if row["key"] == name {
			return row["value"]
		}
	}
	return ""
}

// TestCrashWhileEager: what a crash leaves behind is undone by Release, and nothing
// else is.
func TestCrashWhileEager(t *testing.T) {
	w := asking(t)
	c := w.open(w.askingOptions())
	for set, want := range map[string]string{"0.1": "15", "7": "7"} {
		if err := w.poolers[0].Console(t.Context(), "SET server_login_retry = '"+set+"'"); err != nil {
			t.Fatal(err)
		}
		if err := c.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := w.setting("server_login_retry"); now != want {
			t.Errorf("after %s: %s", set, now)
		}
	}
}
