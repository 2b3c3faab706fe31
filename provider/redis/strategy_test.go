package redis_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// TestStrategyChanged: what another strategy made is ended by a person, who is told how;
// it is never called gone, for its user is not one that Revoke would look at.
func TestStrategyChanged(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, false)
	overlap := a.open(t, "")
	one := rotate(t, overlap, provider.Issued{})
	user := a.opts.User
	b := newAccount(t, rotation.Alternate, false)
	alternate := b.open(t, "")
	turn := rotate(t, alternate, provider.Issued{})

	for _, c := range []struct {
		name, user string
		p          provider.Provider
		old        provider.Issued
	}{
		{"overlap's, now alternate", user, alternate, one},
		{"alternate's, now overlap", turn.Handle.Slot, overlap, turn},
	} {
		err := c.p.Revoke(t.Context(), c.old.Handle)
		want := "ACL SETUSER USER !" + c.old.Handle.ID
		if c.old.Handle.Slot != "" {
			want = strings.ReplaceAll(want, "USER !", c.user+" !")
		}
		faulttest.Want(t, c.name, err, fault.NeedsPerson, want)
		if strings.Contains(fault.HintOf(err), c.old.Values["password"].Reveal()) {
			t.Errorf("%s: LEAK", c.name)
		}
		if u, err := c.p.(provider.UsageReporter).Usage(t.Context(), c.old.Handle); err != nil || u.Known {
			t.Errorf("%s: Usage: %+v, %v", c.name, u, err)
		}
		prober := c.p.(provider.Prober)
		if live, err := prober.Probe(t.Context(), c.old); live != provider.Alive || err != nil {
			t.Errorf("%s: %s, %v", c.name, live, err)
		}
		a.do(t, "ACL", "SETUSER", c.user, "!"+c.old.Handle.ID) // the person does it
		if live, err := prober.Probe(t.Context(), c.old); live != provider.Refused || err != nil {
			t.Errorf("%s, ended: %s, %v", c.name, live, err)
		}
	}
	slow := rotation.Handle{ID: "slow-" + strings.Repeat("a", 32)}
	faulttest.Want(t, "a guessable one", alternate.Revoke(t.Context(), slow), fault.NeedsPerson, "ACL GETUSER USER")
	faulttest.Want(t, "no handle", alternate.Revoke(t.Context(), rotation.Handle{ID: "x"}), fault.BadConfig, "")
}
