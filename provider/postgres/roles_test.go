package postgres_test

import (
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestAdoptsAForeignLogin: the first rotation moves away from a login that is
// neither of the two, and Revoke closes that one by its oid.
func TestAdoptsAForeignLogin(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	legacy, word := a.mark+"legacy", secret.Random(24)
	a.Exec(t, "CREATE ROLE "+ident(legacy)+" LOGIN PASSWORD '"+word.Reveal()+"'")
	a.grantTo(t, a.admin, legacy)
	p := a.open(t, "")
	current := provider.Issued{Values: secret.Set{"username": secret.Public(legacy), "password": word}}
	h, err := p.Identify(t.Context(), current.Values)
	if err != nil || h.Slot != legacy {
		t.Fatalf("Identify: %v, %v", h, err)
	}
	current.Handle = h
	v := rotate(t, p, current)
	if v.Handle.Slot != a.opts.Roles[0] {
		t.Errorf("the first turn is %s", v.Handle.Slot)
	}
	if err := p.Revoke(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if live, _ := p.Probe(t.Context(), current); live != provider.Refused {
		t.Errorf("the legacy login is %s", live)
	}
	if _, err := p.Identify(t.Context(), secret.Set{"username": secret.Public("postgres"), "password": word}); fault.KindOf(err) != fault.Rejected {
		t.Errorf("Identify of a superuser by a wrong password: %v", err)
	}
}

func TestTurnWithoutAHandle(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	first, second := a.opts.Roles[0], a.opts.Roles[1]
	turn := func(req provider.Request) string {
		values, err := p.Make(t.Context(), req)
		if err != nil {
			return fault.KindOf(err).String()
		}
		return values["username"].Reveal()
	}
	if got := turn(provider.Request{}); got != first {
		t.Errorf("with no role at all: %s", got)
	}
	if got := turn(provider.Request{Values: secret.Set{"username": secret.Public(first)}}); got != second {
		t.Errorf("the targets hold %s: turn of %s", first, got)
	}
	rotate(t, p, provider.Issued{})
	if got := turn(provider.Request{}); got != second {
		t.Errorf("only %s may log in: turn of %s", first, got)
	}
	a.Exec(t, "CREATE ROLE "+ident(second)+" LOGIN")
	if got := turn(provider.Request{}); got != fault.NeedsPerson.String() {
		t.Errorf("both may log in: %s", got)
	}
}

func TestIssueNeverTouchesTheCurrentRole(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	for name, change := range map[string]func(*provider.Request){
		"current slot":       func(r *provider.Request) { r.Current = v.Handle },
		"foreign role":       func(r *provider.Request) { r.Values["username"] = secret.Public("postgres") },
		"malformed verifier": func(r *provider.Request) { r.Values["verifier"] = secret.New("SCRAM-SHA-256$4096:bad") },
		"plain password":     func(r *provider.Request) { r.Values["verifier"] = r.Values["password"] },
		"nothing":            func(r *provider.Request) { r.Values = nil },
	} {
		req := provider.Request{Values: v.Values.Clone()}
		change(&req)
		if _, err := p.Issue(t.Context(), req); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("the current value was touched: %v", err)
	}
}

// TestIssueHealsTheRole: what people do to a role between rotations.
func TestIssueHealsTheRole(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	role := ident(a.opts.Roles[0])
	a.Exec(t, "CREATE ROLE "+role+" NOLOGIN NOINHERIT PASSWORD 'x' VALID UNTIL '2001-01-01'",
		"COMMENT ON ROLE "+role+" IS 'Nova''s first login [rotor:i0-e0-db-9-1]'")
	v := rotate(t, p, provider.Issued{})
	comment := a.query(t, "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = $1", a.opts.Roles[0])[0]
	if comment != "Nova's first login [rotor:i1-e1-db-1-1]" {
		t.Errorf("comment: %s", comment)
	}
	found, err := p.Find(t.Context(), "i1-e1-db-1-")
	if err != nil || len(found) == 0 {
		t.Fatalf("Find: %v, %v", found, err)
	}
	stored := a.query(t, "SELECT rolpassword FROM pg_authid WHERE oid = $1::oid", v.Handle.ID)[0]
	if stored != v.Values["verifier"].Reveal() {
		t.Error("the server stored something else than the verifier")
	}
}

func TestRevokeGoesByOID(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	renamed := a.mark + "renamed"
	a.Exec(t, "ALTER ROLE "+ident(v.Handle.Slot)+" RENAME TO "+ident(renamed), "CREATE ROLE "+ident(v.Handle.Slot)+" LOGIN")
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	got := a.query(t, `SELECT rolname || ' ' || rolcanlogin FROM pg_roles WHERE rolname IN ($1, $2) ORDER BY oid`, renamed, v.Handle.Slot)
	if want := []string{renamed + " false", v.Handle.Slot + " true"}; got[0] != want[0] || got[1] != want[1] {
		t.Errorf("logins: %v, want %v", got, want)
	}
	a.Exec(t, "DROP OWNED BY "+ident(renamed), "DROP ROLE "+ident(renamed))
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Errorf("Revoke of a dropped role: %v", err)
	}
}

func TestRevokeRefusesWhatWouldHurt(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	p := a.open(t, "")
	for name, kind := range map[string]fault.Kind{"postgres": fault.NeedsPerson, a.admin: fault.BadConfig, a.opts.OwnerRole: fault.BadConfig} {
		oid := a.query(t, "SELECT oid::text FROM pg_roles WHERE rolname = $1", name)[0]
		if err := p.Revoke(t.Context(), rotation.Handle{ID: oid, Slot: a.opts.Roles[0]}); fault.KindOf(err) != kind || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "1 OR true", "99999999999"} {
		if err := p.Revoke(t.Context(), rotation.Handle{ID: id}); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("handle %q: %v", id, err)
		}
	}
}
