package postgres_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/secret"
)

func plan(t *testing.T, p *postgres.Provider, values secret.Set) provider.Adoption {
	t.Helper()
	a, err := p.PlanAdoption(t.Context(), values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAdoption: the application never notices; from nova to a, to b, and nothing of it
// depends on who made what.
func TestAdoption(t *testing.T) {
	t.Parallel()
	e := newEstate(t, localserver.PostgresOptions{Settings: map[string]string{"log_statement": "all"}})
	e.works(t, e.nova, e.word, "before")
	p := e.open(t)
	if err := p.Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("Preflight without an owner role: %v", err)
	}
	old := provider.Issued{Values: e.values()}
	var err error
	if old.Handle, err = p.Identify(t.Context(), old.Values); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Make(t.Context(), provider.Request{Current: old.Handle}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("Make before adoption: %v", err)
	}
	session := e.session(t, "nova_aos", e.nova, e.word)
	shown := plan(t, p, e.values())
	t.Log("\n" + strings.Join(shown.Steps, "\n") + "\n-- notes\n" + strings.Join(shown.Notes, "\n") + "\n-- undo\n" + strings.Join(shown.Undo, "\n"))
	if err := p.Adopt(t.Context(), e.values(), shown); err != nil {
		t.Fatal(err)
	}
	if again := plan(t, p, e.values()); len(again.Steps) > 0 {
		t.Errorf("after adoption there is still to do: %s", strings.Join(again.Steps, "\n"))
	}
	if err := p.Adopt(t.Context(), e.values(), shown); err != nil {
		t.Errorf("adopting twice: %v", err)
	}
	for _, sql := range application[:3] { // a session from before
		if _, err := session.Exec(t.Context(), sql); err != nil {
			t.Errorf("in an old session: %s: %v", sql, err)
		}
	}
	e.works(t, e.nova, e.word, "adopted")
	e.belongsToOwner(t)
	e.rotations(t, p, old)
	if log := e.read(t); strings.Contains(log, "map-canary'") && strings.Count(log, "map-canary") != strings.Count(log, "CREATE USER MAPPING FOR nova SERVER") {
		t.Error("the server's log has the password of a user mapping")
	}
}

// rotations goes on from an adopted login.
func (e *estate) rotations(t *testing.T, p *postgres.Provider, old provider.Issued) {
	t.Helper()
	for n, tag := range []string{"first", "second", "third"} {
		if err := p.Preflight(t.Context(), provider.Request{Current: old.Handle}); err != nil {
			t.Fatal(err)
		}
		v := rotate(t, p, old)
		if want := e.opts.Roles[n%2]; v.Handle.Slot != want {
			t.Errorf("%s: role %s, want %s", tag, v.Handle.Slot, want)
		}
		e.works(t, v.Handle.Slot, v.Values["password"].Reveal(), tag)
		if err := p.Revoke(t.Context(), old.Handle); err != nil {
			t.Fatal(err)
		}
		if live, err := p.Probe(t.Context(), old); live != provider.Refused {
			t.Errorf("%s is %s (%v)", old.Handle.Slot, live, err)
		}
		e.works(t, v.Handle.Slot, v.Values["password"].Reveal(), tag+"_after")
		old = v
	}
	e.belongsToOwner(t)
}

// belongsToOwner: nothing is left with one of the logins.
func (e *estate) belongsToOwner(t *testing.T) {
	t.Helper()
	for _, l := range e.picture(t) {
		for _, kind := range []string{"relation", "routine", "type", "schema", "operator", "collation", "config", "statistics", "server", "publication", "large object", "database"} {
			what, found := strings.CutPrefix(l[strings.Index(l, ": ")+2:], kind+" ")
			for _, login := range []string{e.nova, "nova_a", "nova_b"} {
				if words := strings.Fields(what); found && slices.Contains(words[1:], login) {
					t.Errorf("%s still has: %s", login, l)
				}
			}
		}
	}
}

func (e *estate) session(t *testing.T, database, user, word string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.DSN(database, user, word))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (e *estate) read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(e.LogPath())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
