package upstash_test

import (
	"testing"

	double "github.com/agenticverz/rotor/doubles/upstash"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestAnotherDatabase: what another data base says of a value is no word about it. It is
// asked nothing, and a value of the other one has not taken the place of one here.
func TestAnotherDatabase(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.InPlace, rotation.Overlap} {
		a, b := newAccount(t, strategy, double.Options{}), newAccount(t, strategy, double.Options{})
		v := rotate(t, a.open(t))
		p := b.open(t)
		w := rotate(t, p)
		before := len(b.Seen())
		const hint = "put the old one back"
		faulttest.Want(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.BadConfig, hint)
		faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.BadConfig, hint)
		live, err := p.Probe(t.Context(), v)
		faulttest.Want(t, "Probe", err, fault.BadConfig, hint)
		if live != provider.NotKnown || len(b.Seen()) != before || v.Handle.Shares(w.Handle) {
			t.Errorf("%s: %s, %d requests; %v and %v", strategy, live, len(b.Seen())-before, v.Handle, w.Handle)
		}
		if live, err := a.open(t).Probe(t.Context(), v); live != provider.Alive || err != nil {
			t.Errorf("%s: in its own: %s, %v", strategy, live, err)
		}
		faulttest.Want(t, "no user", p.Revoke(t.Context(), rotation.Handle{ID: b.opts.Database + "/"}), fault.BadConfig, "another provider")
	}
}

// TestStrategyChanged: the values of the other strategy are known, and ended by a person
// where this one cannot.
func TestStrategyChanged(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.InPlace, double.Options{})
	theDefault := rotate(t, a.open(t))
	a.opts.Strategy = rotation.Overlap
	overlap := a.open(t)
	user := rotate(t, overlap)
	faulttest.Want(t, "default, in overlap", overlap.Revoke(t.Context(), theDefault.Handle), fault.NeedsPerson, "admin-password")
	if h, err := overlap.Identify(t.Context(), theDefault.Values); err != nil || !h.Shares(theDefault.Handle) {
		t.Errorf("two handles of one user: %v and %v, %v", h, theDefault.Handle, err)
	}
	a.opts.Strategy = rotation.InPlace
	inPlace := a.open(t)
	faulttest.Want(t, "a user, in place", inPlace.Revoke(t.Context(), user.Handle), fault.NeedsPerson, "ACL DELUSER "+user.Values["username"].Reveal())
	for _, p := range []both{overlap, inPlace} {
		for _, v := range []provider.Issued{theDefault, user} {
			if live, err := p.Probe(t.Context(), v); live != provider.Alive || err != nil {
				t.Errorf("%s of %s: %s, %v", p.Traits().Strategy, v.Handle, live, err)
			}
		}
	}
	if err := inPlace.Revoke(t.Context(), theDefault.Handle); err != nil {
		t.Error(err)
	}
	if secret.New(a.Password()).Equal(theDefault.Values["password"]) {
		t.Error("the password of default lives on")
	}
}
