package postgres_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestNothingInLogAndStatistics runs whole lives and failures on a server that logs
// every statement, and looks for passwords and verifiers.
func TestNothingInLogAndStatistics(t *testing.T) {
	t.Parallel()
	for name, least := range map[string]bool{"superuser": false, "least-privilege with parameter grants": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, rotation.Alternate, least)
			a.mayBeQuiet(t, least)
			a.Exec(t, "CREATE EXTENSION pg_stat_statements")
			p := a.open(t, "")
			first := rotate(t, p, provider.Issued{})
			second := rotate(t, p, first)
			if err := p.Revoke(t.Context(), first.Handle); err != nil {
				t.Fatal(err)
			}
			third := failingIssue(t, a, p, second)
			for _, v := range []secret.Set{first.Values, second.Values, third} {
				a.mustNotKnow(t, v["password"])
				a.mustNotKnow(t, v["verifier"])
			}
			if stray := a.query(t, "SELECT query FROM pg_stat_activity WHERE query LIKE '%SCRAM-SHA-256%' AND pid <> pg_backend_pid() AND usename = $1", a.admin); len(stray) > 0 {
				t.Error("the kept connection's last query is visible with its verifier")
			}
		})
	}
}

// mayBeQuiet skips where only a superuser can be.
func (a *account) mayBeQuiet(t *testing.T, least bool) {
	t.Helper()
	if least && version(t, a.Database) < 15 {
		t.Skip("before PostgreSQL 15 only a superuser may change what is logged")
	}
}

// failingIssue makes the server refuse the transaction after the ALTER: a failing
// statement is logged with its text by default.
func failingIssue(t *testing.T, a *account, p *postgres.Provider, current provider.Issued) secret.Set {
	t.Helper()
	req := provider.Request{Current: current.Handle}
	values, err := p.Make(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Values = values
	a.Exec(t, "ALTER ROLE "+ident(a.opts.Roles[0])+" IN DATABASE "+ident(a.Name)+" RESET role",
		"REVOKE "+ident(a.opts.OwnerRole)+" FROM "+ident(a.opts.Roles[0]),
		"ALTER ROLE "+ident(a.opts.OwnerRole)+" RENAME TO "+ident(a.mark+"gone"))
	defer a.Exec(t, "ALTER ROLE "+ident(a.mark+"gone")+" RENAME TO "+ident(a.opts.OwnerRole))
	if _, err := p.Issue(t.Context(), req); fault.KindOf(err) != fault.Rejected || err == nil {
		t.Errorf("Issue without an owner role: %v", err)
	}
	if got := a.query(t, "SELECT rolcanlogin::text FROM pg_roles WHERE rolname = $1", a.opts.Roles[0])[0]; got != "false" {
		t.Error("the refused transaction left its ALTER behind")
	}
	return values
}

// mustNotKnow looks into the server's log and statistics.
func (a *account) mustNotKnow(t *testing.T, v secret.Value) {
	t.Helper()
	log := a.log(t)
	for _, form := range secret.Encodings(v) {
		if at := strings.Index(log, form); at >= 0 {
			line := log[strings.LastIndex(log[:at], "\n")+1:]
			line, _, _ = strings.Cut(line, "\n")
			t.Errorf("the server's log has it: %s", strings.ReplaceAll(line, form, "<HERE>"))
		}
		// the parameter itself must not make the query find itself
		if n := a.query(t, "SELECT count(*)::text FROM pg_stat_statements WHERE strpos(query, $1) > 0", form)[0]; n != "0" {
			t.Errorf("pg_stat_statements has it %s times", n)
		}
	}
}

// TestTheLogIsTalkative proves that the search above can find something: the same
// statement without the precautions.
func TestTheLogIsTalkative(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, false)
	a.Exec(t, "CREATE EXTENSION pg_stat_statements")
	marker := secret.Random(32)
	a.Exec(t, "ALTER ROLE "+ident(a.opts.Role)+" PASSWORD '"+marker.Reveal()+"'")
	if !strings.Contains(a.log(t), marker.Reveal()) {
		t.Error("the server's log does not show statements")
	}
	if n := a.query(t, "SELECT count(*)::text FROM pg_stat_statements WHERE strpos(query, $1) > 0", marker.Reveal())[0]; n == "0" {
		t.Error("pg_stat_statements does not show statements")
	}
}

// TestWithoutParameterGrants: all that an admin who may not change log settings gives
// away is the verifier.
func TestWithoutParameterGrants(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	a.Exec(t, "DROP OWNED BY "+ident(a.admin), // takes the parameter grants
		"GRANT pg_read_all_stats, pg_signal_backend TO "+ident(a.admin), "CREATE EXTENSION pg_stat_statements")
	v := rotate(t, a.open(t, ""), provider.Issued{})
	a.mustNotKnow(t, v.Values["password"])
	if !strings.Contains(a.log(t), v.Values["verifier"].Reveal()) {
		t.Error("the verifier is not in the log; is this still the case that the test is about?")
	}
}

// TestAccidentsWithTheConnectionString: whatever is wrong with it, no piece of it
// appears in an error.
func TestAccidentsWithTheConnectionString(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	for name, dsn := range map[string]string{
		"slash":          "postgres://admin:12/canary-34x@127.0.0.1:1/db",
		"question":       "postgres://admin:12?canary-34x@127.0.0.1:1/db",
		"hash":           "postgres://admin:12#canary-34x@127.0.0.1:1/db",
		"at":             "postgres://admin:canary-34x@more@127.0.0.1:1/db",
		"percent":        "postgres://admin:canary-34x%zz@127.0.0.1:1/db",
		"keyword":        "host=127.0.0.1 port=1 user=admin password=canary-34x sslmode=nonsense",
		"only password":  "canary-34x",
		"wrong password": strings.Replace(a.URL("postgres", "canary-34x"), "sslmode=disable", "sslmode=prefer", 1),
		"no database":    strings.Replace(a.url(""), "/"+a.Name, "/canary-34x", 1),
		"nobody there":   "postgres://canary-34x:canary-34x@127.0.0.1:1/canary-34x?sslmode=disable",
	} {
		p, err := postgres.New(a.opts, secret.Fixed(secret.New(dsn)))
		if err != nil {
			t.Fatal(err)
		}
		_, issueErr := p.Now(t.Context())
		_, probeErr := p.Probe(t.Context(), provider.Issued{Values: secret.Set{
			"username": secret.Public("nobody"), "password": secret.New("canary-34x"),
		}})
		for _, err := range []error{issueErr, probeErr} {
			if err != nil && strings.Contains(err.Error()+fault.HintOf(err), "canary-34x") {
				t.Errorf("%s: %v (hint %s)", name, err, fault.HintOf(err))
			}
		}
		if issueErr == nil || fault.KindOf(issueErr) == fault.Unknown {
			t.Errorf("%s: kind %s: %v", name, fault.KindOf(issueErr), issueErr)
		}
	}
}

// TestAFailingStatementIsNotLogged: the server logs the text of a statement that
// fails, here the ALTER itself, which waits for a lock until its time is up.
func TestAFailingStatementIsNotLogged(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, true)
	a.mayBeQuiet(t, true)
	a.Exec(t, "CREATE EXTENSION pg_stat_statements")
	a.opts.StatementTimeout = "200ms"
	p := a.open(t, "")
	old := rotate(t, p, provider.Issued{})
	blocker := a.connect(t, provider.Issued{Values: secret.Set{"username": secret.Public(a.User), "password": secret.New(a.Password)}})
	mustExec(t, blocker, "BEGIN")
	mustExec(t, blocker, "ALTER ROLE "+ident(a.opts.Role)+" CONNECTION LIMIT 7")
	req := provider.Request{Current: old.Handle, Values: made(t, a)}
	if _, err := p.Issue(t.Context(), req); err == nil || fault.KindOf(err) != fault.Transient {
		t.Errorf("Issue while the role is locked: kind %s, %v", fault.KindOf(err), err)
	}
	mustExec(t, blocker, "ROLLBACK")
	a.mustNotKnow(t, req.Values["password"])
	a.mustNotKnow(t, req.Values["verifier"])
	if !strings.Contains(a.log(t), "canceling statement due to statement timeout") {
		t.Error("the statement did not fail in the server")
	}
	if err := p.Verify(t.Context(), old); err != nil {
		t.Errorf("the old value does not work any more: %v", err)
	}
}
