package neon_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	double "github.com/agenticverz/rotor/doubles/neon"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/neon"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

const app = "app"

// account is a double with a login, and the way to it.
type account struct {
	*double.Double
	opts neon.Options
}

// newAccount has the role app on the main branch, served over HTTP; logins go to the
// double itself.
func newAccount(t testing.TB, o double.Options) *account {
	t.Helper()
	d := double.New(o)
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	wire := d.Plane().(*double.Wire)
	t.Cleanup(func() { wire.Close() })
	a := &account{Double: d}
	d.Role(d.Main(), app)
	host, err := wire.Address(d.Main())
	if err != nil {
		t.Fatal(err)
	}
	a.opts = neon.Options{APIKey: "env:NEON_API_KEY", Project: d.Project, Branch: d.Main(), Role: app, Database: "db",
		Host: host, BaseURL: server.URL + "/api/v2"}
	return a
}

func (a *account) open(t testing.TB) *neon.Provider {
	t.Helper()
	p, err := neon.New(a.opts, secret.Fixed(secret.New(a.Key)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// realAccount has its logins on a real server.
func realAccount(t testing.TB, db *testserver.Database, o double.Options) (a *account, address string) {
	t.Helper()
	o.Plane = &postgres{t: t, db: db}
	d := double.New(o)
	role := db.Role(strings.ToLower(rand.Text()[:6]))
	d.Role(d.Main(), role)
	return &account{Double: d, opts: neon.Options{APIKey: "env:NEON_API_KEY", Project: d.Project, Branch: d.Main(), Role: role, Database: db.Name}},
		net.JoinHostPort("127.0.0.1", strconv.Itoa(db.Port))
}

// watched is the provider, and remembers whether a value of its own lives: the role
// itself is always there.
type watched struct {
	*neon.Provider
	lives *bool
}

func (w watched) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	v, err := w.Provider.Issue(ctx, req)
	*w.lives = *w.lives || err == nil || fault.KindOf(err).MayHaveHappened()
	return v, err
}

func (w watched) Revoke(ctx context.Context, h rotation.Handle) error {
	err := w.Provider.Revoke(ctx, h)
	*w.lives = *w.lives && err != nil
	return err
}

// live lists the roles as handles would name them.
func (w watched) live(a *account) func(context.Context) ([]rotation.Handle, error) {
	return func(ctx context.Context) ([]rotation.Handle, error) {
		var out []rotation.Handle
		for _, name := range a.Roles(a.Main()) {
			if name != a.opts.Role {
				out = append(out, rotation.Handle{ID: "stranger/" + name})
			}
		}
		if !*w.lives {
			return out, nil
		}
		v, err := w.Reveal(ctx, rotation.Handle{})
		return append(out, v.Handle), err
	}
}

func rotate(t testing.TB, p *neon.Provider) provider.Issued {
	t.Helper()
	v, err := p.Issue(t.Context(), provider.Request{Label: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// postgres is a Plane with a real server behind it: the main branch's role is a real
// login whose password changes when the operation is finished. Other branches have
// roles of their own there.
type postgres struct {
	t    testing.TB
	db   *testserver.Database
	mu   sync.Mutex
	main string
}

// login is the PostgreSQL role of a branch's role.
func (p *postgres) login(branch, role string) string {
	if branch == p.main {
		return role
	}
	return p.db.Role(strings.ReplaceAll(branch, "-", "_") + "_x")
}

// Set implements the double's Plane.
func (p *postgres) Set(branch, role, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.main == "" {
		p.main = branch
	}
	login := pgx.Identifier{p.login(branch, role)}.Sanitize()
	p.db.Exec(p.t,
		"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '"+p.login(branch, role)+"') THEN CREATE ROLE "+login+" LOGIN; END IF; END $do$",
		"ALTER ROLE "+login+" LOGIN PASSWORD '"+password+"'",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+p.login(branch, role)+"'")
}

// Drop implements the double's Plane.
func (p *postgres) Drop(string) {}

// sitter is an account as the exam wants it.
func sitter(t testing.TB, a *account, address string) providertest.Subject {
	line := providertest.NewLine(t, a.Double)
	pipe := providertest.NewPipe(t, address)
	a.opts.BaseURL, a.opts.Host = line.URL+"/api/v2", pipe.Address()
	http := line.HTTP(providertest.Reply{}, providertest.Reply{Status: 404, Body: `{"code":"","message":"role not found","request_id":"r"}`})
	http.Elsewhere = "a login over SQL"
	// somebody else's living login: another role's
	impostor := func(context.Context) (secret.Set, error) {
		other := a.opts.Role + "_impostor"
		word := a.Role(a.Main(), other)
		return secret.Set{"username": secret.Public(other), "password": secret.New(word)}, nil
	}
	lives := false
	open := func() watched { return watched{a.open(t), &lives} }
	return providertest.Subject{
		Provider: open(), Again: func() provider.Provider { return open() },
		Secrets: []secret.Value{secret.New(a.Key)}, Live: open().live(a),
		Stranger: func(context.Context) (rotation.Handle, error) {
			other := a.opts.Role + "_other"
			a.Role(a.Main(), other)
			return rotation.Handle{ID: "stranger/" + other}, nil
		},
		Pass:    func(d time.Duration) { a.Clock.Advance(d); a.Settle() },
		Settled: a.Settle, Break: providertest.BreakAll(line.Break, pipe.Break), HTTP: http, Impostor: impostor,
	}
}

// TestExam: with logins to the double, and with a real PostgreSQL behind it, where a
// reset really changes the password when its operation is finished. The double also goes
// through rotations that are killed at every step, or get no answer.
func TestExam(t *testing.T) {
	t.Run("double", func(t *testing.T) {
		t.Parallel()
		setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
			a := newAccount(t, double.Options{Polls: 2})
			return sitter(t, a, a.opts.Host)
		}}
		providertest.Run(t, setup)
		t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
	})
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		db := testserver.Postgres(t)
		setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
			a, address := realAccount(t, db, double.Options{Polls: 2})
			return sitter(t, a, address)
		}}
		providertest.Run(t, setup)
	})
}
