package redis_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestPreflightRefuses: everything that would fail, or hurt, after the point where
// something was changed.
func TestPreflightRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		strategy rotation.Strategy
		spoil    func(t *testing.T, a *account, current provider.Issued)
		kind     fault.Kind
		words    string // "": it passes
	}{
		{"nothing wrong", rotation.Overlap, func(*testing.T, *account, provider.Issued) {}, 0, ""},
		{"nothing wrong with two", rotation.Alternate, func(*testing.T, *account, provider.Issued) {}, 0, ""},
		{"no user", rotation.Overlap, func(_ *testing.T, a *account, _ provider.Issued) { a.opts.User = a.prefix + "nobody" }, fault.BadConfig, "no user"},
		{"user off", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.opts.User, "off") }, fault.BadConfig, "is off"},
		{"nopass", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.opts.User, "nopass") }, fault.BadConfig, "nopass"},
		{"a stranger's password", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.opts.User, ">somebody-elses") }, fault.NeedsPerson, "1 passwords that Rotor did not make"},
		{"a stranger's password, kept", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) {
			a.setUser(t, a.opts.User, ">somebody-elses")
			a.opts.OtherPasswords = "keep"
		}, 0, ""},
		{"changed by hand", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) {
			a.setUser(t, a.opts.User, "resetpass", ">by-hand")
		}, fault.BadConfig, "does not have the password that is in use"},
		{"no right to change users", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.admin, "-acl|setuser") }, fault.Denied, "ACL SETUSER"},
		{"no right to end sessions", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.admin, "-client|kill") }, fault.Denied, "CLIENT KILL"},
		{"no right to see sessions", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.admin, "-client|list") }, fault.Denied, "CLIENT LIST"},
		{"no right to see settings", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.admin, "-config|get") }, fault.Denied, "CONFIG GET"},
		{"admin off", rotation.Overlap, func(t *testing.T, a *account, _ provider.Issued) { a.setUser(t, a.admin, "off") }, fault.Denied, "admin's login"},
		{"nobody has rules", rotation.Alternate, func(t *testing.T, a *account, _ provider.Issued) {
			a.opts.Users = []string{a.prefix + "x", a.prefix + "y"}
		}, fault.BadConfig, "neither"},
		{"the one in use is closed", rotation.Alternate, func(t *testing.T, a *account, _ provider.Issued) {
			a.setUser(t, a.opts.Users[0], "off")
		}, fault.BadConfig, "should be in use"},
		{"the idle one is in use", rotation.Alternate, func(t *testing.T, a *account, _ provider.Issued) {
			a.setUser(t, a.opts.Users[1], "on", ">x", "+@all")
			a.connect(t, provider.Issued{Values: secret.Set{"username": secret.Public(a.opts.Users[1]), "password": secret.New("x")}})
		}, fault.NeedsPerson, "should be idle"},
		{"admin takes turns", rotation.Alternate, func(t *testing.T, a *account, _ provider.Issued) {
			a.setUser(t, a.opts.Users[1], "on", ">"+a.word, "+@all")
			a.admin = a.opts.Users[1]
		}, fault.BadConfig, "take turns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, c.strategy, true)
			current := rotate(t, a.open(t, ""), provider.Issued{})
			c.spoil(t, a, current)
			if strings.HasPrefix(c.name, "nobody") {
				current = provider.Issued{}
			}
			err := a.open(t, "").Preflight(t.Context(), provider.Request{Current: current.Handle})
			switch {
			case c.words == "" && err != nil:
				t.Error(err)
			case c.words != "":
				wantRefusal(t, err, c.words)
				if fault.KindOf(err) != c.kind {
					t.Errorf("kind %s, want %s", fault.KindOf(err), c.kind)
				}
			}
		})
	}
}

// TestPreflightInPlace: what requirepass would break.
func TestPreflightInPlace(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{}, rotation.InPlace)
	p := a.open(t, "")
	for _, c := range []struct {
		spoil []string
		words string
	}{
		{[]string{"reset", "on", "nopass", "~*", "+@all"}, "any password"},
		{[]string{"reset", "on", ">one", "~*", "+@all"}, ""},
		{[]string{">two"}, "has 2 passwords"},
		{[]string{"off"}, "is off"},
	} {
		a.setUser(t, "default", c.spoil...)
		err := p.Preflight(t.Context(), provider.Request{})
		if c.words != "" {
			wantRefusal(t, err, c.words)
		} else if err != nil {
			t.Error(err)
		}
	}
	a.setUser(t, "default", "reset", "on", ">one", "~*", "+@all")
	startReplica(t, a, "default", "one")
	a.opts.OtherNodes = "ignore"
	wantRefusal(t, a.open(t, "").Preflight(t.Context(), provider.Request{}), "copies from the server as user default")
}

// TestChangesThatWouldNotLast: no file at all, and a file that cannot be written.
func TestChangesThatWouldNotLast(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{NoConfig: true}, rotation.Overlap)
	p := a.open(t, "")
	wantRefusal(t, p.Preflight(t.Context(), provider.Request{}), "would be lost when it restarts")
	values, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Issue(t.Context(), provider.Request{Values: values})
	wantRefusal(t, err, "would be lost when it restarts")
	if words, _ := a.passwords(t, a.opts.User); words != 0 {
		t.Error("something was changed")
	}
	a.opts.Persist = "none"
	rotate(t, a.open(t, ""), provider.Issued{})
}

func TestAFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{ACLFile: true}, rotation.Overlap)
	first := rotate(t, a.open(t, ""), provider.Issued{})
	restore := a.blockACLFile(t)
	values, err := a.open(t, "").Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.open(t, "").Issue(t.Context(), provider.Request{Values: values, Current: first.Handle})
	wantRefusal(t, err, "cannot write its file")
	if words, marks := a.passwords(t, a.opts.User); words != 1 || marks != 0 {
		t.Errorf("%d passwords, %d marks: something was changed", words, marks)
	}
	restore()
	second := rotate(t, a.open(t, ""), first)
	restore = a.blockACLFile(t)
	if err := a.open(t, "").Revoke(t.Context(), first.Handle); err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("Revoke that is not saved: kind %s, %v", fault.KindOf(err), err)
	}
	restore()
	if err := a.open(t, "").Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	a.onlyOne(t, second)
}

func TestVerifyFindsMissingRights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rights, prefix string
		spoil          []string
		kind           fault.Kind
	}{
		{"write", "", []string{"-set"}, fault.Denied},
		{"write", "other:", nil, fault.Denied},
		{"read", "", []string{"-get"}, fault.Denied},
		{"read", "", []string{"-set"}, fault.Unknown},
		{"login", "", []string{"-@all"}, fault.Unknown},
	} {
		a := newAccount(t, rotation.Overlap, false)
		v := rotate(t, a.open(t, ""), provider.Issued{})
		if len(c.spoil) > 0 {
			a.setUser(t, a.opts.User, c.spoil...)
		}
		a.opts.Rights, a.opts.KeyPrefix = c.rights, a.prefix
		if c.prefix != "" || c.rights == "login" {
			a.opts.KeyPrefix = c.prefix
		}
		err := a.open(t, "").Verify(t.Context(), v)
		if (c.kind == fault.Unknown) != (err == nil) || err != nil && fault.KindOf(err) != c.kind {
			t.Errorf("%+v: %v", c, err)
		}
		if keys := a.do(t, "KEYS", a.prefix+"rotor-verify-*").([]any); len(keys) > 0 && c.rights == "read" {
			t.Errorf("%+v left %v behind", c, keys)
		}
	}
}

// TestAnyPasswordIsNoPassword: where everybody gets in, nothing is proven.
func TestAnyPasswordIsNoPassword(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, false)
	v := rotate(t, a.open(t, ""), provider.Issued{})
	a.setUser(t, a.opts.User, "nopass")
	p := a.open(t, "")
	wantRefusal(t, p.Verify(t.Context(), v), "any password")
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Probe: %s, %v", live, err)
	}
	if _, err := p.Identify(t.Context(), v.Values); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("Identify: %v", err)
	}
	open := ownServer(t, localserver.RedisOptions{})
	if _, err := open.Do(t.Context(), "ACL", "SETUSER", "default", "on", "nopass", "+@all"); err != nil {
		t.Fatal(err)
	}
	in, err := redis.New(redis.Options{Strategy: rotation.InPlace}, secret.Fixed(secret.New(open.URL("", ""))))
	if err != nil {
		t.Fatal(err)
	}
	anything := provider.Issued{Values: secret.Set{"username": secret.Public("default"), "password": secret.Random(32)}}
	wantRefusal(t, in.Verify(t.Context(), anything), "any password")
}
