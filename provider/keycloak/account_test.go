package keycloak_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refusals and absences are Keycloak's answers about a value that is dead, and about what
// it belongs to.
var (
	wrongPassword = providertest.Reply{Status: 401, Body: `{"error":"invalid_grant","error_description":"Invalid user credentials"}`}
	wrongSecret   = providertest.Reply{Status: 401, Body: `{"error":"invalid_client","error_description":"Invalid client or Invalid client credentials"}`}
	wrongOld      = providertest.Reply{Status: 401, Body: `{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}`}
	noUser        = providertest.Reply{Status: 404, Body: `{"error":"User not found"}`}
	noClient      = providertest.Reply{Status: 404, Body: `{"error":"Could not find client"}`}
)

const firstWord = "double-first-0123456789-Ab"

// account is a server and what Rotor is told of it.
type account struct {
	*double.Double
	opts  double.Options
	rotor keycloak.Options
	id    string // of the user or client
	admin func() string
}

// both is what every kind can do.
type both interface {
	provider.Provider
	provider.Prober
	provider.Preflighter
	provider.Identifier
	provider.Clock
	Close() error
}

func newAccount(o double.Options, opts keycloak.Options) *account {
	a := &account{Double: double.New(o), opts: o, rotor: opts}
	a.rotor.RequestsPerSecond = 1e6
	if opts.Realm == "" {
		a.rotor.Realm = "app"
	}
	a.admin = func() string { return a.AdminSecret }
	switch {
	case opts.AdminUser != "":
		a.admin = func() string { return a.AdminPassword }
	case opts.AdminClient == "":
		a.rotor.AdminClient = a.AdminClient
	}
	if opts.Kind == "user-password" {
		a.User("backend-old", "double-other-password", double.User{})
		a.id = a.User("backend", firstWord, double.User{})
		if opts.Username == "" {
			a.rotor.Username = "backend"
		}
		return a
	}
	if opts.Client == "" {
		a.rotor.Client = "api"
		a.id = a.Client("api", firstWord, double.Client{Account: true})
	}
	return a
}

func (a *account) open(t testing.TB, url string) both {
	t.Helper()
	opts := a.rotor
	opts.BaseURL = url + a.opts.Prefix
	p, err := keycloak.New(opts, func(context.Context) (secret.Value, error) { return secret.New(a.admin()), nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(both).Close() })
	return p.(both)
}

// serve opens the account over HTTP.
func serve(t testing.TB, a *account) both {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

// subject is the account as the exam wants it. handler stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler) providertest.Subject {
	line := providertest.NewLine(t, handler)
	line.Aside = aside
	line.Changes = func(r *http.Request) bool {
		return r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/protocol/openid-connect/")
	}
	open := func() provider.Provider { return a.open(t, line.URL) }
	s := providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.AdminPassword), secret.New(a.AdminSecret)},
		Break: line.Break, HTTP: line.HTTP(wrongPassword, noUser), Pass: a.Clock.Advance,
		Settled: func() { a.Clock.Advance(time.Minute) },
		Stranger: func(context.Context) (rotation.Handle, error) {
			return rotation.Handle{ID: "app/" + a.User("by-hand", "double-by-hand", double.User{})}, nil
		},
		Impostor: func(context.Context) (secret.Set, error) {
			a.User("impostor", "double-impostor-password", double.User{})
			return secret.Set{"username": secret.Public("impostor"), "password": secret.New("double-impostor-password")}, nil
		},
	}
	if a.rotor.Kind == "client-secret" {
		a.clients(&s, line)
	}
	return s
}

// aside: the administrator's login, which is in realm master, and what is only read.
func aside(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/realms/master/protocol/") || strings.Contains(r.URL.Path, "/admin/") && r.Method == http.MethodGet
}

func (a *account) clients(s *providertest.Subject, line *providertest.Line) {
	s.HTTP = line.HTTP(wrongSecret, noClient)
	if a.opts.Old {
		s.HTTP.Refusal = wrongOld
	}
	s.Stranger = func(context.Context) (rotation.Handle, error) {
		return rotation.Handle{ID: "app/" + a.Client("by-hand", "double-by-hand", double.Client{})}, nil
	}
	s.Impostor = func(context.Context) (secret.Set, error) {
		a.Client("impostor", "double-impostor-secret", double.Client{Account: true})
		return secret.Set{"client_id": secret.Public("impostor"), "client_secret": secret.New("double-impostor-secret")}, nil
	}
	if a.rotor.Strategy != rotation.Overlap {
		return
	}
	s.Stranger = nil             // Live is about one client
	first := a.Secrets("api")[0] // what was there before us comes and goes
	s.Live = func(context.Context) (out []rotation.Handle, err error) {
		for _, made := range a.Secrets("api") {
			if made != first {
				out = append(out, rotation.Handle{ID: fmt.Sprintf("app/%s/%d", a.id, made)})
			}
		}
		return out, nil
	}
	s.Impostor = func(context.Context) (secret.Set, error) { // the one before works as well
		return secret.Set{"client_id": secret.Public("api"), "client_secret": secret.New(a.Rotated("api"))}, nil
	}
}

// next issues a value as the engine does.
func next(t *testing.T, p both, old secret.Set) (provider.Issued, error) {
	t.Helper()
	req := provider.Request{Label: "rotor-test-e1-keycloak-g1-a1", Generation: 1, Old: old}
	if maker, ok := p.(provider.Maker); ok {
		var err error
		if req.Values, err = maker.Make(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	return p.Issue(t.Context(), req)
}
