package redis_test

import (
	"net"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestUsageOfOneUser: what can be known while two passwords live, and after.
func TestUsageOfOneUser(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	old := a.connect(t, first)
	if _, err := old.Do(t.Context(), "CLIENT", "SETNAME", "worker"); err != nil {
		t.Fatal(err)
	}
	a.seconds(t, 2)
	second := rotate(t, p, first)
	a.connect(t, second)
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || !u.Known || u.Active != 1 || strings.Join(u.Who, ";") != "worker from 127.0.0.1" || u.LastUsed.IsZero() {
		t.Errorf("with an old session: %+v, %v", u, err)
	}
	old.Close()
	waitUntil(t, func() bool { return len(a.idsOf(t, a.opts.User)) == 1 })
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || u.Known || u.Active != 0 {
		t.Errorf("without one nothing is known: %+v, %v", u, err)
	}
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || !u.Known || u.Active != 0 || len(u.Who) != 0 {
		t.Errorf("revoked: %+v, %v", u, err)
	}
	c, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := resp.New(c).Do(t.Context(), "AUTH", a.opts.User, first.Values["password"].Reveal()); err == nil {
		t.Error("the old password works")
	}
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || len(u.Who) != 1 || !strings.HasPrefix(u.Who[0], "refused 1 times, last 0 s ago: unnamed from 127.0.0.1") {
		t.Errorf("a late user: %+v, %v", u, err)
	}
	a.setUser(t, a.admin, "-acl|log")
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || len(u.Who) != 0 {
		t.Errorf("without the right to see the log: %+v, %v", u, err)
	}
}

func TestUsageOfTwoUsers(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	second := rotate(t, p, first)
	a.connect(t, first)
	a.connect(t, first)
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || !u.Known || u.Active != 2 || strings.Join(u.Who, ";") != "unnamed from 127.0.0.1" {
		t.Errorf("in use: %+v, %v", u, err)
	}
	if u, err := p.Usage(t.Context(), second.Handle); err != nil || !u.Known || u.Active != 0 {
		t.Errorf("not in use: %+v, %v", u, err)
	}
}

// TestAdoptedPasswords: the handle of a password that a person made up cannot be tried
// out as fast as its hash, and is found all the same.
func TestAdoptedPasswords(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	a.setUser(t, a.opts.User, ">summer-2019")
	old := provider.Issued{Values: secret.Set{"password": secret.New("summer-2019")}} // a target with the password alone
	p := a.open(t, "")
	var err error
	if old.Handle, err = p.Identify(t.Context(), old.Values); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(old.Handle.ID, "slow-") || strings.Contains(old.Handle.ID, hashOf("summer-2019")[:8]) {
		t.Errorf("handle %s", old.Handle.ID)
	}
	if err := p.Preflight(t.Context(), provider.Request{Current: old.Handle}); err != nil {
		t.Error(err)
	}
	next := rotate(t, p, old)
	if err := p.Revoke(t.Context(), old.Handle); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("%s, %v", live, err)
	}
	if err := p.Verify(t.Context(), next); err != nil {
		t.Error(err)
	}
	for _, h := range []rotation.Handle{{}, {ID: "x"}, {ID: "slow-xx"}, {ID: strings.Repeat("A", 64)}} {
		if err := p.Revoke(t.Context(), h); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("Revoke(%q): %v", h.ID, err)
		}
	}
}

// TestAdoptedUserTakesTurns: a login that is neither of the two is in use at first.
func TestAdoptedUserTakesTurns(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	before := a.prefix + "before"
	a.setUser(t, before, "on", ">the-word-that-was", "~"+a.prefix+"x*", "+@all")
	old := provider.Issued{Values: secret.Set{"username": secret.Public(before), "password": secret.New("the-word-that-was")}}
	p := a.open(t, "")
	var err error
	if old.Handle, err = p.Identify(t.Context(), old.Values); err != nil || old.Handle.Slot != before {
		t.Fatal(old.Handle, err)
	}
	if err := p.Preflight(t.Context(), provider.Request{Current: old.Handle}); err != nil {
		t.Fatal(err)
	}
	v := rotate(t, p, old)
	if v.Handle.Slot != a.opts.Users[0] {
		t.Errorf("the first is %s", v.Handle.Slot)
	}
	if err := p.Revoke(t.Context(), old.Handle); err != nil {
		t.Fatal(err)
	}
	c := a.connect(t, v)
	if _, err := c.Do(t.Context(), "SET", a.prefix+"xyz", "1"); err != nil {
		t.Errorf("the rules were not copied: %v", err)
	}
	if _, err := c.Do(t.Context(), "SET", a.prefix+"abc", "1"); err == nil {
		t.Error("the new user may more than the one before")
	}
}

// TestOddNames: what the server takes as a user's name.
func TestOddNames(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, false)
	for _, odd := range []string{`a"b`, "a'b", `a\b`, "on", ">x", "#y", "ä-ö", "$1", "%s", "(x)", "~*", "a:b@c/d?e"} {
		a.opts.User = a.prefix + odd
		a.setUser(t, a.opts.User, "on", "~"+a.prefix+"*", "+@all")
		p := a.open(t, "")
		if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
		first := rotate(t, p, provider.Issued{})
		second := rotate(t, p, first)
		if err := p.Revoke(t.Context(), first.Handle); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
		if live, err := p.Probe(t.Context(), second); live != provider.Alive {
			t.Errorf("%s: %s (%v)", odd, live, err)
		}
	}
}

func TestWhatIssueRefuses(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	for name, req := range map[string]provider.Request{
		"a stranger's user": {Values: secret.Set{"username": secret.Public("default"), "password": secret.Random(32)}},
		"the one in use":    {Current: v.Handle, Values: v.Values},
		"no password":       {Values: secret.Set{"username": secret.Public(a.opts.Users[1])}},
	} {
		if _, err := p.Issue(t.Context(), req); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.setUser(t, a.opts.Users[1], "on", ">left-open", "+@all")
	if _, err := p.Make(t.Context(), provider.Request{}); fault.KindOf(err) != fault.NeedsPerson {
		t.Errorf("both can log in, and Make says %v", err)
	}
}
