package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
)

// TestAdoptionOfASuperuser: the application moves to logins without its powers; the
// superuser itself is never closed.
func TestAdoptionOfASuperuser(t *testing.T) {
	t.Parallel()
	for name, bootstrap := range map[string]bool{"bootstrap": true, "another": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newSuperEstate(t, bootstrap)
			before := e.picture(t)
			p := e.open(t)
			old := provider.Issued{Values: e.values()}
			var err error
			if old.Handle, err = p.Identify(t.Context(), old.Values); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Make(t.Context(), provider.Request{Current: old.Handle}); fault.KindOf(err) != fault.BadConfig || err == nil {
				t.Errorf("Make before adoption: %v", err)
			}
			shown := plan(t, p, e.values())
			t.Log("\n" + strings.Join(shown.Steps, "\n") + "\n-- notes\n" + strings.Join(shown.Notes, "\n") + "\n-- undo\n" + strings.Join(shown.Undo, "\n"))
			if !slices.ContainsFunc(shown.Notes, func(n string) bool { return strings.Contains(n, "break-glass") }) {
				t.Error("the notes do not say what becomes of the superuser")
			}
			e.thereAndBack(t, shown, before)
			if err := p.Adopt(t.Context(), e.values(), shown); err != nil {
				t.Fatal(err)
			}
			e.works(t, e.nova, e.word, "adopted")
			if err := p.Verify(t.Context(), old); err != nil {
				t.Errorf("the superuser, which goes on as itself: %v", err)
			}
			if _, err := p.Make(t.Context(), provider.Request{Current: old.Handle}); fault.KindOf(err) != fault.BadConfig || err == nil {
				t.Errorf("Make although the superuser has made things since: %v", err)
			}
			if err := p.Adopt(t.Context(), e.values(), plan(t, p, e.values())); err != nil {
				t.Fatal(err)
			}
			e.awayFrom(t, p, old)
		})
	}
}

// thereAndBack: every death on the way, and at the end all is as it was.
func (e *estate) thereAndBack(t *testing.T, shown provider.Adoption, before []string) {
	t.Helper()
	works := func(string) {
		e.as(t, "nova_aos", "INSERT INTO orders (note) VALUES ('x')", "INSERT INTO items (m, n) VALUES ('ok', 1)", "SELECT only_nova()")
	}
	finished(t, works, func(n int) error { return e.dying(t, n).Adopt(t.Context(), e.values(), shown) })
	finished(t, works, func(n int) error { return e.dying(t, n).Unadopt(t.Context(), e.values(), shown) })
	same(t, "undone", before, e.picture(t))
}

// awayFrom rotates away from the superuser.
func (e *estate) awayFrom(t *testing.T, p *postgres.Provider, old provider.Issued) {
	t.Helper()
	v := rotate(t, p, old)
	e.works(t, v.Handle.Slot, v.Values["password"].Reveal(), "first")
	second := rotate(t, p, v)
	e.works(t, second.Handle.Slot, second.Values["password"].Reveal(), "second")
	refused := func(who string, kind fault.Kind) {
		if err := e.open(t).Revoke(t.Context(), old.Handle); fault.KindOf(err) != kind || err == nil || fault.HintOf(err) == "" {
			t.Errorf("Revoke of the superuser %s: %v", who, err)
		}
	}
	refused("as itself", fault.NeedsPerson)
	e.super(t, "postgres", "CREATE ROLE root LOGIN SUPERUSER PASSWORD 'root'")
	e.admin = e.DSN("postgres", "root", "root")
	refused("as another", fault.NeedsPerson)
	e.super(t, "nova_aos", "SELECT 1") // it lives
}

// TestBreakGlass: the superuser's own password, in place.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	a := newAccount(t, "in-place", false)
	a.Exec(t, "ALTER ROLE "+ident(a.opts.Role)+" SUPERUSER")
	p := a.open(t, "")
	if err := p.Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("a superuser without being asked: %v", err)
	}
	a.opts.BreakGlass, a.opts.VerifyTable = true, ""
	p = a.open(t, "")
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Fatal(err)
	}
	a.opts.ValidFor = "100d"
	if _, err := postgres.New(a.opts, nil); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("a superuser that runs out: %v", err)
	}
	old := rotate(t, p, provider.Issued{})
	rotate(t, p, old)
	if live, err := p.Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("the old password is %s (%v)", live, err)
	}
	if super := a.query(t, "SELECT rolsuper::text FROM pg_roles WHERE rolname = $1", a.opts.Role)[0]; super != "true" {
		t.Error("it lost its powers")
	}
}
