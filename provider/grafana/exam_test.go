package grafana_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/provider/grafana"
	"github.com/agenticverz/rotor/provider/providertest"
)

// kinds are the versions, and the ways to log in and to name the account.
var kinds = map[string]struct {
	double double.Options
	opts   grafana.Options
}{
	"9.5":     {double: double.Options{Version: "9.5.21"}},
	"10.4":    {double: double.Options{Version: "10.4.1"}},
	"11.2":    {double: double.Options{Version: "11.2.8"}, opts: grafana.Options{AdminUser: "admin"}},
	"11.3":    {double: double.Options{Version: "11.3.0"}},
	"12.1":    {double: double.Options{Version: "12.1.0"}, opts: grafana.Options{ServiceAccount: "backend"}},
	"current": {opts: grafana.Options{Role: "Editor"}},
	"expiring": {double: double.Options{MaxLife: 90 * 24 * time.Hour},
		opts: grafana.Options{ExpiresDays: 90}},
	"slow to spread": {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}}},
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

// TestVendorsDocument: every request, and every answer of the double, against Grafana's
// own document, which is of November 2024.
func TestVendorsDocument(t *testing.T) {
	for name, options := range map[string]grafana.Options{"by id": {}, "by name": {ServiceAccount: "backend"}} {
		t.Run(name, func(t *testing.T) {
			doc := vendordoc.Open(t, "grafana.json", vendordoc.Options{Base: "/api", Outside: []string{"GET /health", "GET /user"}, Accept: accepted})
			providertest.Run(t, providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				a := newAccount(double.Options{Version: "11.4.0"}, options)
				return a.subject(t, doc.Watch(complete(t, a.Double)))
			}})
		})
	}
}

var accepted = []vendordoc.Disagreement{
	{Method: "GET", Path: "/serviceaccounts/*/tokens", Status: 200, Says: "null", Why: "lastUsedAt and expiration are null where there is none; the document calls them no more than absent"},
}

// TestLive: against a Grafana of yours, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, grafana.Type()) }
