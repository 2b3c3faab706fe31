package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
)

// TestRevokesAnHour: more than GitHub takes is worth another try, later.
func TestRevokesAnHour(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "pat"})
	by := serve(t, a).(provider.ValueRevoker)
	for range 60 {
		if err := by.RevokeValue(t.Context(), provider.Issued{Values: value("ghp_double-of-nobody")}); err != nil {
			t.Fatal(err)
		}
	}
	v := provider.Issued{Values: value(a.token())}
	err := by.RevokeValue(t.Context(), v)
	faulttest.Want(t, "the 61st", err, fault.Transient, "limit")
	untilReset(t, err)
	a.Clock.Advance(time.Hour)
	if err := by.RevokeValue(t.Context(), v); err != nil {
		t.Error(err)
	}
	if live, err := by.(provider.Prober).Probe(t.Context(), v); live != provider.Refused || err != nil {
		t.Errorf("%s, %v", live, err)
	}
}

// untilReset: GitHub says when the hour begins anew, and we wait for that. Who tries in
// seconds instead has soon tried often enough to turn a rotation back.
func untilReset(t *testing.T, err error) {
	t.Helper()
	if wish := fault.RetryAfterOf(err); wish < 59*time.Minute || wish > time.Hour {
		t.Errorf("again after %s: %v", wish, err)
	}
}

// TestRequestsAnHour: a used-up hour is waited for, and proves nothing of the token.
func TestRequestsAnHour(t *testing.T) {
	for _, kind := range []string{"pat", "installation-token", "deploy-key"} {
		t.Run(kind, func(t *testing.T) {
			a := newAccount(t, double.Options{PerHour: 3}, github.Options{Kind: kind})
			p := serve(t, a)
			use, v := func() error { return p.(provider.Preflighter).Preflight(t.Context(), request) }, provider.Issued{}
			switch kind {
			case "pat":
				v.Values = value(a.token())
			case "installation-token":
				v.Values = value(a.InstallationToken())
			}
			if v.Values != nil {
				use = func() error { return p.Verify(t.Context(), v) }
			}
			for range 3 {
				if err := use(); err != nil {
					t.Fatal(err)
				}
			}
			err := use()
			faulttest.Want(t, "the 4th", err, fault.Transient, "limit")
			untilReset(t, err)
			if v.Values != nil {
				if live, err := p.(provider.Prober).Probe(t.Context(), v); live != provider.NotKnown {
					t.Errorf("%s, %v", live, err)
				}
			}
			a.Clock.Advance(fault.RetryAfterOf(err) + time.Second)
			if err := use(); kind != "installation-token" && err != nil { // that one has ended by then
				t.Errorf("an hour later: %v", err)
			}
		})
	}
}

// TestLockedOut: after too many logins with dead tokens a living one is refused too,
// which proves nothing of it.
func TestLockedOut(t *testing.T) {
	a := newAccount(t, double.Options{BadLogins: 5}, github.Options{Kind: "pat"})
	p := serve(t, a)
	dead, alive := provider.Issued{Values: value("ghp_double-of-nobody-at-all")}, provider.Issued{Values: value(a.token())}
	for n := range 8 {
		live, err := p.(provider.Prober).Probe(t.Context(), dead)
		if want := map[bool]provider.Liveness{true: provider.Refused, false: provider.NotKnown}[n < 5]; live != want {
			t.Errorf("%d: %s, %v", n, live, err)
		}
	}
	live, err := p.(provider.Prober).Probe(t.Context(), alive)
	if live != provider.NotKnown {
		t.Errorf("%s, %v", live, err)
	}
	faulttest.Want(t, "Verify", p.Verify(t.Context(), alive), fault.Transient, "locks this address out")
	a.Clock.Advance(2 * time.Minute)
	if err := p.Verify(t.Context(), alive); err != nil {
		t.Error(err)
	}
}

// TestSettlingIsSlow: the engine asks eight times within Settle; every fifteen seconds
// is no attack.
func TestSettlingIsSlow(t *testing.T) {
	for _, kind := range []string{"pat", "installation-token"} {
		a := newAccount(t, double.Options{}, github.Options{Kind: kind})
		if every := serve(t, a).Traits().Settle / 8; every < 10*time.Second {
			t.Errorf("%s: every %s", kind, every)
		}
	}
}

// TestOddAnswers: a refusal in GitHub's form, and what merely looks like one.
func TestOddAnswers(t *testing.T) {
	const form = `{"message":"%s","documentation_url":"https://docs.github.com/rest","status":"%d"}`
	for _, c := range []struct {
		status int
		body   string
		header http.Header
		want   provider.Liveness
		kind   fault.Kind
	}{
		{401, fmt.Sprintf(form, "Bad credentials", 401), nil, provider.Refused, 0},
		{401, `{"message":"Bad credentials"}`, nil, provider.NotKnown, fault.Unknown},
		{401, fmt.Sprintf(form, "Requires authentication", 401), nil, provider.NotKnown, fault.Unknown},
		{403, fmt.Sprintf(form, "Bad credentials", 403), nil, provider.NotKnown, fault.Unknown},
		{403, fmt.Sprintf(form, "Sorry. Your account was suspended", 403), nil, provider.NotKnown, fault.Unknown},
		{403, fmt.Sprintf(form, "API rate limit exceeded for user ID 1.", 403), nil, provider.NotKnown, fault.Transient},
		{403, fmt.Sprintf(form, "You have exceeded a secondary rate limit", 403), http.Header{"Retry-After": {"60"}}, provider.NotKnown, fault.Transient},
		{403, fmt.Sprintf(form, "no", 403), http.Header{"X-Ratelimit-Remaining": {"0"}}, provider.NotKnown, fault.Transient},
		{403, `<html>`, http.Header{"X-Ratelimit-Remaining": {"0"}}, provider.NotKnown, fault.Unknown},
		{404, fmt.Sprintf(form, "Not Found", 404), nil, provider.NotKnown, fault.Unknown},
		{400, `<html>`, nil, provider.NotKnown, fault.Unknown},
		{407, `<html>`, nil, provider.NotKnown, fault.BadConfig},
		{429, `<html>`, nil, provider.NotKnown, fault.Transient},
		{301, fmt.Sprintf(form, "Moved Permanently", 301), nil, provider.NotKnown, fault.BadConfig},
		{200, `{}`, nil, provider.NotKnown, fault.Unknown},
		{200, `[]`, nil, provider.NotKnown, fault.Unknown},
	} {
		for _, kind := range []string{"pat", "installation-token"} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range c.header {
					w.Header()[name] = values
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			p := newAccount(t, double.Options{}, github.Options{Kind: kind}).open(t, server.URL)
			live, err := p.(provider.Prober).Probe(t.Context(), provider.Issued{Values: value("ghp_double")})
			if live != c.want || live == provider.NotKnown && (err == nil || fault.KindOf(err) != c.kind) {
				t.Errorf("%s: %d %s: %s, %v", kind, c.status, c.body, live, err)
			}
			if c.want == provider.NotKnown && c.kind == fault.Unknown && c.status/100 == 4 {
				faulttest.Want(t, kind+": Verify", p.Verify(t.Context(), provider.Issued{Values: value("ghp_double")}), fault.Unknown, "nothing of the token")
			}
			server.Close()
		}
	}
}

// TestExpiryInAnyForm: both that GitHub has been seen to send, and what is none.
func TestExpiryInAnyForm(t *testing.T) {
	at := time.Date(2026, 12, 31, 10, 2, 18, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-12-31 10:02:18 UTC": at, "2026-12-31 10:02:18 +0000": at, "2026-12-31 12:02:18 +0200": at,
		"": {}, "never": {},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Github-Authentication-Token-Expiration", text)
			fmt.Fprint(w, `{"login":"double-person"}`)
		}))
		p := newAccount(t, double.Options{}, github.Options{Kind: "pat"}).open(t, server.URL)
		v, err := p.Issue(t.Context(), provider.Request{Values: value("ghp_double-double-double")})
		if err != nil || !v.NotAfter.Equal(want) {
			t.Errorf("%q: %v, %v", text, v.NotAfter, err)
		}
		server.Close()
	}
}
