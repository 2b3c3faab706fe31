package clerk_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/clerk"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/clerk"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var gone = providertest.Reply{Status: 404, Body: `{"errors":[{"message":"not found","long_message":"not found","code":"resource_not_found"}]}`}

// refusal is how the double answers to a key that is dead.
func refusal(o double.Options) providertest.Reply {
	code := o.DeadCode
	if code == "" {
		code = "clerk_key_invalid"
	}
	return providertest.Reply{Status: 401, Body: `{"errors":[{"message":"The provided Clerk Secret Key is invalid.","long_message":"x","code":"` + code + `"}],"clerk_trace_id":"x"}`}
}

// account is an application and what Rotor is told of it.
type account struct {
	*double.Double
	of    double.Holder
	token string // the management credential; "" = there is none
	opts  clerk.Options
}

// newAccount fills in the ids of the double.
func newAccount(o double.Options, opts clerk.Options) *account {
	a := &account{Double: double.New(o), opts: opts, of: double.Instance}
	a.opts.RequestsPerSecond = 1e6
	switch opts.Kind {
	case "oauth-client-secret":
		a.of, a.token, a.opts.SecretKey, a.opts.OAuthApplication = double.App, a.Value(double.Instance), "env:CLERK_SECRET_KEY", a.ID(double.App)
	case "machine-secret-key":
		a.of, a.token, a.opts.SecretKey, a.opts.Machine = double.Machine, a.Value(double.Instance), "env:CLERK_SECRET_KEY", a.ID(double.Machine)
	default:
		if opts.Instance == "" {
			a.opts.Instance = a.ID(double.Instance)
		}
		if opts.PlatformToken != "" {
			a.token, a.opts.Application = a.PlatformToken, a.Application
		}
	}
	return a
}

// byHand says whether a person makes the values.
func (a *account) byHand() bool { return a.token == "" }

// open gives the provider.
func (a *account) open(t testing.TB, url string) provider.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL = url + "/v1"
	var source secret.Source
	if a.token != "" {
		source = secret.Fixed(secret.New(a.token))
	}
	p, err := clerk.New(opts, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(interface{ Close() error }).Close() })
	return p
}

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) provider.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

func (a *account) field() string {
	if a.of == double.App {
		return "client_secret"
	}
	return "secret_key"
}

func (a *account) value(text string) secret.Set {
	return secret.Set{a.field(): secret.New(text)}
}

// subject is the account as the exam wants it. The handler stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler, refusal providertest.Reply) providertest.Subject {
	line := providertest.NewLine(t, handler)
	line.Changes = func(r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/rotate_secret") || strings.HasSuffix(r.URL.Path, "/rotate")
	}
	open := func() provider.Provider { return a.open(t, line.URL) }
	s := providertest.Subject{
		Provider: open(), Again: open, Break: line.Break, HTTP: line.HTTP(refusal, gone),
		Pass: a.Clock.Advance, Settled: func() { a.Clock.Advance(time.Minute) },
		Impostor: func(context.Context) (secret.Set, error) { return a.value(a.Foreign(a.of)), nil },
	}
	if a.token != "" {
		s.Secrets = []secret.Value{secret.New(a.token)}
	}
	if a.token != "" && a.of != double.App && a.opts.Strategy != rotation.InPlace { // in place it is published first
		s.Flap = func() { a.Flap(true) }
	}
	if a.byHand() {
		s.Supply = func() secret.Set { return a.value(a.Dashboard().Value) }
	}
	if a.of == double.App {
		s.HTTP.Elsewhere = "the token endpoint of the instance"
	}
	if a.of != double.App && a.opts.Strategy != rotation.InPlace { // in place there is one at all times
		s.Live = func(context.Context) ([]rotation.Handle, error) {
			out := make([]rotation.Handle, a.Made(a.of))
			for i := range out {
				out[i] = rotation.Handle{ID: a.ID(a.of)}
			}
			return out, nil
		}
	}
	return s
}
