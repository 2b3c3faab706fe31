package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// dying is a provider whose process dies before it uses its connection for the nth time.
func (e *estate) dying(t *testing.T, n int) *postgres.Provider {
	t.Helper()
	p, err := postgres.New(e.opts, func(context.Context) (secret.Value, error) {
		if n--; n < 0 {
			return secret.Value{}, errors.New("killed")
		}
		return secret.New(e.admin), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// finished repeats a step that dies at ever later points until it gets through.
func finished(t *testing.T, between func(tag string), step func(n int) error) {
	t.Helper()
	for n := range 40 {
		err := step(n)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "killed") {
			t.Fatalf("killed at %d: %v", n, err)
		}
		between(fmt.Sprintf("at%d", n))
	}
	t.Fatal("it never gets through")
}

// TestAdoptionSurvivesDeath: killed between any two connections, there and back, the
// application goes on; and in the end everything is as it was.
func TestAdoptionSurvivesDeath(t *testing.T) {
	t.Parallel()
	e := newEstate(t, localserver.PostgresOptions{})
	before := e.picture(t)
	shown := plan(t, e.open(t), e.values())
	works := func(tag string) {
		for _, db := range []string{"nova_aos", `other "db`, "third"} {
			e.as(t, db, "SELECT 1")
		}
		e.as(t, "nova_aos", "INSERT INTO orders (note) VALUES ('x')", "INSERT INTO items (m, n) VALUES ('ok', 1)", "INSERT INTO private VALUES (1)", "SELECT only_nova(), id FROM foreign_table")
	}
	finished(t, works, func(n int) error { return e.dying(t, n).Adopt(t.Context(), e.values(), shown) })
	e.belongsToOwner(t)
	if left := plan(t, e.open(t), e.values()); len(left.Steps) > 0 {
		t.Errorf("left to do: %s", strings.Join(left.Steps, "\n"))
	}
	e.as(t, "nova_aos", "CREATE TABLE app.since (id int)", "DROP MATERIALIZED VIEW app.counted")
	finished(t, works, func(n int) error { return e.dying(t, n).Unadopt(t.Context(), e.values(), shown) })
	if err := e.open(t).Unadopt(t.Context(), e.values(), shown); err != nil {
		t.Errorf("undone twice: %v", err)
	}
	e.as(t, "nova_aos", "ALTER TABLE app.since ADD COLUMN x int", "DROP TABLE app.since")
	before = slices.DeleteFunc(before, func(l string) bool { return strings.Contains(l, "app.counted") })
	same(t, "undone", before, e.picture(t))
}

// TestAdoptionRefuses what was not shown, and the way back once a new login lives.
func TestAdoptionRefuses(t *testing.T) {
	t.Parallel()
	e := newEstate(t, localserver.PostgresOptions{})
	p := e.open(t)
	shown := plan(t, p, e.values())
	before := e.picture(t)
	e.super(t, "third", "CREATE SCHEMA s AUTHORIZATION nova")
	if err := p.Adopt(t.Context(), e.values(), shown); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("a cluster that has changed: %v", err)
	}
	e.super(t, "third", "DROP SCHEMA s")
	same(t, "refused", before, e.picture(t))
	for _, line := range []string{"DROP TABLE app.items;", "ALTER ROLE x", `\connect "nova_aos`, "SELECT 1;"} {
		forged := shown
		forged.Undo = append(slices.Clone(shown.Undo), line)
		if err := p.Unadopt(t.Context(), e.values(), forged); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("a forged line %s: %v", line, err)
		}
	}
	if err := p.Adopt(t.Context(), e.values(), shown); err != nil {
		t.Fatal(err)
	}
	h, err := p.Identify(t.Context(), e.values())
	if err != nil {
		t.Fatal(err)
	}
	old := provider.Issued{Handle: h, Values: e.values()}
	v := rotate(t, p, old)
	if err := p.Unadopt(t.Context(), e.values(), shown); fault.KindOf(err) != fault.NeedsPerson || err == nil {
		t.Errorf("undone while %s lives: %v", v.Handle.Slot, err)
	}
	if err := p.Revoke(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	if err := p.Unadopt(t.Context(), e.values(), shown); fault.KindOf(err) != fault.NeedsPerson || err == nil {
		t.Errorf("undone when %s is retired: %v", e.nova, err)
	}
}

// TestNothingToAdopt: the logins that take turns already, in-place, and mistakes.
func TestNothingToAdopt(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	if got := plan(t, p, v.Values); len(got.Steps)+len(got.Notes) > 0 {
		t.Errorf("for a login of ours: %v", got)
	}
	if err := p.Adopt(t.Context(), v.Values, provider.Adoption{}); err != nil {
		t.Error(err)
	}
	for name, kind := range map[string]fault.Kind{"": fault.BadConfig, a.opts.OwnerRole: fault.BadConfig, a.mark + "nobody": fault.Rejected} {
		if _, err := p.PlanAdoption(t.Context(), secret.Set{"username": secret.Public(name)}); fault.KindOf(err) != kind || err == nil {
			t.Errorf("login %q: %v", name, err)
		}
	}
	acts := a.mark + "acts"
	a.Exec(t, "CREATE ROLE "+ident(acts)+" LOGIN", "ALTER ROLE "+ident(acts)+" SET role TO pg_monitor")
	if _, err := p.PlanAdoption(t.Context(), secret.Set{"username": secret.Public(acts)}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("a login that acts as another role: %v", err)
	}
	in := newAccount(t, rotation.InPlace, false)
	if got := plan(t, in.open(t, ""), secret.Set{"username": secret.Public(in.opts.Role)}); len(got.Steps) > 0 {
		t.Errorf("in-place: %v", got)
	}
}

// TestAdoptionIntoAnOwnerThatOwns: what the owner role had before stays with it.
func TestAdoptionIntoAnOwnerThatOwns(t *testing.T) {
	t.Parallel()
	e := newEstate(t, localserver.PostgresOptions{})
	e.super(t, "nova_aos", "CREATE ROLE nova_owner", "CREATE TABLE public.mine (id int)", "ALTER TABLE public.mine OWNER TO nova_owner",
		"CREATE ROLE nova_a", "GRANT nova_owner TO nova_a")
	before := e.picture(t)
	p := e.open(t)
	shown := plan(t, p, e.values())
	finished(t, func(string) {}, func(n int) error { return e.dying(t, n).Adopt(t.Context(), e.values(), shown) })
	e.works(t, e.nova, e.word, "adopted")
	e.as(t, "nova_aos", "DROP TABLE app.made_adopted", "DROP SCHEMA schema_adopted", "DROP SERVER away_adopted", "ALTER TABLE app.items DROP COLUMN adopted",
		"DROP INDEX orders_note_idx", "REVOKE team FROM reader", "REVOKE USAGE ON FOREIGN DATA WRAPPER postgres_fdw FROM reader")
	e.as(t, `other "db`, "ALTER TABLE elsewhere DROP COLUMN adopted")
	if err := p.Unadopt(t.Context(), e.values(), shown); err != nil {
		t.Fatal(err)
	}
	same(t, "undone", before, e.picture(t))
}

// TestAdoptionOfManyTables: more than the server can lock in one transaction.
func TestAdoptionOfManyTables(t *testing.T) {
	t.Parallel()
	e := &estate{Postgres: testserver.OwnPostgres(t, localserver.PostgresOptions{Settings: map[string]string{"max_connections": "20", "max_locks_per_transaction": "64"}}),
		nova: "nova", word: novaWord, opts: postgres.Options{Database: "postgres", OwnerRole: "nova_owner", Roles: []string{"nova_a", "nova_b"}}}
	e.admin = e.DSN("postgres", "", "")
	e.super(t, "postgres", "CREATE ROLE nova LOGIN PASSWORD '"+novaWord+"'", "GRANT ALL ON SCHEMA public TO nova")
	for from := range 12 {
		e.as(t, "postgres", fmt.Sprintf("DO $$BEGIN FOR i IN %d..%d LOOP EXECUTE 'CREATE TABLE public.t' || i || ' (id serial PRIMARY KEY, note text)'; END LOOP; END$$", from*100, from*100+99))
	}
	p := e.open(t)
	shown := plan(t, p, e.values())
	if len(shown.Steps) < 1200 {
		t.Fatalf("only %d steps", len(shown.Steps))
	}
	if err := p.Adopt(t.Context(), e.values(), shown); err != nil {
		t.Fatal(err)
	}
	e.as(t, "postgres", "INSERT INTO t1199 (note) VALUES ('x')", "CREATE TABLE more (id int)")
}

// TestAdoptionWithoutASuperuser: the documented grants, and membership in the login.
func TestAdoptionWithoutASuperuser(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	nova := a.mark + "nova"
	a.Exec(t, "CREATE ROLE "+ident(nova)+" LOGIN PASSWORD '"+novaWord+"'", "GRANT ALL ON SCHEMA public TO "+ident(nova),
		"CREATE TABLE "+ident(a.mark+"foreign")+" (id int)", "GRANT SELECT ON "+ident(a.mark+"foreign")+" TO "+ident(nova))
	a.grantTo(t, a.admin, nova)
	v := provider.Issued{Values: secret.Set{"username": secret.Public(nova), "password": secret.New(novaWord)}}
	conn := a.connect(t, v)
	mustExec(t, conn, "CREATE TABLE "+ident(a.mark+"things")+" (id serial)")
	p := a.open(t, "")
	if _, err := p.PlanAdoption(t.Context(), v.Values); fault.KindOf(err) != fault.Denied || err == nil || fault.HintOf(err) == "" {
		t.Errorf("an admin that may not act for it: %v", err)
	}
	with := ""
	if version(t, a.Database) >= 16 {
		with = " WITH INHERIT TRUE"
	}
	a.Exec(t, "GRANT "+ident(nova)+" TO "+ident(a.admin)+with)
	shown := plan(t, p, v.Values)
	if err := p.Adopt(t.Context(), v.Values, shown); fault.KindOf(err) != fault.Denied || err == nil {
		t.Errorf("a grant that is not the admin's to give: %v", err)
	}
	a.Exec(t, "DROP TABLE "+ident(a.mark+"foreign"))
	if err := p.Adopt(t.Context(), v.Values, shown); err != nil {
		t.Fatal(err)
	}
	mustExec(t, a.connect(t, v), "INSERT INTO "+ident(a.mark+"things")+" DEFAULT VALUES")
	var err error
	if v.Handle, err = p.Identify(t.Context(), v.Values); err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	first := rotate(t, p, v)
	mustExec(t, a.connect(t, first), "ALTER TABLE "+ident(a.mark+"things")+" ADD COLUMN x int")
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Error(err)
	}
}
