package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestAlternatesForGenerations: the roles take turns, objects belong to the owner
// whoever made them, and the old sessions end.
func TestAlternatesForGenerations(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	p := a.open(t, "")
	var old provider.Issued
	for n := range 5 {
		v := rotate(t, p, old)
		if want := a.opts.Roles[n%2]; v.Handle.Slot != want {
			t.Fatalf("generation %d is role %s, want %s", n+1, v.Handle.Slot, want)
		}
		conn := a.connect(t, v)
		if n == 0 {
			mustExec(t, conn, "CREATE TABLE made (n int)")
		} else {
			mustExec(t, conn, "ALTER TABLE made ADD COLUMN c"+string(rune('0'+n))+" int")
			before := a.connect(t, old)
			if err := p.Revoke(t.Context(), old.Handle); err != nil {
				t.Fatal(err)
			}
			if _, err := before.Exec(t.Context(), "SELECT 1"); err == nil {
				t.Error("a session of the old login outlived Revoke")
			}
			if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
				t.Errorf("the old value is %s (%v)", live, err)
			}
		}
		mustExec(t, conn, "INSERT INTO made DEFAULT VALUES") // the new session is untouched
		old = v
	}
	if got := a.query(t, "SELECT tableowner FROM pg_tables WHERE tablename = 'made'"); got[0] != a.opts.OwnerRole {
		t.Errorf("the table belongs to %s", got[0])
	}
}

func mustExec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestHundredsOfRotationsLeaveNothing: no role, setting or membership piles up.
func TestHundredsOfRotationsLeaveNothing(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	count := func() string {
		return a.query(t, `SELECT (SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)) || ' roles, ' ||
			(SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE starts_with(rolname, $1)) || ' memberships, ' ||
			(SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE starts_with(rolname, $1)) || ' settings, ' ||
			(SELECT count(*) FROM pg_stat_activity WHERE starts_with(usename, $1)) || ' sessions'`, a.mark)[0]
	}
	var old provider.Issued
	var settled string
	for n := range 200 {
		req := provider.Request{Label: "i1-e1-db-1-1", Current: old.Handle}
		values, err := p.Make(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		req.Values = values
		v, err := p.Issue(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if err := p.Revoke(t.Context(), old.Handle); err != nil {
				t.Fatal(err)
			}
		}
		if old = v; n == 2 {
			settled = count()
		}
	}
	if now := count(); now != settled || !strings.HasPrefix(now, "3 roles, 2 memberships, 2 settings") {
		t.Errorf("after 200 rotations %s, after three %s", now, settled)
	}
}

func TestInPlaceKeepsSessionsAndRefusesTheOldPassword(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, true)
	p := a.open(t, "")
	old := rotate(t, p, provider.Issued{})
	session := a.connect(t, old)
	v := rotate(t, p, old)
	if v.Handle != old.Handle || !v.Handle.Shares(old.Handle) {
		t.Errorf("handles %v and %v; in-place they are the same role", old.Handle, v.Handle)
	}
	mustExec(t, session, "SELECT 1")
	if live, _ := p.Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("the old password is %s", live)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.Alive {
		t.Errorf("the new password is %s (%v)", live, err)
	}
}

func TestUsageNamesTheSessions(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || !u.Known || u.Active != 0 {
		t.Errorf("without sessions: %+v, %v", u, err)
	}
	a.connect(t, v)
	conn := a.connect(t, v)
	mustExec(t, conn, "SET application_name = 'worker'")
	u, err := p.Usage(t.Context(), v.Handle)
	if err != nil || u.Active != 2 || u.LastUsed.IsZero() || strings.Join(u.Who, "; ") != "unnamed from 127.0.0.1; worker from 127.0.0.1" {
		t.Errorf("with two sessions: %+v, %v", u, err)
	}
	if u, err = p.Usage(t.Context(), rotation.Handle{ID: "10"}); err != nil || slices.Contains(u.Who, "unnamed from the server itself") {
		t.Errorf("the server's own workers are nobody's use: %+v, %v", u, err)
	}
	a.Exec(t, "REVOKE pg_read_all_stats FROM "+ident(a.admin))
	if u, err := a.open(t, "").Usage(t.Context(), v.Handle); err != nil || u.Known {
		t.Errorf("without the right to see: %+v, %v", u, err)
	}
}

// TestReservedCharacters: names that break careless quoting.
func TestReservedCharacters(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	for _, odd := range []string{`a"b`, "a'b", `a\b`, "SELECT", "a b;c", "ä-ö", "$1", `x' || pg_sleep(9) --`, "%s"} {
		opts := a.opts
		opts.OwnerRole, opts.Roles = a.mark+"own"+odd, []string{a.mark + "1" + odd, a.mark + "2" + odd}
		opts.VerifyTable = ""
		a.Exec(t, "CREATE ROLE "+ident(opts.OwnerRole)+" NOLOGIN", "GRANT ALL ON SCHEMA public TO "+ident(opts.OwnerRole))
		p, err := postgres.New(opts, secret.Fixed(secret.New(a.url(""))))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Errorf("%s: Preflight: %v", odd, err)
		}
		first := rotate(t, p, provider.Issued{})
		second := rotate(t, p, first)
		if err := p.Revoke(t.Context(), first.Handle); err != nil {
			t.Errorf("%s: Revoke: %v", odd, err)
		}
		if live, err := p.Probe(t.Context(), second); live != provider.Alive {
			t.Errorf("%s: %s (%v)", odd, live, err)
		}
	}
}

// TestDatabaseWithReservedCharacters: its name is quoted by us too.
func TestDatabaseWithReservedCharacters(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	odd := a.Prefix + `odd "db" ' \ name`
	if err := a.Postgres.Exec(t.Context(), "postgres", "CREATE DATABASE "+ident(odd)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Postgres.Exec(context.Background(), "postgres", "DROP DATABASE "+ident(odd)+" WITH (FORCE)")
	})
	if err := a.Postgres.Exec(t.Context(), odd, "GRANT ALL ON SCHEMA public TO "+ident(a.opts.OwnerRole)); err != nil {
		t.Fatal(err)
	}
	a.opts.Database, a.opts.VerifyTable = odd, ""
	rotate(t, a.open(t, ""), provider.Issued{})
}

// TestAdminConnectionIsRenewed: broken by the server, and moved by its reference.
func TestAdminConnectionIsRenewed(t *testing.T) {
	t.Parallel()
	db := testserver.Postgres(t)
	a, b := accountIn(t, db, rotation.Alternate, true), accountIn(t, db, rotation.Alternate, true)
	dsn := a.url("")
	p, err := postgres.New(a.opts, func(context.Context) (secret.Value, error) { return secret.New(dsn), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	sessions := func(user string) int {
		return len(a.query(t, "SELECT pg_backend_pid()::text FROM pg_stat_activity WHERE usename = $1", user))
	}
	first := rotate(t, p, provider.Issued{})
	if n := sessions(a.admin); n != 1 {
		t.Fatalf("%d admin sessions, want one that is kept", n)
	}
	a.query(t, "SELECT pg_terminate_backend(pid, 2000)::text FROM pg_stat_activity WHERE usename = $1", a.admin)
	second := rotate(t, p, first)
	a.grantTo(t, b.admin, first.Handle.Slot)
	dsn = b.url("")
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	if sessions(b.admin) != 1 {
		t.Error("the changed reference was not followed")
	}
	if err := p.Verify(t.Context(), second); err != nil {
		t.Error(err)
	}
}
