package grafana_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/grafana"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refused and gone are Grafana's answers about a token that is dead, in current versions
// and in 9.x.
var (
	refused    = providertest.Reply{Status: 401, Body: `{"message":"Invalid API key","messageId":"api-key.invalid","statusCode":401,"traceID":""}`}
	gone       = providertest.Reply{Status: 404, Body: `{"message":"service account token not found","messageId":"serviceaccounts.ErrTokenNotFound","statusCode":404,"traceID":""}`}
	refusedOld = providertest.Reply{Status: 401, Body: `{"message":"invalid API key"}`}
	goneOld    = providertest.Reply{Status: 404, Body: `{"message":"Failed to delete service account token"}`}
)

// account is a Grafana and what Rotor is told of it.
type account struct {
	*double.Double
	opts    grafana.Options
	version string
	url     string // where it is served
	place   string // as handles name it, since it was opened
}

func newAccount(o double.Options, opts grafana.Options) *account {
	a := &account{Double: double.New(o), opts: opts, version: o.Version}
	for _, name := range []string{"backend-old", "the backend"} { // parts of names are found too
		a.Account(name, "Viewer")
	}
	id := a.Account("backend", "Editor")
	a.opts.RequestsPerSecond = 1e6
	if a.opts.ServiceAccount == "" {
		a.opts.ServiceAccountID = id
	}
	return a
}

// open gives the provider.
func (a *account) open(t testing.TB, url string) *grafana.Provider {
	t.Helper()
	opts, admin := a.opts, a.AdminToken
	opts.BaseURL = url
	a.place = strings.TrimPrefix(url, "http://")
	if opts.AdminUser != "" {
		admin = a.AdminPassword
	}
	p, err := grafana.New(opts, secret.Fixed(secret.New(admin)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// handle of what the double calls so: ACCOUNT/TOKEN, or key/ID.
func (a *account) handle(id string) rotation.Handle { return rotation.Handle{ID: a.place + "/" + id} }

// id is that of the account that the tokens belong to.
func (a *account) id() int64 {
	if a.opts.ServiceAccountID != 0 {
		return a.opts.ServiceAccountID
	}
	return 5 // after the administrator, its token, and two others
}

// subject is the account as the exam wants it. handler stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler) providertest.Subject {
	line := providertest.NewLine(t, handler)
	open := func() provider.Provider { return a.open(t, line.URL) }
	dead, absent := refused, gone
	if strings.HasPrefix(a.version, "9.") {
		dead, absent = refusedOld, goneOld
	}
	handles := func(ids ...string) (out []rotation.Handle) {
		for _, id := range ids {
			out = append(out, a.handle(id))
		}
		return out
	}
	return providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.AdminToken), secret.New(a.AdminPassword)},
		Break: line.Break, HTTP: line.HTTP(dead, absent), Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(time.Minute) },
		Live:    func(context.Context) ([]rotation.Handle, error) { return handles(a.Live()...), nil },
		Stranger: func(context.Context) (rotation.Handle, error) {
			a.Token(a.id(), "by-hand")
			live := a.Live()
			return a.handle(live[len(live)-1]), nil
		},
		Namesake: func(_ context.Context, label string) (rotation.Handle, error) { // names are unique in an organisation only
			a.Token(a.AccountIn(2, "theirs", "Editor"), label)
			live := a.Live()
			return a.handle(live[len(live)-1]), nil
		},
		Impostor: func(context.Context) (secret.Set, error) { return value(a.impostor()), nil },
	}
}

// impostor is a token of another account, or of another organisation where the version
// does not tell accounts apart.
func (a *account) impostor() string {
	org := int64(1)
	if strings.HasPrefix(a.version, "10.4") {
		org = 2
	}
	return a.Token(a.AccountIn(org, "other", "Editor"), "other").Value
}

func value(text string) secret.Set { return secret.Set{"token": secret.New(text)} }
