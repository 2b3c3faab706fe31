package resend_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/resend"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/provider/resend"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var gone = providertest.Reply{Status: 404, Body: `{"statusCode":404,"name":"not_found","message":"API key not found"}`}

// account is a team and what Rotor is told of it.
type account struct {
	*double.Double
	opts resend.Options
}

func newAccount(o double.Options, opts resend.Options) *account {
	a := &account{Double: double.New(o), opts: opts}
	a.opts.APIKey, a.opts.RequestsPerSecond = "env:RESEND_ADMIN_KEY", 1e6
	return a
}

// open gives the provider.
func (a *account) open(t testing.TB, url string) *resend.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL = url
	p, err := resend.New(opts, secret.Fixed(secret.New(a.AdminKey)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) *resend.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

func value(text string) secret.Set { return secret.Set{"api_key": secret.New(text)} }

// subject is the account as the exam wants it. The handler stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler, refusal providertest.Reply) providertest.Subject {
	line := providertest.NewLine(t, handler)
	line.Changes = func(r *http.Request) bool { return r.Method != http.MethodGet && r.URL.Path != "/emails" }
	open := func() provider.Provider { return a.open(t, line.URL) }
	return providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.AdminKey)},
		Break: line.Break, HTTP: line.HTTP(refusal, gone), PageSize: 100,
		Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(time.Minute) },
		Live: func(context.Context) ([]rotation.Handle, error) {
			var out []rotation.Handle
			for _, id := range a.Live() {
				out = append(out, rotation.Handle{ID: id})
			}
			return out, nil
		},
		Stranger: func(context.Context) (rotation.Handle, error) {
			return rotation.Handle{ID: a.Key("by-hand", true, "").ID}, nil
		},
		Namesake: func(_ context.Context, label string) (rotation.Handle, error) {
			return rotation.Handle{ID: a.Key(label, true, "").ID}, nil
		},
		Impostor: func(context.Context) (secret.Set, error) { return value(a.impostor()), nil },
	}
}

// impostor is a living key that verify can tell from ours: of another team where keys
// may look around, of another domain where mail is sent, with other rights elsewhere.
func (a *account) impostor() string {
	switch {
	case a.opts.Permission == "full_access":
		return a.Foreign(false)
	case a.opts.VerifyMail != "":
		return a.Key("other", true, a.Domain("example.net", "verified")).Value
	}
	return a.Foreign(false)
}
