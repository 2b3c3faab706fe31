package github_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const docs = `"documentation_url":"https://docs.github.com/rest"`

// What GitHub says to a token that is dead, of what is not there, and to whoever revokes.
var (
	refused  = providertest.Reply{Status: 401, Body: `{"message":"Bad credentials",` + docs + `,"status":"401"}`}
	notFound = providertest.Reply{Status: 404, Body: `{"message":"Not Found",` + docs + `,"status":"404"}`}
	accepted = providertest.Reply{Status: 202, Body: `{}`}
)

// account is a double and what Rotor is told of it.
type account struct {
	*double.Double
	opts github.Options
	pipe *providertest.Pipe // to the ssh server
	host string             // of the API, since it was opened
	url  string             // where serve has it
}

func newAccount(t testing.TB, o double.Options, opts github.Options) *account {
	t.Helper()
	d, err := double.New(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &account{Double: d, opts: opts}
	a.opts.RequestsPerSecond = 1e6
	switch opts.Kind {
	case "installation-token":
		a.opts.AppID, a.opts.InstallationID = fmt.Sprint(d.AppID), d.Installation
	case "deploy-key":
		address, err := d.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		a.pipe = providertest.NewPipe(t, address)
		a.opts.Repository, a.opts.SSHAddress = d.Repository, a.pipe.Address()
	}
	return a
}

// credential is what the kind is entered with.
func (a *account) credential() secret.Value {
	if a.opts.Kind == "installation-token" {
		return secret.New(a.PrivateKey)
	}
	return secret.New(a.Admin)
}

// open gives the provider.
func (a *account) open(t testing.TB, url string) provider.Provider {
	t.Helper()
	opts := a.opts
	opts.BaseURL = url
	a.host = strings.Trim(strings.TrimPrefix(url, "http:"), "/")
	p, err := github.New(opts, secret.Fixed(a.credential()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.(interface{ Close() error }).Close() })
	return github.WithClock(p, a.Clock.Now)
}

// subject is the account as the exam wants it. Handler stands between line and double.
func (a *account) subject(t testing.TB, handler http.Handler) providertest.Subject {
	line := providertest.NewLine(t, handler)
	open := func() provider.Provider { return a.open(t, line.URL) }
	s := providertest.Subject{
		Provider: open(), Again: open, Secrets: []secret.Value{a.credential()},
		Break: line.Break, HTTP: line.HTTP(refused, refused),
		Pass: a.Clock.Advance, Flap: func() { a.Flap(true) },
		Settled: func() { a.Clock.Advance(10 * time.Second) },
	}
	switch a.opts.Kind {
	case "pat":
		a.people(&s)
		s.HTTP.Gone = accepted
	case "installation-token":
		a.installations(&s)
	case "deploy-key":
		a.keys(t, &s)
		s.Break = providertest.BreakAll(line.Break, a.pipe.Break)
		s.HTTP.Gone, s.HTTP.Elsewhere = notFound, "a login over ssh"
		answer := s.HTTP.Answer
		s.HTTP.Answer = func(r providertest.Reply) (func() int, func()) {
			if r.Status != notFound.Status || r.Body != notFound.Body {
				return answer(r)
			}
			a.Forget() // a 404 alone proves nothing: the list must agree
			return func() int { return 0 }, func() {}
		}
	}
	return s
}

func value(text string) secret.Set { return secret.Set{"token": secret.New(text)} }

// named is how the provider names a token.
func named(owner, token string) rotation.Handle {
	sum := sha256.Sum256([]byte(token))
	return rotation.Handle{ID: owner + "/" + hex.EncodeToString(sum[:8])}
}

// token makes one as the person does.
func (a *account) token() string {
	prefix, scopes := "github_pat", ""
	for i, s := range a.opts.Scopes {
		prefix, scopes = "ghp", scopes+[]string{"", ", "}[min(i, 1)]+s
	}
	return a.Token(prefix, a.Login, scopes, double.See, time.Duration(a.opts.ExpiresDays)*24*time.Hour)
}

// handle is how the provider names a deploy key of its repository.
func (a *account) handle(id int64) rotation.Handle {
	return rotation.Handle{ID: a.host + "/" + a.opts.Repository + "/" + fmt.Sprint(id)}
}

func (a *account) people(s *providertest.Subject) {
	s.Supply = func() secret.Set { return value(a.token()) }
	s.Live = func(context.Context) ([]rotation.Handle, error) {
		var out []rotation.Handle
		for _, token := range a.Alive("g") {
			out = append(out, named(a.Login, token))
		}
		return out, nil
	}
	s.Stranger = func(context.Context) (rotation.Handle, error) { return named(a.Login, a.token()), nil }
	s.Namesake = func(context.Context, string) (rotation.Handle, error) { return named(a.Login, a.token()), nil }
	s.Impostor = func(context.Context) (secret.Set, error) { return value(a.token()), nil }
}

func (a *account) installations(s *providertest.Subject) {
	s.Live = func(context.Context) ([]rotation.Handle, error) {
		var out []rotation.Handle
		for _, token := range a.Alive("ghs_") {
			out = append(out, named(fmt.Sprint(a.Installation), token))
		}
		return out, nil
	}
	s.Stranger = func(context.Context) (rotation.Handle, error) {
		return named(fmt.Sprint(a.Installation), a.InstallationToken()), nil
	}
	s.Impostor = func(context.Context) (secret.Set, error) { return value(a.InstallationToken()), nil }
}

func (a *account) keys(t testing.TB, s *providertest.Subject) {
	another := func(title string) (secret.Set, int64) {
		values, err := s.Provider.(provider.Maker).Make(t.Context(), provider.Request{Label: title})
		if err != nil {
			t.Fatal(err)
		}
		return values, a.DeployKey(a.Repository, title, values["public_key"].Reveal(), a.opts.ReadOnly == nil || *a.opts.ReadOnly)
	}
	s.Live = func(context.Context) ([]rotation.Handle, error) {
		var out []rotation.Handle
		for _, id := range a.DeployKeys(a.Repository) {
			out = append(out, a.handle(id))
		}
		return out, nil
	}
	s.Stranger = func(context.Context) (rotation.Handle, error) { _, id := another("by hand"); return a.handle(id), nil }
	s.Namesake = func(_ context.Context, label string) (rotation.Handle, error) {
		_, id := another(label)
		return a.handle(id), nil
	}
	s.Impostor = func(context.Context) (secret.Set, error) { values, _ := another("another"); return values, nil }
}
