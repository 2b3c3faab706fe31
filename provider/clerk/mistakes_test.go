package clerk_test

import (
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/clerk"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/clerk"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-clerk-g1-a1", Generation: 1}

func TestBadOptions(t *testing.T) {
	platform := clerk.Options{PlatformToken: token, Application: "app_1", Instance: "production"}
	with := func(change func(*clerk.Options)) clerk.Options {
		o := platform
		change(&o)
		return o
	}
	for hint, o := range map[string]clerk.Options{
		"choose secret-key":       {Kind: "webhook"},
		"address of the instance": {},
		"its id, ins_":            {Instance: "production"},
		"app_":                    with(func(o *clerk.Options) { o.Application = "" }),
		"refer to a token":        {Instance: "ins_1", Application: "app_1"},
		"overlap or in-place":     with(func(o *clerk.Options) { o.Strategy = rotation.Alternate }),
		"leave it out":            with(func(o *clerk.Options) { o.Strategy, o.OldLivesHours = rotation.InPlace, 5 }),
		"choose 1 to 720":         with(func(o *clerk.Options) { o.OldLivesHours = 721 }),
		"choose 1 to 8":           {Kind: "machine-secret-key", Machine: "mch_1", OldLivesHours: 9},
		"machine: mch_":           {Kind: "machine-secret-key", Machine: "backend"},
		"not its client id":       {Kind: "oauth-client-secret"},
		"no second one beside it": {Kind: "oauth-client-secret", OAuthApplication: "oa_1", Strategy: rotation.Overlap},
		"side by side":            {Instance: "ins_1", Strategy: rotation.InPlace},
		"or choose another kind":  {Kind: "machine-secret-key", Machine: "mch_1", PlatformToken: token},
		"nothing else ends there": {Kind: "machine-secret-key", Machine: "mch_1", EndsOtherKeys: true},
		"a positive number":       {Instance: "ins_1", RequestsPerSecond: -1},
		"https://":                {Instance: "ins_1", BaseURL: "http://api.example.com"},
	} {
		_, err := clerk.New(o, secret.Fixed(secret.New("double")))
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// TestMistakes: what cannot work is said before and instead of any effect.
func TestMistakes(t *testing.T) {
	platform := clerk.Options{PlatformToken: token}
	machine := clerk.Options{Kind: "machine-secret-key"}
	oauth := clerk.Options{Kind: "oauth-client-secret"}
	for _, c := range []struct {
		name   string
		opts   clerk.Options
		change func(*account)
		kind   fault.Kind
		hint   string
	}{
		{"dead platform token", platform, func(a *account) { a.token = "double-of-nobody" }, fault.Denied, "what the option refers to"},
		{"another application", platform, func(a *account) { a.opts.Application = "app_other" }, fault.BadConfig, "check the ids"},
		{"another instance", platform, func(a *account) { a.opts.Instance = "ins_other" }, fault.BadConfig, "check"},
		{"dead secret key", machine, func(a *account) { a.token = "double-of-nobody" }, fault.Denied, "what the option refers to"},
		{"secret key of another instance", machine, func(a *account) { a.token = a.Foreign(double.Instance) }, fault.BadConfig, "whose token or key"},
		{"the same for a client secret", oauth, func(a *account) { a.token = a.Development() }, fault.BadConfig, "whose token or key"},
		{"dead secret key for a client secret", oauth, func(a *account) { a.token = "double-of-nobody" }, fault.Denied, "what the option refers to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(double.Options{}, c.opts)
			c.change(a)
			before, p := a.Value(a.of), serve(t, a)
			_, err := p.Issue(t.Context(), request)
			faulttest.Want(t, "Issue", err, c.kind, c.hint)
			faulttest.Want(t, "Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), c.kind, c.hint)
			if a.Value(a.of) != before || a.Made(a.of) != 0 {
				t.Error("something was made")
			}
		})
	}
}

// TestPreflight: what would be lost, or hit, later.
func TestPreflight(t *testing.T) {
	a := newAccount(double.Options{Unreadable: true}, clerk.Options{PlatformToken: token})
	faulttest.Want(t, "no way to read a key again", serve(t, a).(provider.Preflighter).Preflight(t.Context(), request), fault.Denied, "read secret keys")

	a = newAccount(double.Options{}, clerk.Options{PlatformToken: token})
	old := request
	old.Old = a.value(a.Value(double.Instance))
	if err := serve(t, a).(provider.Preflighter).Preflight(t.Context(), old); err != nil {
		t.Error(err)
	}
	a.Dashboard()
	faulttest.Want(t, "somebody else's key", serve(t, a).(provider.Preflighter).Preflight(t.Context(), old), fault.Rejected, "ends-other-keys")
	a.opts.EndsOtherKeys = true
	if err := serve(t, a).(provider.Preflighter).Preflight(t.Context(), old); err != nil {
		t.Errorf("on purpose: %v", err)
	}

	a = newAccount(double.Options{}, clerk.Options{Kind: "oauth-client-secret"})
	a.opts.OAuthApplication = a.Public()
	faulttest.Want(t, "a public application", serve(t, a).(provider.Preflighter).Preflight(t.Context(), request), fault.BadConfig, "another one")
	if _, err := serve(t, a).Issue(t.Context(), request); err == nil {
		t.Error("a public application was given a secret")
	}
}

// TestAnotherApplication has a production instance, too: the word alone tells nothing. Its
// key is not taken over, and does not lead to the keys of this one.
func TestAnotherApplication(t *testing.T) {
	for _, ends := range []bool{false, true} {
		a := newAccount(double.Options{}, clerk.Options{PlatformToken: token, Instance: "production", EndsOtherKeys: ends})
		p := serve(t, a)
		ours, theirs := a.value(a.Value(double.Instance)), a.value(a.Foreign(double.Instance))
		h, err := p.(provider.Identifier).Identify(t.Context(), theirs)
		faulttest.Want(t, "Identify "+h.ID, err, fault.Rejected, "another instance or application")
		req := request
		req.Old = theirs
		faulttest.Want(t, "Preflight", p.(provider.Preflighter).Preflight(t.Context(), req), fault.Rejected, "another instance or application")
		if h, err := p.(provider.Identifier).Identify(t.Context(), ours); err != nil || h.ID != a.ID(double.Instance) {
			t.Errorf("our own: %v, %v", h, err)
		}
		req.Old = a.value("double-of-nobody") // it was ended already
		if err := p.(provider.Preflighter).Preflight(t.Context(), req); ends != (err == nil) {
			t.Errorf("a dead key, ends-other-keys %v: %v", ends, err)
		}
	}
}

// TestTheTimer: before its time only a person can end the old key; then it is gone. What
// lives beside it is never touched.
func TestTheTimer(t *testing.T) {
	for hint, opts := range map[string]clerk.Options{"dashboard": {PlatformToken: token}, "in-place": {Kind: "machine-secret-key"}} {
		a := newAccount(double.Options{}, opts)
		p := serve(t, a)
		first := provider.Issued{Values: a.value(a.Value(a.of))}
		v, err := p.Issue(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		a.Clock.Advance(p.Traits().Lingers - time.Minute)
		if err := p.Verify(t.Context(), first); err != nil {
			t.Errorf("a minute before its time: %v", err)
		}
		end := p.(provider.ValueRevoker)
		faulttest.Want(t, "the old one", end.RevokeValue(t.Context(), first), fault.NeedsPerson, hint)
		faulttest.Want(t, "the new one", end.RevokeValue(t.Context(), v), fault.NeedsPerson, hint)
		a.Clock.Advance(2 * time.Minute)
		if err := end.RevokeValue(t.Context(), first); err != nil {
			t.Errorf("after its time: %v", err)
		}
		if err := p.Verify(t.Context(), v); err != nil {
			t.Errorf("the new one: %v", err)
		}
	}
}

// TestRevokeInPlace ends the value that is meant, and no other.
func TestRevokeInPlace(t *testing.T) {
	for _, opts := range []clerk.Options{{PlatformToken: token, Strategy: rotation.InPlace},
		{Kind: "machine-secret-key", Strategy: rotation.InPlace}, {Kind: "oauth-client-secret"}} {
		a := newAccount(double.Options{}, opts)
		p := serve(t, a)
		old := provider.Issued{Values: a.value(a.Value(a.of))}
		v, err := p.Issue(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		end := p.(provider.ValueRevoker)
		if err := end.RevokeValue(t.Context(), old); err != nil || p.Verify(t.Context(), v) != nil {
			t.Errorf("%s: ending what is dead: %v, and the new one: %v", opts.Kind, err, p.Verify(t.Context(), v))
		}
		faulttest.Want(t, "by an id", p.Revoke(t.Context(), v.Handle), fault.NeedsPerson, "")
		if err := end.RevokeValue(t.Context(), v); err != nil || p.Verify(t.Context(), v) == nil {
			t.Errorf("%s: %v, and it works: %v", opts.Kind, err, p.Verify(t.Context(), v) == nil)
		}
	}
}

// TestByHand: a paste is looked at before it counts.
func TestByHand(t *testing.T) {
	a := newAccount(double.Options{}, clerk.Options{})
	p := serve(t, a)
	for what, text := range map[string]string{"a dead key": "double-of-nobody", "another instance's": a.Development()} {
		req := request
		req.Values = a.value(text)
		if _, err := p.Issue(t.Context(), req); err == nil || fault.KindOf(err) != fault.Rejected {
			t.Errorf("%s: %v", what, err)
		}
	}
	if p.Traits().Settle != 0 {
		t.Error("a wrong paste is only refused at once where nothing must settle")
	}
	text := p.(provider.Guide).Instructions(rotation.Ask, request)
	if !strings.Contains(text, request.Label) || !strings.Contains(text, a.opts.Instance) {
		t.Error(text)
	}
	text = p.(provider.Guide).Instructions(rotation.Revoke, request)
	if !strings.Contains(text, request.Label) || !strings.Contains(text, "generation 1") {
		t.Error(text)
	}
}

// TestTooMany: Clerk counts by instance, but not who asks for the key set.
func TestTooMany(t *testing.T) {
	a := newAccount(double.Options{PerTen: 2}, clerk.Options{PlatformToken: token})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Fatal(err)
	}
	err = p.Verify(t.Context(), v)
	if fault.KindOf(err) != fault.Transient || fault.RetryAfterOf(err) != 10*time.Second {
		t.Errorf("%v, again after %v", err, fault.RetryAfterOf(err))
	}
	if live, err := p.(provider.Prober).Probe(t.Context(), v); live != provider.Alive {
		t.Errorf("%s, %v", live, err)
	}
}

// TestALostClientSecret: there is no way to see it again; the next one works.
func TestALostClientSecret(t *testing.T) {
	a := newAccount(double.Options{}, clerk.Options{Kind: "oauth-client-secret"})
	p := serve(t, a)
	lost, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.(provider.Revealer).Reveal(t.Context(), rotation.Handle{}); fault.KindOf(err) != fault.Rejected {
		t.Errorf("Reveal: %v", err)
	}
	v, err := p.Issue(t.Context(), request)
	if err != nil || p.Verify(t.Context(), v) != nil || p.Verify(t.Context(), lost) == nil {
		t.Errorf("%v; the lost one works: %v", err, p.Verify(t.Context(), lost) == nil)
	}
}
