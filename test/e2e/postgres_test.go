package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider/postgres"
)

// logins is a database as the guide tells people to set it up: an owner that
// never logs in, two logins that take turns, and an admin that is no superuser.
type logins struct {
	*testserver.Database
	owner, a, b, admin string
	adminPassword      string
}

func newLogins(t testing.TB, first string) *logins {
	t.Helper()
	db := testserver.Postgres(t)
	l := &logins{Database: db, owner: db.Role("owner"), a: db.Role("a"), b: db.Role("b"), admin: db.Role("admin"),
		adminPassword: rand.Text()}
	o := postgres.Options{OwnerRole: l.owner, Roles: []string{l.a, l.b}}
	var statements []string
	for _, line := range strings.Split(postgres.Grants(o, l.admin), "\n") {
		if line != "" && !strings.HasPrefix(line, "--") {
			statements = append(statements, strings.TrimSuffix(line, ";"))
		}
	}
	statements = append(statements,
		fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", l.admin, verifier(l.adminPassword)),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' IN ROLE %s", l.a, verifier(first), l.owner),
		fmt.Sprintf("CREATE ROLE %s NOLOGIN IN ROLE %s", l.b, l.owner),
		fmt.Sprintf("GRANT ALL ON SCHEMA public TO %s", l.owner),
	)
	for _, role := range []string{l.a, l.b} {
		statements = append(statements,
			fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET role TO '%s'", role, l.Name, l.owner),
			fmt.Sprintf("DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN GRANT %s TO %s WITH ADMIN OPTION; END IF; END $$", role, l.admin))
	}
	l.Exec(t, append(statements, "SET ROLE "+l.owner, service.Schema)...)
	t.Cleanup(func() { // else the role cannot be dropped
		_ = l.Postgres.Exec(context.Background(), l.Name, "DROP OWNED BY "+l.admin)
	})
	return l
}

// verifier is what a server stores of a password; the plain text must not be in
// its log, or the search for leaks would find it there.
func verifier(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, 4096, 32)
	if err != nil {
		panic(err)
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return "SCRAM-SHA-256$4096:" + b64(salt) + "$" + b64(stored[:]) + ":" + b64(mac(salted, "Server Key"))
}

func (l *logins) adminURL() string { return l.URL(l.admin, l.adminPassword) }

// try logs in and says how that went: "" or an SQLSTATE.
func (l *logins) try(t testing.TB, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	defer conn.Close(context.Background())
	var current string
	if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&current); err != nil || current != l.owner {
		t.Errorf("after the login current_user is %q (%v), want %s", current, err, l.owner)
	}
	if _, err := conn.Exec(t.Context(), "INSERT INTO work (instance) VALUES ('test')"); err != nil {
		t.Errorf("INSERT: %v", err)
	}
	return ""
}

// ask runs a query as superuser.
func (l *logins) ask(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), l.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql, args...)
	if err == nil {
		var out []string
		if out, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return out
		}
	}
	t.Fatal(err)
	return nil
}

// mayLogIn lists which of the two logins are open.
func (l *logins) mayLogIn(t testing.TB) []string {
	t.Helper()
	return l.ask(t, "SELECT rolname FROM pg_roles WHERE rolname IN ($1, $2) AND rolcanlogin ORDER BY 1", l.a, l.b)
}

func (l *logins) sessions(t testing.TB, role string) int {
	t.Helper()
	return len(l.ask(t, "SELECT pid::text FROM pg_stat_activity WHERE usename = $1", role))
}

// shape is what a rotation must leave as it is: owners and the number of roles.
func (l *logins) shape(t testing.TB) string {
	t.Helper()
	owners := l.ask(t, `SELECT c.relname || ' ' || r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
		WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1`)
	roles := l.ask(t, "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY 1", l.Prefix)
	return strings.Join(owners, ", ") + "; " + strings.Join(roles, ", ")
}

// all is everything that a rotation which did nothing leaves untouched.
func (l *logins) all(t testing.TB) string {
	t.Helper()
	return l.shape(t) + "; " + strings.Join(l.ask(t, `SELECT concat_ws(' ', rolname, rolcanlogin, rolpassword, rolvaliduntil, rolconnlimit)
		FROM pg_authid WHERE starts_with(rolname, $1) ORDER BY 1`, l.Prefix), ", ")
}
