package keycloak_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/keycloak"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/keycloak"
	"github.com/agenticverz/rotor/secret"
)

func word(text string) provider.Issued {
	return provider.Issued{Values: secret.Set{"username": secret.Public("backend"), "password": secret.New(text)}}
}

// TestPasswords: as long as asked for, of all classes, with symbols if wanted.
func TestPasswords(t *testing.T) {
	for length, o := range map[int]keycloak.Options{32: {}, 22: {Length: 22}, 64: {Length: 64, Symbols: 5}} {
		o.Kind = "user-password"
		p := serve(t, newAccount(double.Options{}, o)).(provider.Maker)
		for range 200 {
			values, err := p.Make(t.Context(), provider.Request{})
			if err != nil {
				t.Fatal(err)
			}
			text := values["password"].Reveal()
			symbols := 0
			for _, c := range text {
				if strings.ContainsRune("-._~", c) {
					symbols++
				}
			}
			if len(text) != length || symbols != o.Symbols {
				t.Fatalf("%d characters, %d symbols; want %d and %d", len(text), symbols, length, o.Symbols)
			}
			for _, class := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"} {
				if !strings.ContainsAny(text, class) {
					t.Fatalf("none of %s", class)
				}
			}
		}
	}
}

// TestPolicies: each refusal is a refusal of the value, and the hint names the option.
func TestPolicies(t *testing.T) {
	for hint, policy := range map[string]double.Policy{
		"longer passwords": {MinLength: 50}, "shorter passwords": {MaxLength: 20}, "set symbols": {Special: 1}, "more digits": {Digits: 30},
	} {
		a := newAccount(double.Options{Policy: policy}, keycloak.Options{Kind: "user-password"})
		p := serve(t, a)
		_, err := next(t, p, nil)
		faulttest.Want(t, hint, err, fault.Rejected, hint)
		if err := p.Verify(t.Context(), word(firstWord)); err != nil {
			t.Errorf("%s: the old password does not work: %v", hint, err)
		}
	}
}

// TestHistory: a password whose first answer was lost is the present one, although the
// policy does not take it again; one from before is refused.
func TestHistory(t *testing.T) {
	a := newAccount(double.Options{Policy: double.Policy{History: 5}}, keycloak.Options{Kind: "user-password"})
	p := serve(t, a)
	values, err := p.(provider.Maker).Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	a.Arm(doubles.Fault{Do: doubles.ErrorAfter, Method: "PUT"})
	req := provider.Request{Values: values}
	_, err = p.Issue(t.Context(), req)
	faulttest.Want(t, "the lost answer", err, fault.Unknown, "")
	v, err := p.Issue(t.Context(), req)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Errorf("the same again: %v", err)
	}
	_, err = p.Issue(t.Context(), provider.Request{Values: word(firstWord).Values})
	faulttest.Want(t, "the first password again", err, fault.Rejected, "come back")
}

// TestSessionsEnd after the change, and stay if wanted; if they cannot be ended, the
// change has happened all the same.
func TestSessionsEnd(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "user-password"})
	a.Change("backend", func(u *double.User) { u.Sessions = 7 })
	p := serve(t, a)
	a.Arm(doubles.Fault{Do: doubles.ServerError, Method: "POST", Path: "logout"})
	values, _ := p.(provider.Maker).Make(t.Context(), provider.Request{})
	_, err := p.Issue(t.Context(), provider.Request{Values: values})
	faulttest.Want(t, "sessions not ended", err, fault.Unknown, "")
	if v, err := p.Issue(t.Context(), provider.Request{Values: values}); err != nil || a.Sessions("backend") != 0 || p.Verify(t.Context(), v) != nil {
		t.Errorf("%v, %d sessions", err, a.Sessions("backend"))
	}
	a.Change("backend", func(u *double.User) { u.Sessions = 7 })
	a.rotor.EndSessions = &noEnd
	if _, err := next(t, serve(t, a), nil); err != nil || a.Sessions("backend") != 7 {
		t.Errorf("%v, %d sessions", err, a.Sessions("backend"))
	}
}

// TestFederated: 204 and no effect. Verify finds out, and a note says so beforehand.
func TestFederated(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "user-password"})
	p := serve(t, a)
	if notes, err := p.(provider.Noter).Notes(t.Context(), provider.Request{}); err != nil || len(notes) != 0 {
		t.Errorf("%q, %v", notes, err)
	}
	a.Change("backend", func(u *double.User) { u.Federated = true })
	if notes, err := p.(provider.Noter).Notes(t.Context(), provider.Request{}); err != nil || len(notes) != 1 {
		t.Errorf("%q, %v", notes, err)
	}
	v, err := next(t, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "")
	if live, err := p.Probe(t.Context(), word(firstWord)); live != provider.Alive || err != nil {
		t.Errorf("the old one: %s, %v", live, err)
	}
}

// TestOneWrongLogin: a rotation tries one wrong password, the old one at its end.
func TestOneWrongLogin(t *testing.T) {
	a := newAccount(double.Options{LockAfter: 1}, keycloak.Options{Kind: "user-password"})
	p := serve(t, a)
	old := word(firstWord)
	if err := p.Preflight(t.Context(), provider.Request{Old: old.Values}); err != nil {
		t.Fatal(err)
	}
	v, err := next(t, p, old.Values)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Fatalf("before the old one is tried: %v, %v", err, p.Verify(t.Context(), v))
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
		t.Errorf("%s, %v", live, err)
	}
}

// TestDeadPassword: one that was ended already, and that Rotor is told to replace. Once it
// was refused, nobody tries it again: two wrong logins within a second would lock the
// account, so that the new password could not be tried, nor used.
func TestDeadPassword(t *testing.T) {
	a := newAccount(double.Options{Quick: time.Second}, keycloak.Options{Kind: "user-password"})
	p := serve(t, a)
	dead := word("double-ended-already")
	_, err := p.Identify(t.Context(), dead.Values)
	faulttest.Want(t, "Identify", err, fault.Rejected, "")
	if !errors.Is(err, provider.ErrRefused) {
		t.Errorf("does not say that the value was tried: %v", err)
	}
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Fatal(err)
	}
	v, err := next(t, p, dead.Values)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Fatalf("%v, %v", err, p.Verify(t.Context(), v))
	}
	if n := a.Wrong("backend"); n != 1 {
		t.Errorf("%d wrong logins", n)
	}
	a = newAccount(double.Options{Quick: time.Second}, keycloak.Options{Kind: "user-password"})
	p = serve(t, a)
	for range 2 {
		if _, err = p.Identify(t.Context(), dead.Values); !errors.Is(err, provider.ErrRefused) {
			t.Errorf("%v", err)
		}
	}
	faulttest.Want(t, "Preflight after two in a row", p.Preflight(t.Context(), provider.Request{}), fault.NeedsPerson, "unlock")
	a.Clock.Advance(time.Minute)
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Error(err)
	}
}

// TestLocked: the right password is refused as if it were wrong, and is neither called
// dead nor tried again.
func TestLocked(t *testing.T) {
	for _, old := range []bool{false, true} {
		a := newAccount(double.Options{Old: old, LockAfter: 1}, keycloak.Options{Kind: "user-password"})
		p := serve(t, a)
		if live, err := p.Probe(t.Context(), word("double-wrong")); live != provider.Refused || err != nil {
			t.Fatalf("%s, %v", live, err)
		}
		tried := a.Count("POST", "/realms/app/")
		live, err := p.Probe(t.Context(), word(firstWord))
		if live != provider.NotKnown || a.Count("POST", "/realms/app/") != tried {
			t.Errorf("while it is locked: %s, %v", live, err)
		}
		faulttest.Want(t, "Verify", p.Verify(t.Context(), word(firstWord)), fault.NeedsPerson, "unlock")
		faulttest.Want(t, "Preflight", p.Preflight(t.Context(), provider.Request{Old: word(firstWord).Values}), fault.NeedsPerson, "unlock")
		a.Clock.Advance(2 * time.Minute)
		if live, err := p.Probe(t.Context(), word(firstWord)); live != provider.Alive || err != nil {
			t.Errorf("afterwards: %s, %v", live, err)
		}
	}
}

// TestNotFullySetUp: the password is right, and only a person can help.
func TestNotFullySetUp(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "user-password"})
	p := serve(t, a)
	a.Change("backend", func(u *double.User) { u.Actions = []string{"CONFIGURE_TOTP", "UPDATE_PASSWORD"} })
	if live, err := p.Probe(t.Context(), word(firstWord)); live != provider.Restricted || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	faulttest.Want(t, "Verify", p.Verify(t.Context(), word(firstWord)), fault.NeedsPerson, "required actions")
	if live, err := p.Probe(t.Context(), word("double-wrong")); live != provider.Refused || err != nil {
		t.Errorf("a wrong one: %s, %v", live, err)
	}
	a.Change("backend", func(u *double.User) { u.Actions = []string{"UPDATE_PASSWORD"} })
	v, err := next(t, p, nil) // the new password is not temporary, so the action ends
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Errorf("%v", err)
	}
	a.Change("backend", func(u *double.User) { u.Disabled = true })
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || fault.KindOf(err) != fault.NeedsPerson {
		t.Errorf("disabled: %s, %v", live, err)
	}
}

// TestSecondFactor: a refusal of a user who has one proves nothing.
func TestSecondFactor(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "user-password"})
	a.Change("backend", func(u *double.User) { u.OTP = true })
	live, err := serve(t, a).Probe(t.Context(), word(firstWord))
	if live != provider.NotKnown {
		t.Errorf("%s", live)
	}
	faulttest.Want(t, "Probe", err, fault.NeedsPerson, "factor")
}

// TestItself: the administrator's own password, by the store that the target writes.
func TestItself(t *testing.T) {
	a := newAccount(double.Options{}, keycloak.Options{Kind: "user-password", Realm: "master", Username: "Admin", AdminUser: "admin"})
	store := a.AdminPassword
	a.admin = func() string { return store }
	p := serve(t, a)
	old := provider.Issued{Values: secret.Set{"password": secret.New(store)}}
	values, err := p.(provider.Maker).Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	req := provider.Request{Values: values, Old: old.Values}
	if err := p.Preflight(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	a.Arm(doubles.Fault{Do: doubles.DropAfter, Method: "PUT"}) // it is changed, and nobody knows
	_, err = p.Issue(t.Context(), req)
	faulttest.Want(t, "the lost answer", err, fault.Unknown, "")
	v, err := p.Issue(t.Context(), req) // the store still has the old one
	if err != nil {
		t.Fatalf("the same again: %v", err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("before it is published: %v", err)
	}
	store = values["password"].Reveal()
	if err := p.Verify(t.Context(), v); err != nil {
		t.Error(err)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
		t.Errorf("the old one: %s, %v", live, err)
	}
	// a value that was published and never arrived: the old one still lets us in
	store = "double-published-but-never-set"
	req.Values, _ = p.(provider.Maker).Make(t.Context(), provider.Request{})
	req.Old = values
	if v, err = p.Issue(t.Context(), req); err != nil {
		t.Errorf("by the old password: %v", err)
	}
	faulttest.Want(t, "Revoke", p.Revoke(t.Context(), v.Handle), fault.NeedsPerson, "another administrator")
}
