package postgres_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// account is a set of roles in a database; several share one.
type account struct {
	*testserver.Database
	mark  string // what the names of its roles begin with
	admin string // name of the administrative role
	word  string // its password
	opts  postgres.Options
}

var marks atomic.Int64

// newAccount makes a database and the roles.
func newAccount(t testing.TB, strategy rotation.Strategy, least bool) *account {
	t.Helper()
	return accountIn(t, testserver.Postgres(t), strategy, least)
}

// accountIn makes the roles. least: the admin has the documented grants and no more.
func accountIn(t testing.TB, db *testserver.Database, strategy rotation.Strategy, least bool) *account {
	t.Helper()
	mark := db.Role(fmt.Sprintf("%d-", marks.Add(1)))
	a := &account{Database: db, mark: mark, admin: db.User, word: db.Password, opts: postgres.Options{
		Database: db.Name, OwnerRole: mark + "owner", Strategy: strategy, VerifyTable: mark + "orders",
	}}
	owner := a.opts.OwnerRole
	if strategy == rotation.InPlace {
		a.opts.Role, a.opts.OwnerRole, owner = mark+"app", "", mark+"app"
		db.Exec(t, "CREATE ROLE "+ident(owner)+" LOGIN")
	} else {
		a.opts.Roles = []string{mark + "a", mark + "b"}
	}
	if least {
		a.admin, a.word = mark+"admin", secret.Random(32).Reveal()
		onlyOne.Lock() // grants on parameters fail when they meet their end
		db.Exec(t, statements(postgres.GrantsFor(a.opts, a.admin, version(t, db)))...)
		onlyOne.Unlock()
		db.Exec(t, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", ident(a.admin), a.word))
		t.Cleanup(func() {
			onlyOne.Lock()
			defer onlyOne.Unlock()
			if err := db.Postgres.Exec(context.Background(), db.Name, "DROP OWNED BY "+ident(a.admin)); err != nil {
				t.Log(err)
			}
		})
	} else if strategy == rotation.Alternate {
		db.Exec(t, "CREATE ROLE "+ident(owner)+" NOLOGIN")
	}
	db.Exec(t, "GRANT ALL ON SCHEMA public TO "+ident(owner),
		"CREATE TABLE "+ident(mark+"orders")+" (id serial, note text)", "ALTER TABLE "+ident(mark+"orders")+" OWNER TO "+ident(owner))
	return a
}

var onlyOne sync.Mutex

// version of the server under test.
func version(t testing.TB, db *testserver.Database) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	digits, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// url is the admin's connection string, by way of address if one is given.
func (a *account) url(address string) string {
	u, err := url.Parse(a.URL(a.admin, a.word))
	if err != nil {
		panic(err)
	}
	if address != "" {
		u.Host = address
	}
	return u.String()
}

func (a *account) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port)) }

func (a *account) open(t testing.TB, address string) *postgres.Provider {
	t.Helper()
	p, err := postgres.New(a.opts, secret.Fixed(secret.New(a.url(address))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// query runs one query as superuser and returns its first column.
func (a *account) query(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	out, err := a.column(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (a *account) column(ctx context.Context, sql string, args ...any) ([]string, error) {
	conn, err := pgx.Connect(ctx, a.URL("", ""))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// live lists the roles of the test that have a password and may use it.
func (a *account) live(ctx context.Context) ([]rotation.Handle, error) {
	rows, err := a.column(ctx, `SELECT oid::text || ' ' || rolname FROM pg_authid
		WHERE rolcanlogin AND rolpassword IS NOT NULL AND starts_with(rolname, $1) AND rolname <> $2 ORDER BY oid`, a.mark, a.admin)
	var out []rotation.Handle
	for _, row := range rows {
		oid, name, _ := strings.Cut(row, " ")
		out = append(out, rotation.Handle{ID: oid, Slot: name})
	}
	return out, err
}

// stranger makes a login that is nobody's business.
func (a *account) stranger(ctx context.Context) (rotation.Handle, error) {
	name := a.mark + "stranger"
	if err := a.Postgres.Exec(ctx, a.Name, "CREATE ROLE "+ident(name)+" LOGIN PASSWORD 'not-ours-at-all'"); err != nil {
		return rotation.Handle{}, err
	}
	oid, err := a.column(ctx, "SELECT oid::text FROM pg_roles WHERE rolname = $1", name)
	if err != nil {
		return rotation.Handle{}, err
	}
	return rotation.Handle{ID: oid[0], Slot: name}, nil
}

// rotate does generate and verify of one rotation.
func rotate(t testing.TB, p *postgres.Provider, current provider.Issued) provider.Issued {
	t.Helper()
	req := provider.Request{Label: "i1-e1-db-1-1", Current: current.Handle}
	values, err := p.Make(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Values = values
	v, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return v
}

// connect logs in as a value's user, by the ordinary way.
func (a *account) connect(t testing.TB, v provider.Issued) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), a.URL(v.Values["username"].Reveal(), v.Values["password"].Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (a *account) log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(a.LogPath())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// grantTo lets an administrator alter a role that it did not make, as the documents say
// for PostgreSQL 16 and newer.
func (a *account) grantTo(t testing.TB, admin, role string) {
	t.Helper()
	if version(t, a.Database) >= 16 {
		a.Exec(t, "GRANT "+ident(role)+" TO "+ident(admin)+" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
	}
}
