package r2_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/cloudflare"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/provider/r2"
)

// kinds are the ways to have keys.
var kinds = map[string]struct {
	double double.Options
	opts   r2.Options
}{
	"account":     {},
	"user":        {opts: r2.Options{Owner: "user", VerifyWrite: true}},
	"with token":  {opts: r2.Options{Token: true, ExpiresDays: 90}},
	"read":        {opts: r2.Options{Permission: "read", Jurisdiction: "eu", Buckets: []string{"more-files"}}},
	"all buckets": {double: double.Options{Mild: true, Blind: true}, opts: r2.Options{AllBuckets: true}},
	"slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: time.Minute, Revoke: 30 * time.Second}},
		opts: r2.Options{Owner: "user", Token: true}},
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

var ofAccount = regexp.MustCompile(`^/accounts/[0-9a-f]{32}/tokens`)

// TestVendorsDocument: every request, and every answer of the double, against an old
// document of Cloudflare's. It has the user's family alone; that the account's has the
// same shapes is our assumption.
func TestVendorsDocument(t *testing.T) {
	for _, name := range []string{"account", "with token", "user"} {
		t.Run(name, func(t *testing.T) {
			doc := vendordoc.Open(t, "cloudflare.json", vendordoc.Options{Base: "/client/v4", ReadOnly: true, Accept: accepted(name),
				Map: func(path string) string { return ofAccount.ReplaceAllString(path, "/user/tokens") }})
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
	out := []vendordoc.Disagreement{
		{Method: "DELETE", Path: "/user/tokens/*", Why: "it wants a body; the vendor's own library sends none"},
		{Method: "DELETE", Path: "/user/tokens/*", Status: 404, Says: "success", Why: "no refusal can fit: success must be true and false"},
		{Method: "GET", Path: "/user/tokens/*", Status: 404, Says: "success", Why: "as above"},
	}
	if kind == "with token" {
		out = append(out, vendordoc.Disagreement{Method: "GET", Path: "/user/tokens/verify", Status: 401, Says: "success", Why: "as above"})
	}
	return out
}

// TestLive: against Cloudflare itself, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, r2.Type()) }
