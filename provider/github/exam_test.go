package github_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/provider/providertest"
)

var slow = doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}

// kinds are the credentials, and the ways in which GitHub may behave.
var kinds = map[string]struct {
	double double.Options
	opts   github.Options
}{
	"pat, fine-grained":        {opts: github.Options{Kind: "pat", Login: "Double-Person", ExpiresDays: 90}},
	"pat, classic":             {double: double.Options{Offset: true}, opts: github.Options{Kind: "pat", Scopes: []string{"repo", "read:org"}, ExpiresDays: 30}},
	"pat, slow":                {double: double.Options{Delay: doubles.Delay{Revoke: slow.Revoke}}, opts: github.Options{Kind: "pat"}}, // Issue asks what the token is: it must be known
	"installation":             {opts: github.Options{Kind: "installation-token"}},
	"installation, less":       {opts: github.Options{Kind: "installation-token", Repositories: []string{"backend"}, Permissions: map[string]string{"contents": "read"}}},
	"deploy key":               {opts: github.Options{Kind: "deploy-key"}},
	"deploy key, pushes, slow": {double: double.Options{Delay: slow}, opts: github.Options{Kind: "deploy-key", ReadOnly: new(bool)}},
}

// TestExam: the questions, and rotations that are killed at every step or get no answer.
func TestExam(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(t, kind.double, kind.opts)
				return a.subject(t, a.Double)
			}}
			providertest.Run(t, setup)
			t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
		})
	}
}

// TestVendorsDocument: every request, and every answer of the double, against GitHub's
// own document.
func TestVendorsDocument(t *testing.T) {
	for _, name := range []string{"pat, fine-grained", "pat, classic", "installation", "installation, less", "deploy key"} {
		t.Run(name, func(t *testing.T) {
			doc := vendordoc.Open(t, "github.json", vendordoc.Options{
				Outside: []string{"GET /rate_limit", "GET /meta", "GET /app/installations/*"}, Accept: known[kinds[name].opts.Kind]})
			kind := kinds[name]
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(t, kind.double, kind.opts)
				return a.subject(t, doc.Watch(a.Double))
			}})
		})
	}
}

// known: what the document does not say and the API does.
var known = map[string][]vendordoc.Disagreement{
	"installation-token": {{Method: "DELETE", Path: "/installation/token", Status: 401, Why: "no refusal is declared for it; every call refuses a token that is dead"}},
	"deploy-key":         {{Method: "DELETE", Path: "/repos/*/*/keys/*", Status: 404, Why: "declared for GET of the same key only"}},
}

// TestLive: against GitHub itself, where ROTOR_LIVE says so. The exam cannot make
// personal access tokens there: it is for kinds installation-token and deploy-key.
func TestLive(t *testing.T) { providertest.Live(t, github.Type()) }
