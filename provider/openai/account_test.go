package openai_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refused is the vendor's answer to a key that is dead.
var (
	refused = providertest.Reply{Status: 401, Body: `{"error":{"message":"Incorrect API key provided: double-x.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`}
	gone    = providertest.Reply{Status: 404, Body: `{"error":{"message":"No such API key","type":"invalid_request_error","param":null,"code":null}}`}
)

// account is an organisation and what Rotor is told of it.
type account struct {
	*double.Double
	opts openai.Options
}

func newAccount(o double.Options, opts openai.Options) *account {
	a := &account{Double: double.New(o), opts: opts}
	a.opts.AdminKey, a.opts.RequestsPerSecond = "env:OPENAI_ADMIN_KEY", 1e6
	if opts.Kind == "" {
		a.opts.Project = a.Project
	}
	if opts.ServiceAccount != "" {
		a.opts.ServiceAccount = a.Account(opts.ServiceAccount)
	}
	return a
}

// open gives the provider.
func (a *account) open(t testing.TB, url string) *openai.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL = url + "/v1"
	p, err := openai.New(opts, secret.Fixed(secret.New(a.AdminKey)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func handles(ids []string) []rotation.Handle {
	var out []rotation.Handle
	for _, id := range ids {
		out = append(out, rotation.Handle{ID: id})
	}
	return out
}

// subject is the account as the exam wants it. Watch stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler) providertest.Subject {
	line := providertest.NewLine(t, handler)
	open := func() provider.Provider { return a.open(t, line.URL) }
	s := providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.AdminKey)},
		Break: line.Break, HTTP: line.HTTP(refused, gone), PageSize: 100,
		Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(time.Minute) },
	}
	a.people(&s)
	return s
}

// people are the others who have keys in the same place.
func (a *account) people(s *providertest.Subject) {
	if a.opts.Kind == "admin" {
		s.Live = func(context.Context) ([]rotation.Handle, error) { return handles(a.Admins()), nil }
		s.Stranger = func(ctx context.Context) (rotation.Handle, error) {
			return rotation.Handle{ID: a.Admin("by-hand").ID}, nil
		}
		s.Namesake = func(_ context.Context, label string) (rotation.Handle, error) {
			return rotation.Handle{ID: a.Admin(label).ID}, nil
		}
		s.Impostor = func(context.Context) (secret.Set, error) { return value(a.Admin("other").Value), nil }
		return
	}
	s.Live = func(context.Context) ([]rotation.Handle, error) { return a.live(), nil }
	s.Stranger = func(context.Context) (rotation.Handle, error) {
		return rotation.Handle{ID: a.Person("by-hand", true).ID}, nil
	}
	s.Namesake = func(_ context.Context, label string) (rotation.Handle, error) {
		return rotation.Handle{ID: a.Person(label, false).ID}, nil
	}
	s.Impostor = func(context.Context) (secret.Set, error) { return value(a.Foreign()), nil }
}

// live names each key as the provider does.
func (a *account) live() []rotation.Handle {
	out := handles(a.Live())
	for i, h := range out {
		if owner := a.Owner(h.ID); rotation.IsLabel(a.AccountName(owner)) {
			out[i].ID = owner + "/" + h.ID
		}
	}
	return out
}

func value(text string) secret.Set { return secret.Set{"api_key": secret.New(text)} }
