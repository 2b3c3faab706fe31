package r2_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/cloudflare"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/provider/r2"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// What Cloudflare answers to a key that is dead: S3 and the API, each in its form.
var (
	refused = providertest.Reply{Status: 401, Body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>Unauthorized</Code><Message>Unauthorized</Message></Error>`}
	gone    = providertest.Reply{Status: 404, Body: `{"success":false,"errors":[{"code":1003,"message":"API token not found"}],"messages":[],"result":null}`}
)

// account is an account of Cloudflare and what Rotor is told of it.
type account struct {
	*double.Double
	opts  r2.Options
	token string // that manages tokens
}

const bucket = "app-files"

func newAccount(o double.Options, opts r2.Options) *account {
	a := &account{Double: double.New(o), opts: opts}
	a.token, a.opts.AccountID, a.opts.RequestsPerSecond = a.Manage, a.Account, 1e6
	a.opts.Buckets = append([]string{bucket}, opts.Buckets...)
	for _, b := range a.opts.Buckets {
		a.Bucket(b, opts.Jurisdiction)
	}
	return a
}

// open gives the provider; api and s3 are addresses of the double.
func (a *account) open(t testing.TB, api, s3 string) *r2.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL, opts.S3Endpoint = api+"/client/v4", s3+"/s3"
	if opts.Jurisdiction != "" {
		opts.S3Endpoint += "-" + opts.Jurisdiction
	}
	p, err := r2.New(opts, secret.Fixed(secret.New(a.token)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// handle of a token, as the provider writes it.
func (a *account) handle(id string) rotation.Handle {
	return rotation.Handle{ID: a.family() + "/" + a.Account + "/" + id}
}

func (a *account) family() string {
	if a.opts.Owner == "user" {
		return "user"
	}
	return "account"
}

// values of a token as the provider gives them.
func (a *account) values(id, value string) secret.Set {
	v := pair(id, double.SecretOf(value))
	if a.opts.Token {
		v["token"] = secret.New(value)
	}
	return v
}

func pair(id, key string) secret.Set {
	return secret.Set{"access_key_id": secret.Public(id), "secret_access_key": secret.New(key)}
}

// subject is the account as the exam wants it. api stands between line and double.
func (a *account) subject(t testing.TB, api http.Handler) providertest.Subject {
	line, s3 := providertest.NewLine(t, api), providertest.NewLine(t, a.Double)
	open := func() provider.Provider { return a.open(t, line.URL, s3.URL) }
	byHand := func(name string) rotation.Handle {
		return a.handle(a.Token(a.family(), name, bucket, true).ID)
	}
	return providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{secret.New(a.token)},
		Break: providertest.BreakAll(line.Break, s3.Break), HTTP: a.both(line, s3), PageSize: 50,
		Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(2 * time.Minute) },
		Live: func(context.Context) ([]rotation.Handle, error) {
			var out []rotation.Handle
			for _, id := range a.Live(a.family()) {
				out = append(out, a.handle(id))
			}
			return out, nil
		},
		Stranger: func(context.Context) (rotation.Handle, error) { return byHand("by-hand"), nil },
		Namesake: func(_ context.Context, label string) (rotation.Handle, error) { return byHand(label), nil },
		Impostor: func(context.Context) (secret.Set, error) {
			k := a.Token(a.family(), "other", bucket, true)
			return a.values(k.ID, k.Value), nil
		},
	}
}

// both lines answer as one; that a key is dead is said by both, each in its form.
func (a *account) both(api, s3 *providertest.Line) *providertest.HTTP {
	one, two := api.HTTP(refused, gone), s3.HTTP(refused, gone)
	out := *one
	out.Answer = func(r providertest.Reply) (func() int, func()) {
		about := r
		if r.Status == refused.Status && r.Body == refused.Body {
			about = gone
		}
		calls1, restore1 := one.Answer(about)
		calls2, restore2 := two.Answer(r)
		return func() int { return calls1() + calls2() }, func() { restore1(); restore2() }
	}
	out.Changed = func() int { return one.Changed() + two.Changed() }
	out.Spoil = func(how providertest.Spoilage) func() {
		mend1, mend2 := one.Spoil(how), two.Spoil(how)
		return func() { mend1(); mend2() }
	}
	return &out
}
