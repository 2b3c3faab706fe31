package keycloak_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
)

var (
	rotated = &double.Rotation{Expires: 29 * 24 * time.Hour, RotatedExpires: 48 * time.Hour}
	strict  = double.Policy{MinLength: 12, MaxLength: 64, Digits: 2, Special: 2, History: 3}
	noEnd   = false
)

// kinds are the credentials, the ways to log in, and the versions.
var kinds = map[string]struct {
	double double.Options
	opts   keycloak.Options
}{
	"password":        {opts: keycloak.Options{Kind: "user-password"}},
	"password by cli": {double: double.Options{Old: true, Prefix: "/auth"}, opts: keycloak.Options{Kind: "user-password", AdminUser: "admin"}},
	"password policy": {double: double.Options{Policy: strict, LockAfter: 3}, opts: keycloak.Options{Kind: "user-password", Length: 40, Symbols: 2}},
	"sessions kept":   {opts: keycloak.Options{Kind: "user-password", EndSessions: &noEnd}},
	"secret":          {opts: keycloak.Options{Kind: "client-secret"}},
	"secret, old":     {double: double.Options{Old: true, Prefix: "/auth"}, opts: keycloak.Options{Kind: "client-secret", AdminUser: "admin"}},
	"secret, slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}},
		opts: keycloak.Options{Kind: "client-secret"}},
	"rotated secret": {double: double.Options{Rotation: rotated}, opts: keycloak.Options{Kind: "client-secret", Strategy: rotation.Overlap}},
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

// TestQuickLoginCheck: whole rotations where two wrong logins within a second lock the
// account. Each makes one at most.
func TestQuickLoginCheck(t *testing.T) {
	providertest.Journey(t, providertest.Setup{Every: 1000, Open: func(t testing.TB) providertest.Subject {
		a := newAccount(double.Options{Quick: time.Second}, keycloak.Options{Kind: "user-password"})
		t.Cleanup(func() {
			if n := a.Wrong("backend"); n > 2 {
				t.Errorf("%d wrong logins; one is the exam's own, when all is done", n)
			}
		})
		return a.subject(t, a.Double)
	}})
}

// TestVendorsDocument: every request, and every answer of the double, against Keycloak's
// own document, which is of release 23.
func TestVendorsDocument(t *testing.T) {
	for _, name := range []string{"password", "secret", "rotated secret"} {
		t.Run(name, func(t *testing.T) {
			doc := vendordoc.Open(t, "keycloak.json", vendordoc.Options{Outside: outside, Accept: accepted[name]})
			kind := kinds[name]
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(kind.double, kind.opts)
				return a.subject(t, doc.Watch(complete(t, a.Double)))
			}})
		})
	}
}

// outside: the document is about the admin API, and not about all of it.
var outside = []string{"POST /realms/*/protocol/openid-connect/token", "POST /realms/*/protocol/openid-connect/token/introspect",
	"GET /realms/*/.well-known/openid-configuration", "GET /admin/realms/*/attack-detection/brute-force/users/*"}

// accepted: the document declares no refusals, and its good statuses are a generator's.
var accepted = map[string][]vendordoc.Disagreement{
	"password": {
		{Method: "POST", Path: "/admin/realms/*/users/*/logout", Status: 204, Why: "201 is a generator's default; the server answers 204"},
	},
	"rotated secret": {
		{Method: "DELETE", Path: "/admin/realms/*/clients/*/client-secret/rotated", Status: 204, Why: "200 is a generator's default; the server answers 204"},
		{Method: "PUT", Path: "/admin/realms/*/clients/*", Status: 204, Why: "200 is a generator's default; the server answers 204"},
		{Method: "GET", Path: "/admin/realms/*/clients/*/client-secret/rotated", Status: 404, Why: "no refusal is declared"},
	},
}

// TestLive: against a Keycloak of yours, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, keycloak.Type()) }
