package github_test

import (
	"testing"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/rotation"
)

// TestAnotherPlace: another repository answers 404 about a key that lives, and another
// server has a stranger's key of the same number. Neither is asked, and nothing ends.
func TestAnotherPlace(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	b := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	issued(t, serve(t, b)) // a stranger's
	if x, y := a.DeployKeys(a.Repository), b.DeployKeys(b.Repository); len(x) != 1 || len(y) != 1 || x[0] != y[0] {
		t.Fatalf("%v and %v", x, y)
	}
	a.opts.Repository = "double/frontend"
	for name, now := range map[string]struct {
		account *account
		p       provider.Provider
	}{"another repository": {a, serve(t, a)}, "another server": {b, serve(t, b)}} {
		const hint = "put the old one back"
		before := len(now.account.Seen())
		faulttest.Want(t, name+": Revoke", now.p.Revoke(t.Context(), v.Handle), fault.BadConfig, hint)
		faulttest.Want(t, name+": Verify", now.p.Verify(t.Context(), v), fault.BadConfig, hint)
		_, err := now.p.(provider.UsageReporter).Usage(t.Context(), v.Handle)
		faulttest.Want(t, name+": Usage", err, fault.BadConfig, hint)
		live, err := now.p.(provider.Prober).Probe(t.Context(), v)
		faulttest.Want(t, name+": Probe", err, fault.BadConfig, hint)
		if n := len(now.account.Seen()) - before; live != provider.NotKnown || n != 0 {
			t.Errorf("%s: %s, %d requests", name, live, n)
		}
	}
	if x, y := len(a.DeployKeys("double/backend")), len(b.DeployKeys(b.Repository)); x != 1 || y != 1 {
		t.Errorf("%d and %d keys live", x, y)
	}
	a.opts.Repository = "Double/Backend" // the same one, for GitHub
	if err := a.open(t, a.url+"/").Revoke(t.Context(), v.Handle); err != nil || len(a.DeployKeys("double/backend")) != 0 {
		t.Errorf("the same place: %v", err)
	}
	faulttest.Want(t, "no handle of ours", serve(t, a).Revoke(t.Context(), rotation.Handle{ID: a.host + "/double/backend/x"}), fault.BadConfig, "another kind")
}
