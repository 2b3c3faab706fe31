package awsiam_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/aws"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/awsiam"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func envelope(code, message string) string {
	return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>double</RequestId></ErrorResponse>`
}

// What AWS answers to a key that is dead, and to the revocation of what is gone.
var (
	refused = providertest.Reply{Status: 403, Body: envelope("InvalidClientTokenId", "The security token included in the request is invalid.")}
	gone    = providertest.Reply{Status: 404, Body: envelope("NoSuchEntity", "The Access Key with id DOUBLE cannot be found.")}
)

// account is an AWS account and what Rotor is told of it.
type account struct {
	*double.Double
	opts  awsiam.Options
	admin secret.Set // the pair that signs: one that replaces itself changes
}

const user = "app"

func newAccount(o double.Options, opts awsiam.Options) *account {
	a := &account{Double: double.New(o), opts: opts}
	a.User(user, "/machines/")
	a.opts.RequestsPerSecond = 1e6
	a.admin = pair(a.AdminID, a.AdminText)
	return a
}

func pair(id, key string) secret.Set {
	return secret.Set{"access_key_id": secret.Public(id), "secret_access_key": secret.New(key)}
}

// open gives the provider.
func (a *account) open(t testing.TB, base string) *awsiam.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL, opts.STSURL = base, base
	source := func(field string) secret.Source {
		return func(context.Context) (secret.Value, error) { return a.admin[field], nil }
	}
	p, err := awsiam.New(opts, source("access_key_id"), source("secret_access_key"))
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

// actionOf reads a request's action, and leaves the body as it was.
func actionOf(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	return form.Get("Action")
}

// changes: all of AWS's requests are POST; the action says which change something.
func changes(r *http.Request) bool {
	action := actionOf(r)
	return !strings.HasPrefix(action, "List") && !strings.HasPrefix(action, "Get")
}

// subject is the account as the exam wants it.
func (a *account) subject(t testing.TB) providertest.Subject {
	line := providertest.NewLine(t, a.Double)
	line.Changes = changes
	open := func() provider.Provider { return a.open(t, line.URL) }
	page := 1 // where lists come in pages of one
	return providertest.Subject{
		Provider: open(), Again: open, Secrets: a.admin.Secrets(),
		Break: line.Break, HTTP: line.HTTP(refused, gone), PageSize: page,
		Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(time.Minute) },
		Live:    func(context.Context) ([]rotation.Handle, error) { return handles(a.Live("")), nil },
		Stranger: func(context.Context) (rotation.Handle, error) { // the user itself has no room for one
			return rotation.Handle{ID: a.other()}, nil
		},
		Impostor: func(context.Context) (secret.Set, error) {
			a.other()
			k := a.Key("other")
			return pair(k.ID, k.Value), nil
		},
	}
}

// other is a key of another user.
func (a *account) other() string {
	a.User("other", "/")
	return a.Key("other").ID
}
