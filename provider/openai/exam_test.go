package openai_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/openai"
	"github.com/agenticverz/rotor/provider/providertest"
)

// kinds are the ways to have keys.
var kinds = map[string]struct {
	double double.Options
	opts   openai.Options
}{
	"service account":  {opts: openai.Options{ServiceAccount: "backend"}},
	"own account":      {},
	"own account kept": {double: double.Options{Kept: true}},
	"expiring": {double: double.Options{MustExpire: true},
		opts: openai.Options{ServiceAccount: "backend", ExpiresDays: 90}},
	"slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}},
		opts: openai.Options{ServiceAccount: "backend"}},
	"admin": {opts: openai.Options{Kind: "admin"}},
}

// TestExam: the questions, and rotations that are killed at every step or get no answer.
func TestExam(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(kind.double, kind.opts)
				return a.subject(t, a.Double)
			}}
			providertest.Run(t, setup)
			t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
		})
	}
}

// TestVendorsDocument: every request, and every answer of the double, against OpenAI's
// own document.
func TestVendorsDocument(t *testing.T) {
	for _, name := range []string{"service account", "own account", "admin"} {
		t.Run(name, func(t *testing.T) {
			doc := vendordoc.Open(t, "openai.json", vendordoc.Options{Base: "/v1", Accept: accepted(name)})
			kind := kinds[name]
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(kind.double, kind.opts)
				return a.subject(t, doc.Watch(a.Double))
			}})
		})
	}
}

// accepted: what the document does not say and the API does.
func accepted(kind string) []vendordoc.Disagreement {
	const why = "401 and 404 are declared nowhere"
	const project = "/organization/projects/*"
	switch kind {
	case "admin":
		return []vendordoc.Disagreement{{Method: "GET", Path: "/organization/admin_api_keys", Status: 401, Why: why},
			{Method: "GET", Path: "/organization/admin_api_keys/*", Status: 404, Why: why},
			{Method: "DELETE", Path: "/organization/admin_api_keys/*", Status: 404, Why: why}}
	case "own account":
		return []vendordoc.Disagreement{{Method: "GET", Path: "/models", Status: 401, Why: why},
			{Method: "GET", Path: project + "/api_keys/*", Status: 404, Why: why},
			{Method: "GET", Path: project + "/service_accounts/*", Status: 404, Why: why}}
	}
	return []vendordoc.Disagreement{{Method: "GET", Path: "/models", Status: 401, Why: why},
		{Method: "GET", Path: project + "/api_keys/*", Status: 404, Why: why},
		{Method: "DELETE", Path: project + "/api_keys/*", Status: 404, Why: why}}
}

// TestLive: against OpenAI itself, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, openai.Type()) }
