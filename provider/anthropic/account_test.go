package anthropic_test

import (
	"context"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/anthropic"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/anthropic"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refused is the vendor's answer to a key that is dead.
var (
	refused = providertest.Reply{Status: 401, Body: `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}`}
	gone    = providertest.Reply{Status: 404, Body: `{"type":"error","error":{"type":"not_found_error","message":"API key not found"},"request_id":"req_1"}`}
)

// account is an organisation and what Rotor is told of it.
type account struct {
	*double.Double
	opts anthropic.Options
}

func newAccount(o double.Options, opts anthropic.Options) *account {
	a := &account{Double: double.New(o), opts: opts}
	a.opts.AdminKey, a.opts.RequestsPerSecond = "env:ANTHROPIC_ADMIN_KEY", 1e6
	if opts.Workspace == "" {
		a.opts.Workspace = a.Workspace
	}
	return a
}

// place is where the person makes keys.
func (a *account) place() string {
	if a.opts.Workspace == "default" {
		return ""
	}
	return a.Workspace
}

// open gives the provider.
func (a *account) open(t testing.TB, url string) *anthropic.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL = url
	p, err := anthropic.New(opts, secret.Fixed(secret.New(a.AdminKey)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// subject is the account as the exam wants it.
func (a *account) subject(t testing.TB) providertest.Subject {
	line := providertest.NewLine(t, a.Double)
	open := func() provider.Provider { return a.open(t, line.URL) }
	expires := time.Duration(a.opts.ExpiresDays) * 24 * time.Hour
	return providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.AdminKey)},
		Supply: func() secret.Set { return value(a.Mint("by a person", a.place(), expires).Value) },
		Break:  line.Break, HTTP: line.HTTP(refused, gone),
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
			return rotation.Handle{ID: a.Mint("a stranger's", "wrkspc_other", 0).ID}, nil
		},
		Namesake: func(context.Context, string) (rotation.Handle, error) {
			return rotation.Handle{ID: a.Mint("by a person", a.place(), 0).ID}, nil
		},
		Impostor: func(context.Context) (secret.Set, error) { return value(a.Mint("another", a.place(), 0).Value), nil },
	}
}

func value(text string) secret.Set { return secret.Set{"api_key": secret.New(text)} }
