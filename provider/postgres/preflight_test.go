package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestPreflightRefuses: everything that would fail, or hurt, after the point where
// something was changed.
func TestPreflightRefuses(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	for _, c := range []struct {
		name   string
		least  bool
		spoil  func(a *account)
		expect fault.Kind
	}{
		{"nothing wrong", true, func(a *account) {}, fault.Unknown},
		{"no database", false, func(a *account) { a.opts.Database = "nowhere" }, fault.BadConfig},
		{"no owner", false, func(a *account) { a.opts.OwnerRole = "nobody" }, fault.BadConfig},
		{"owner logs in", false, func(a *account) { a.Exec(t, "ALTER ROLE "+ident(a.opts.OwnerRole)+" LOGIN") }, fault.BadConfig},
		{"owner superuser", false, func(a *account) { a.Exec(t, "ALTER ROLE "+ident(a.opts.OwnerRole)+" SUPERUSER") }, fault.BadConfig},
		{"no createrole", true, func(a *account) { a.Exec(t, "ALTER ROLE "+ident(a.admin)+" NOCREATEROLE") }, fault.Denied},
		{"no signal", true, func(a *account) { a.Exec(t, "REVOKE pg_signal_backend FROM "+ident(a.admin)) }, fault.Denied},
		{"no statistics", true, func(a *account) { a.Exec(t, "REVOKE pg_read_all_stats FROM "+ident(a.admin)) }, fault.Denied},
		{"admin is a role", true, func(a *account) { a.opts.Roles[0] = a.admin }, fault.BadConfig},
		{"admin locked out", true, func(a *account) { a.Exec(t, "ALTER ROLE "+ident(a.admin)+" NOLOGIN") }, fault.Denied},
		{"slot superuser", false, func(a *account) { a.Exec(t, "CREATE ROLE "+ident(a.opts.Roles[0])+" SUPERUSER") }, fault.BadConfig},
		{"slot bypassrls", false, func(a *account) { a.Exec(t, "CREATE ROLE "+ident(a.opts.Roles[0])+" BYPASSRLS") }, fault.BadConfig},
		{"slot owns", false, func(a *account) {
			a.Exec(t, "CREATE ROLE "+ident(a.opts.Roles[0]), "CREATE SCHEMA "+ident(a.mark+"s")+" AUTHORIZATION "+ident(a.opts.Roles[0]))
		}, fault.BadConfig},
		{"slot in use", false, func(a *account) {
			v := provider.Issued{Values: secret.Set{"username": secret.Public(a.opts.Roles[0]), "password": secret.New("x")}}
			a.Exec(t, "CREATE ROLE "+ident(a.opts.Roles[0])+" LOGIN PASSWORD 'x'")
			a.connect(t, v)
			a.Exec(t, "ALTER ROLE "+ident(a.opts.Roles[0])+" NOLOGIN")
		}, fault.NeedsPerson},
		{"pooler not there", false, func(a *account) { a.opts.VerifyAddress = "127.0.0.1:1" }, fault.Transient},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := accountIn(t, db, rotation.Alternate, c.least)
			c.spoil(a)
			err := a.open(t, "").Preflight(t.Context(), provider.Request{Label: "i1-e1-db-1-1"})
			switch {
			case c.expect == fault.Unknown && err != nil:
				t.Error(err)
			case c.expect != fault.Unknown && (err == nil || fault.KindOf(err) != c.expect):
				t.Errorf("kind %s, want %s: %v", fault.KindOf(err), c.expect, err)
			case c.expect != fault.Unknown && c.expect != fault.Transient && fault.HintOf(err) == "":
				t.Errorf("no hint: %v", err)
			}
		})
	}
}

func TestPreflightInPlace(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, false)
	if err := a.open(t, "").Preflight(t.Context(), provider.Request{}); err != nil {
		t.Error(err) // that the role owns its table is all right here
	}
	a.opts.Role = a.mark + "missing"
	if err := a.open(t, "").Preflight(t.Context(), provider.Request{}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("a role that does not exist: %v", err)
	}
	if _, err := a.open(t, "").Issue(t.Context(), provider.Request{Values: made(t, a)}); fault.KindOf(err) != fault.BadConfig || err == nil {
		t.Errorf("Issue for a role that does not exist: %v", err)
	}
}

func made(t *testing.T, a *account) secret.Set {
	t.Helper()
	values, err := a.open(t, "").Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// TestTrustIsDetected: where the server lets everybody in, any password "works".
func TestTrustIsDetected(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "rotor-hba-") // not t.TempDir: the server's account must get in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	hba := filepath.Join(dir, "pg_hba.conf")
	rules := "host all postgres 127.0.0.1/32 scram-sha-256\nhost all blocked_a,blocked_b 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\n"
	if os.Chmod(dir, 0o755) != nil || os.WriteFile(hba, []byte(rules), 0o644) != nil {
		t.Fatal("cannot write pg_hba.conf")
	}
	server := testserver.OwnPostgres(t, localserver.PostgresOptions{Settings: map[string]string{"hba_file": hba}})
	if err := server.Exec(t.Context(), "postgres", "CREATE ROLE app_owner NOLOGIN", "GRANT ALL ON SCHEMA public TO app_owner"); err != nil {
		t.Fatal(err)
	}
	open := func(a, b string) *postgres.Provider {
		p, err := postgres.New(postgres.Options{Database: "postgres", OwnerRole: "app_owner", Roles: []string{a, b}},
			secret.Fixed(secret.New(server.DSN("postgres", "", ""))))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	trusted := open("app_a", "app_b")
	for _, state := range []string{"before the role exists", "when it exists"} {
		if err := trusted.Preflight(t.Context(), provider.Request{}); err == nil || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("Preflight %s: %v", state, err)
		}
		if err := server.Exec(t.Context(), "postgres", "CREATE ROLE app_a LOGIN IN ROLE app_owner"); err != nil && state == "before the role exists" {
			t.Fatal(err)
		}
	}
	v := provider.Issued{Values: secret.Set{"username": secret.Public("app_a"), "password": secret.New("anything")}}
	if err := trusted.Verify(t.Context(), v); err == nil || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Verify: %v", err)
	}
	if live, err := trusted.Probe(t.Context(), v); live != provider.NotKnown || err == nil {
		t.Errorf("Probe: %s, %v", live, err)
	}
	rejectedByRule(t, open("blocked_a", "blocked_b"))
}

// rejectedByRule: 28000 because of pg_hba.conf is no proof that a login is dead.
func rejectedByRule(t *testing.T, p *postgres.Provider) {
	t.Helper()
	if err := p.Preflight(t.Context(), provider.Request{}); err == nil || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Preflight of a role that pg_hba.conf rejects: %v", err)
	}
	v := provider.Issued{Values: secret.Set{"username": secret.Public("blocked_a"), "password": secret.New("anything")}}
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Probe of a role that pg_hba.conf rejects: %s, %v", live, err)
	}
}

// TestVerifyFindsMissingRights: the login works in all these cases.
func TestVerifyFindsMissingRights(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	for _, c := range []struct {
		name   string
		spoil  func(a *account) string
		expect fault.Kind
		live   provider.Liveness
	}{
		{"no member of the owner", func(a *account) string {
			return "REVOKE " + ident(a.opts.OwnerRole) + " FROM " + ident(a.opts.Roles[0])
		}, fault.Denied, provider.Restricted},
		{"does not act as the owner", func(a *account) string {
			return "ALTER ROLE " + ident(a.opts.Roles[0]) + " IN DATABASE " + ident(a.Name) + " RESET role"
		}, fault.Denied, provider.Restricted},
		{"no table may be made", func(a *account) string {
			return "REVOKE CREATE ON SCHEMA public FROM PUBLIC, " + ident(a.opts.OwnerRole)
		}, fault.Denied, provider.Alive},
		{"the sequence is closed", func(a *account) string {
			return "ALTER TABLE " + ident(a.mark+"orders") + " OWNER TO postgres; GRANT INSERT ON " + ident(a.mark+"orders") + " TO " + ident(a.opts.OwnerRole)
		}, fault.Denied, provider.Alive},
		{"the table is gone", func(a *account) string { return "DROP TABLE " + ident(a.mark+"orders") }, fault.BadConfig, provider.Alive},
		{"no connect right", func(a *account) string {
			return fmt.Sprintf("REVOKE CONNECT ON DATABASE %s FROM PUBLIC", ident(a.Name))
		}, fault.Denied, provider.Restricted},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := accountIn(t, db, rotation.Alternate, false)
			p := a.open(t, "")
			v := rotate(t, p, provider.Issued{})
			exec(t, a, c.spoil(a))
			if err := p.Verify(t.Context(), v); err == nil || fault.KindOf(err) != c.expect {
				t.Errorf("Verify: kind %s, want %s: %v", fault.KindOf(err), c.expect, err)
			} else {
				t.Log(err, "-", fault.HintOf(err))
			}
			if live, err := p.Probe(t.Context(), v); live != c.live {
				t.Errorf("Probe: %s (%v), want %s", live, err, c.live)
			}
			left := a.query(t, "SELECT typname FROM pg_type WHERE typname LIKE '%rotor\\_verify%'")
			if len(left) > 0 {
				t.Errorf("Verify left %v behind", left)
			}
		})
	}
}

// exec runs statements that stand in one text.
func exec(t *testing.T, a *account, sql string) {
	t.Helper()
	conn := a.connect(t, provider.Issued{Values: secret.Set{"username": secret.Public(a.User), "password": secret.New(a.Password)}})
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
}

// TestLesserProofs: a login without DDL rights, and one that may only read.
func TestLesserProofs(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	a.Exec(t, "REVOKE ALL ON SCHEMA public FROM "+ident(a.opts.OwnerRole), "GRANT USAGE ON SCHEMA public TO "+ident(a.opts.OwnerRole))
	a.opts.Rights = "table"
	first := rotate(t, a.open(t, ""), provider.Issued{})
	a.opts.Rights, a.opts.VerifyTable = "login", ""
	rotate(t, a.open(t, ""), first)
}
