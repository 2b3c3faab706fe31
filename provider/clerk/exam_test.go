package clerk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/clerk"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/clerk"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
)

const token = "env:CLERK_PLATFORM_TOKEN"

type kind struct {
	double double.Options
	opts   clerk.Options
}

// kinds are the values, and the ways in which the old one ends.
var kinds = map[string]kind{
	"secret key":         {opts: clerk.Options{PlatformToken: token}},
	"of production":      {opts: clerk.Options{PlatformToken: token, Instance: "production", OldLivesHours: 1}},
	"secret key at once": {opts: clerk.Options{PlatformToken: token, Strategy: rotation.InPlace}},
	"by hand":            {opts: clerk.Options{}},
	"client secret":      {opts: clerk.Options{Kind: "oauth-client-secret"}},
	"client secret in the form": {double: double.Options{PostOnly: true},
		opts: clerk.Options{Kind: "oauth-client-secret"}},
	"machine": {double: double.Options{DeadCode: "machine_secret_key_invalid"},
		opts: clerk.Options{Kind: "machine-secret-key"}},
	"machine at once": {opts: clerk.Options{Kind: "machine-secret-key", Strategy: rotation.InPlace}},
	"slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}},
		opts: clerk.Options{Kind: "machine-secret-key"}},
}

func (k kind) setup(wrap func(http.Handler) http.Handler) providertest.Setup {
	setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
		a := newAccount(k.double, k.opts)
		return a.subject(t, wrap(a.Double), refusal(k.double))
	}}
	if k.opts.Kind == "" && k.opts.PlatformToken == "" {
		setup.ByHand = "no call ends a single key"
	}
	return setup
}

func bare(h http.Handler) http.Handler { return h }

// TestExam: the questions, and rotations that are killed at every step or get no answer.
func TestExam(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := k.setup(bare)
			providertest.Run(t, setup)
			if setup.ByHand == "" {
				t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
			}
		})
	}
}

// TestVendorsDocument: every request, and every answer of the double, against Clerk's own
// documents: one for the Platform API, one for the Backend API.
func TestVendorsDocument(t *testing.T) {
	const why = "401 is declared nowhere for what a key is tried with"
	instance := vendordoc.Disagreement{Method: "GET", Path: "/instance", Status: 401, Why: why}
	keySet := vendordoc.Disagreement{Method: "GET", Path: "/jwks", Status: 401, Why: why}
	for name, accept := range map[string][]vendordoc.Disagreement{
		"secret key": {instance, keySet}, "secret key at once": {instance, keySet}, "by hand": {instance},
		"client secret": nil,
		"machine":       {{Method: "POST", Path: "/m2m_tokens", Status: 401, Why: why}},
	} {
		t.Run(name, func(t *testing.T) {
			backend := vendordoc.Open(t, "clerk-bapi.json", vendordoc.Options{Base: "/v1", Accept: accept, Outside: []string{"POST /oauth/token"}})
			watch := backend.Watch
			if strings.HasPrefix(name, "secret key") {
				platform := vendordoc.Open(t, "clerk-platform.json", vendordoc.Options{Base: "/v1"})
				watch = func(h http.Handler) http.Handler { return either(platform.Watch(h), backend.Watch(h)) }
			}
			providertest.Run(t, kinds[name].setup(watch))
		})
	}
}

func either(platform, backend http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/platform/") {
			platform.ServeHTTP(w, r)
			return
		}
		backend.ServeHTTP(w, r)
	})
}

// TestLive: against Clerk itself, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, clerk.Type()) }
