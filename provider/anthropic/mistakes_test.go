package anthropic_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/anthropic"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/anthropic"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) *anthropic.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

// supply is what a person hands over.
func supply(text string) provider.Request {
	return provider.Request{Label: "rotor-test-e1-anthropic-g1-a1", Generation: 1, Values: value(text)}
}

func TestBadOptions(t *testing.T) {
	for hint, o := range map[string]anthropic.Options{
		"wrkspc_":           {Workspace: "a/b"},
		"1 to 3650":         {ExpiresDays: -1},
		"a positive number": {RequestsPerSecond: -1},
		"https://":          {BaseURL: "http://api.example.com"},
	} {
		_, err := anthropic.New(o, secret.Fixed(secret.New("double")))
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// TestWrongAdminKeys: who gave Rotor the wrong key is told which one it must be.
func TestWrongAdminKeys(t *testing.T) {
	for _, c := range []struct {
		name, hint string
		key        func(*account) string
	}{
		{"of nobody", "admin-key", func(*account) string { return "double-of-nobody" }},
		{"no admin key", "an admin key", func(a *account) string { return a.Mint("api", a.Workspace, 0).Value }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(double.Options{}, anthropic.Options{})
			made := a.Mint("new", a.Workspace, 0)
			server := httptest.NewServer(a.Double)
			defer server.Close()
			p, err := anthropic.New(anthropic.Options{BaseURL: server.URL, RequestsPerSecond: 1e6}, secret.Fixed(secret.New(c.key(a))))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			_, err = p.Issue(t.Context(), supply(made.Value))
			faulttest.Want(t, "Issue", err, fault.Denied, c.hint)
			faulttest.Want(t, "Preflight", p.Preflight(t.Context(), provider.Request{}), fault.Denied, c.hint)
			faulttest.Want(t, "Revoke", p.Revoke(t.Context(), rotation.Handle{ID: made.ID}), fault.Denied, c.hint)
			if a.Status(made.ID) != double.Active {
				t.Error("the key changed")
			}
		})
	}
}

// TestPastes: a value that must not be taken is refused before anything happens, in
// words that say why and do not repeat it.
func TestPastes(t *testing.T) {
	a := newAccount(double.Options{PageMost: 3}, anthropic.Options{ExpiresDays: 30})
	days := func(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }
	with := func(status string) string {
		k := a.Mint(status, a.Workspace, days(30))
		a.Set(k.ID, status)
		return k.Value
	}
	short, twin := a.Mint("short", a.Workspace, time.Hour), a.Mint("twin", a.Workspace, days(30))
	a.Alike(twin)
	cases := map[string]struct{ value, hint string }{
		"nothing":                 {"", "that the Console showed"},
		"an admin key":            {"sk-ant-admin01-double-double-double", "a key for the API"},
		"a token of a login":      {"sk-ant-oat01-double-double-double", "in the Console"},
		"a line break":            {a.Mint("x", a.Workspace, days(30)).Value + "\n", "without spaces"},
		"a part":                  {"double-api03", "whole"},
		"another organisation's":  {"double-api03-" + doubles.Text(40), "of the organisation"},
		"another workspace's":     {a.Mint("x", "wrkspc_other", days(30)).Value, a.Workspace},
		"the default workspace's": {a.Mint("x", "", days(30)).Value, a.Workspace},
		"inactive":                {with(double.Inactive), "make a new key"},
		"archived":                {with(double.Archived), "make a new key"},
		"expired":                 {short.Value, "make a new key"},
		"two that look alike":     {twin.Value, "make another key"},
		"one that lives for ever": {a.Mint("x", a.Workspace, 0).Value, "30 days"},
		"one that lives too long": {a.Mint("x", a.Workspace, days(90)).Value, "30 days"},
	}
	a.Clock.Advance(2 * time.Hour)
	p := serve(t, a)
	before := len(a.Live())
	for name, c := range cases {
		_, err := p.Issue(t.Context(), supply(c.value))
		faulttest.Want(t, name, err, fault.Rejected, c.hint)
		if err != nil && c.value != "" && strings.Contains(err.Error()+fault.HintOf(err), strings.TrimSpace(c.value)) {
			t.Errorf("%s: the words repeat the value: %v", name, err)
		}
	}
	if a.Count("POST", "") != 0 || len(a.Live()) != before {
		t.Error("something was changed")
	}
}

// TestWhatTheKeySaysOfItself: the engine refuses what is too old by Created.
func TestWhatTheKeySaysOfItself(t *testing.T) {
	a := newAccount(double.Options{}, anthropic.Options{})
	k := a.Mint("old", a.Workspace, 90*24*time.Hour)
	a.Clock.Advance(48 * time.Hour)
	v, err := serve(t, a).Issue(t.Context(), supply(k.Value))
	if err != nil || v.Handle.ID != k.ID || !v.Created.Equal(k.Born) || v.NotAfter.Sub(k.Expires).Abs() > time.Second {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestUnrecognisable: where the list shows nothing of the keys a person is told how it
// goes on; what is known already goes on working.
func TestUnrecognisable(t *testing.T) {
	a := newAccount(double.Options{NoHint: true}, anthropic.Options{})
	k := a.Mint("x", a.Workspace, 0)
	p := serve(t, a)
	_, err := p.Issue(t.Context(), supply(k.Value))
	faulttest.Want(t, "Issue", err, fault.NeedsPerson, "manual")
	if err := p.Verify(t.Context(), provider.Issued{Handle: rotation.Handle{ID: k.ID}, Values: value(k.Value)}); err != nil {
		t.Error(err)
	}
	twin := newAccount(double.Options{}, anthropic.Options{})
	one := twin.Mint("x", twin.Workspace, 0)
	twin.Alike(one)
	_, err = serve(t, twin).Identify(t.Context(), value(one.Value))
	faulttest.Want(t, "Identify of one of two", err, fault.NeedsPerson, "beginning and the end")
}

// TestRevoke goes from every state to an end, and never back.
func TestRevoke(t *testing.T) {
	for _, c := range []struct {
		name  string
		opts  double.Options
		state string
		want  string
		posts int
	}{
		{"active", double.Options{}, double.Active, double.Archived, 2},
		{"of an API that does not archive", double.Options{Kept: true}, double.Active, double.Inactive, 2},
		{"inactive", double.Options{}, double.Inactive, double.Archived, 1},
		{"archived", double.Options{}, double.Archived, double.Archived, 0},
		{"expired", double.Options{}, "expired", "expired", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(c.opts, anthropic.Options{})
			k := a.Mint("x", a.Workspace, time.Hour)
			if c.state == "expired" {
				a.Clock.Advance(2 * time.Hour)
			} else {
				a.Set(k.ID, c.state)
			}
			if err := serve(t, a).Revoke(t.Context(), rotation.Handle{ID: k.ID}); err != nil {
				t.Fatal(err)
			}
			if got := a.Status(k.ID); got != c.want || a.Count("POST", "") != c.posts {
				t.Errorf("%s after %d changes, want %s after %d", got, a.Count("POST", ""), c.want, c.posts)
			}
		})
	}
}

// TestRestricted: a key that may not list models lives, and lacks a right.
func TestRestricted(t *testing.T) {
	a := newAccount(double.Options{}, anthropic.Options{})
	k := a.Mint("x", a.Workspace, 0)
	a.Limit(k.ID)
	p := serve(t, a)
	v := provider.Issued{Handle: rotation.Handle{ID: k.ID}, Values: value(k.Value)}
	if live, err := p.Probe(t.Context(), v); live != provider.Restricted || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "rights")
}

// TestASecondSwitchOn: a person who activates a key again while it is being ended sees
// it said that it still works.
func TestASecondSwitchOn(t *testing.T) {
	a := newAccount(double.Options{}, anthropic.Options{})
	k := a.Mint("x", a.Workspace, 0)
	p := serve(t, a)
	v := provider.Issued{Handle: rotation.Handle{ID: k.ID}, Values: value(k.Value)}
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	a.Set(k.ID, double.Active)
	if live, err := p.Probe(t.Context(), v); live != provider.Alive || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	if err := p.Revoke(t.Context(), v.Handle); err != nil || a.Status(k.ID) != double.Archived {
		t.Errorf("%v, %s", err, a.Status(k.ID))
	}
}

// TestAnotherOrganisationsAdminKey: the vendor knows no such key there. That it still
// works is for the probe to see, and it does.
func TestAnotherOrganisationsAdminKey(t *testing.T) {
	a, other := newAccount(double.Options{}, anthropic.Options{}), newAccount(double.Options{}, anthropic.Options{})
	k := a.Mint("x", a.Workspace, 0)
	_, err := serve(t, other).Issue(t.Context(), supply(k.Value))
	faulttest.Want(t, "Issue", err, fault.Rejected, "of the organisation")
	v := provider.Issued{Handle: rotation.Handle{ID: k.ID}, Values: value(k.Value)}
	if err := serve(t, other).Revoke(t.Context(), v.Handle); err != nil {
		t.Errorf("no such key: %v", err)
	}
	if live, err := serve(t, a).Probe(t.Context(), v); live != provider.Alive || err != nil {
		t.Errorf("%s, %v", live, err)
	}
}
