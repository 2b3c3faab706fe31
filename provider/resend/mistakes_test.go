package resend_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/resend"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/resend"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-resend-g1-a1", Generation: 1}

func TestBadOptions(t *testing.T) {
	for hint, o := range map[string]resend.Options{
		"full_access or sending_access": {},
		"does nothing but send":         {Permission: "full_access", Domain: "example.com"},
		"not its id":                    {Permission: "sending_access", Domain: "5ab2"},
		"the bare address":              {Permission: "sending_access", VerifyMail: "Rotor <rotor@example.com>"},
		"@example.com":                  {Permission: "sending_access", Domain: "example.com", VerifyMail: "rotor@example.org"},
		"a positive number":             {Permission: "full_access", RequestsPerSecond: -1},
		"https://":                      {Permission: "full_access", BaseURL: "http://api.example.com"},
	} {
		_, err := resend.New(o, secret.Fixed(secret.New("double")))
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}

// TestMistakes: what cannot work is said before and instead of any effect.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		double double.Options
		change func(*account)
		kind   fault.Kind
		hint   string
	}{
		{"dead management key", double.Options{}, func(a *account) { a.AdminKey = "double-of-nobody" }, fault.Denied, "what api-key refers to"},
		{"dead with 400", double.Options{DeadStatus: 400, DeadName: "validation_error"}, func(a *account) { a.AdminKey = "double-of-nobody" }, fault.Denied, "what api-key refers to"},
		{"management key that may only send", double.Options{}, func(a *account) { a.AdminKey = a.Key("x", true, "").Value }, fault.Denied, "full access"},
		{"unknown domain", double.Options{}, func(a *account) { a.opts.Domain = "example.net" }, fault.BadConfig, "same team"},
		{"management key of another team", double.Options{}, func(a *account) { a.AdminKey = a.Foreign(false) }, fault.BadConfig, "same team"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(c.double, resend.Options{Permission: "sending_access", Domain: "example.com"})
			c.change(a)
			before, p := len(a.Live()), serve(t, a)
			_, err := p.Issue(t.Context(), request)
			faulttest.Want(t, "Issue", err, c.kind, c.hint)
			faulttest.Want(t, "Preflight", p.Preflight(t.Context(), request), c.kind, c.hint)
			if n := len(a.Live()); n != before {
				t.Errorf("%d keys live, %d before", n, before)
			}
		})
	}
}

// TestDomainOnALaterPage: all pages are read for its id.
func TestDomainOnALaterPage(t *testing.T) {
	a := newAccount(double.Options{}, resend.Options{Permission: "sending_access", Domain: "last.example", VerifyMail: "rotor@last.example"})
	for range 150 {
		a.Domain(doubles.Text(10)+".example", "verified")
	}
	a.Domain("Last.example", "verified")
	if _, err := serve(t, a).Issue(t.Context(), request); err != nil {
		t.Error(err)
	}
}

// TestAnotherPermission: a new key would have more, or fewer, rights than the present
// one.
func TestAnotherPermission(t *testing.T) {
	a := newAccount(double.Options{}, resend.Options{Permission: "full_access"})
	old := request
	old.Old = value(a.Key("present", true, "").Value)
	faulttest.Want(t, "more", serve(t, a).Preflight(t.Context(), old), fault.BadConfig, "permission: sending_access")
	a.opts.ChangePermission = true
	if err := serve(t, a).Preflight(t.Context(), old); err != nil {
		t.Errorf("on purpose: %v", err)
	}
	a.opts.Permission, a.opts.ChangePermission = "sending_access", false
	if err := serve(t, a).Preflight(t.Context(), old); err != nil {
		t.Errorf("the same: %v", err)
	}
	old.Old = value(a.Key("present", false, "").Value)
	faulttest.Want(t, "fewer", serve(t, a).Preflight(t.Context(), old), fault.BadConfig, "permission: full_access")
	old.Old = value("double-of-nobody")
	if err := serve(t, a).Preflight(t.Context(), old); err != nil {
		t.Errorf("a dead one must not stop what replaces it: %v", err)
	}
}

// TestMail: the domain is found out by sending, once for each key, and never unasked.
func TestMail(t *testing.T) {
	a := newAccount(double.Options{}, resend.Options{Permission: "sending_access"})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil || p.Verify(t.Context(), v) != nil || a.Mails() != 0 {
		t.Fatalf("%v; %d mails unasked", err, a.Mails())
	}
	a.opts.VerifyMail = "rotor@example.com"
	p = serve(t, a)
	for range 3 {
		if err := p.Verify(t.Context(), v); err != nil {
			t.Error(err)
		}
	}
	if a.Mails() != 1 {
		t.Errorf("%d mails for one key", a.Mails())
	}
	a.Domain("later.example", "pending")
	a.opts.VerifyMail = "rotor@later.example"
	faulttest.Want(t, "not verified", serve(t, a).Verify(t.Context(), v), fault.Rejected, "verified")
	other := a.Key("other", true, a.Domain("example.net", "verified"))
	a.opts.VerifyMail, a.opts.Domain = "rotor@example.com", "example.com"
	err = serve(t, a).Verify(t.Context(), provider.Issued{Handle: rotation.Handle{ID: other.ID}, Values: value(other.Value)})
	faulttest.Want(t, "another domain", err, fault.Rejected, "option domain")
}

// TestQuota: a team that may send no more mail today has keys that work all the same; a
// limit of requests says nothing.
func TestQuota(t *testing.T) {
	for name, want := range map[string]bool{"daily_quota_exceeded": true, "monthly_quota_exceeded": true, "rate_limit_exceeded": false, "another": false} {
		a := newAccount(double.Options{Quota: name}, resend.Options{Permission: "sending_access", VerifyMail: "rotor@example.com"})
		p := serve(t, a)
		v, err := p.Issue(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if err = p.Verify(t.Context(), v); want && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !want {
			faulttest.Want(t, name, err, fault.Transient, "")
		}
		v.Values = value("double-of-nobody")
		faulttest.Want(t, name+", a dead key", p.Verify(t.Context(), v), fault.Rejected, "")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/domains" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted to only send emails"}`))
			return
		}
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`<html>daily_quota_exceeded`))
	}))
	t.Cleanup(server.Close)
	p := newAccount(double.Options{}, resend.Options{Permission: "sending_access", VerifyMail: "rotor@example.com"}).open(t, server.URL)
	faulttest.Want(t, "not Resend's own", p.Verify(t.Context(), provider.Issued{Values: value("double-key")}), fault.Transient, "")
}

// TestOddAnswers: what proves death, what proves life, and what proves nothing.
func TestOddAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   provider.Liveness
	}{
		{400, `{"statusCode":400,"name":"validation_error","message":"API key is invalid"}`, provider.Refused},
		{401, `{"statusCode":401,"name":"validation_error","message":"API key is invalid"}`, provider.Refused},
		{403, `{"statusCode":403,"name":"invalid_api_key","message":"API key is invalid."}`, provider.Refused},
		{403, `{"statusCode":403,"name":"invalid_api_key","message":"new words"}`, provider.Refused},
		{401, `{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted to only send emails"}`, provider.Alive},
		{401, `{"statusCode":401,"name":"missing_api_key","message":"Missing API key in the authorization header"}`, provider.NotKnown},
		{403, `{"statusCode":403,"name":"validation_error","message":"The example.com domain is not verified."}`, provider.NotKnown},
		{500, `{"statusCode":500,"name":"application_error","message":"API key is invalid"}`, provider.NotKnown},
		{429, `{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests"}`, provider.NotKnown},
		{200, `{}`, provider.NotKnown},
		{401, `{"error":"API key is invalid"}`, provider.NotKnown},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		p := newAccount(double.Options{}, resend.Options{Permission: "sending_access"}).open(t, server.URL)
		live, err := p.Probe(t.Context(), provider.Issued{Values: value("double-key")})
		if live != c.want || live == provider.NotKnown && err == nil {
			t.Errorf("%d %s: %s, %v", c.status, c.body, live, err)
		}
		if err := p.Revoke(t.Context(), rotation.Handle{ID: "key"}); err == nil || strings.Contains(c.body, "missing_api_key") && fault.KindOf(err) != fault.Unknown {
			t.Errorf("Revoke answered with %d %s: %v", c.status, c.body, err)
		}
		server.Close()
	}
}

// TestTwoASecond: the team's limit turns requests away; nothing is taken for dead, and
// the wish of the vendor comes through.
func TestTwoASecond(t *testing.T) {
	a := newAccount(double.Options{PerSecond: 2}, resend.Options{Permission: "sending_access"})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil || p.Verify(t.Context(), v) != nil {
		t.Fatal(err)
	}
	live, err := p.Probe(t.Context(), v)
	if live != provider.NotKnown || fault.KindOf(err) != fault.Transient || fault.RetryAfterOf(err) != time.Second {
		t.Errorf("%s, %v, again after %v", live, err, fault.RetryAfterOf(err))
	}
	a.Clock.Advance(time.Second)
	if live, err := p.Probe(t.Context(), v); live != provider.Alive {
		t.Errorf("a second later: %s, %v", live, err)
	}
}

// TestTimes: Resend's own form is read. null is never; what is not told is not known, and
// what cannot be read is no answer: never would allow to end a key that is in use.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-10-06 23:47:56.678+00"`: "2026-10-06T23:47:56.678Z", `"2026-10-06 23:47:56+02"`: "2026-10-06T21:47:56Z",
		`"2026-10-06T23:47:56.678Z"`: "2026-10-06T23:47:56.678Z", `null`: "never", ``: "not known",
		`"soon"`: "unreadable", `""`: "unreadable", `1790000000`: "unreadable", `{"at":"2026-10-06 23:47:56+02"}`: "unreadable",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			dates := ""
			if text != "" {
				dates = `,"created_at":` + text + `,"last_used_at":` + text
			}
			_, _ = w.Write([]byte(`{"object":"list","has_more":false,"data":[{"id":"k","name":"n"` + dates + `}]}`))
		}))
		p := newAccount(double.Options{}, resend.Options{Permission: "sending_access"}).open(t, server.URL)
		u, err := p.Usage(t.Context(), rotation.Handle{ID: "k"})
		got := u.LastUsed.Format(time.RFC3339Nano)
		switch {
		case err != nil && fault.KindOf(err) == fault.Unknown && !u.Known:
			got = "unreadable"
		case !u.Known:
			got = "not known"
		case u.LastUsed.IsZero():
			got = "never"
		}
		if got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
		// when it was made decides whether a key can be ours
		if _, err := p.Find(t.Context(), "n"); (want == "unreadable") != (err != nil && fault.KindOf(err) == fault.Unknown) {
			t.Errorf("Find: %s: %v", text, err)
		}
		if _, err := p.Find(t.Context(), "another"); err != nil {
			t.Errorf("Find of others: %s: %v", text, err)
		}
		server.Close()
	}
}

// TestAListThatCannotGoOn: there is more, and nothing that leads to it.
func TestAListThatCannotGoOn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"object":"list","has_more":true,"data":[]}`))
	}))
	t.Cleanup(server.Close)
	p := newAccount(double.Options{}, resend.Options{Permission: "sending_access", Domain: "example.com"}).open(t, server.URL)
	_, err := p.Find(t.Context(), "rotor-")
	faulttest.Want(t, "Find", err, fault.Unknown, "")
	_, err = p.Issue(t.Context(), request)
	faulttest.Want(t, "Issue", err, fault.Unknown, "")
}

// TestAKeyFromBeforeRotor: nobody knows its id, so a person is told what to look for.
func TestAKeyFromBeforeRotor(t *testing.T) {
	p := serve(t, newAccount(double.Options{}, resend.Options{Permission: "sending_access"}))
	if text := p.Instructions(rotation.Revoke, provider.Request{}); !strings.Contains(text, "generation 0") || !strings.Contains(text, "last used") {
		t.Error(text)
	}
	// after a lost state, or of another installation, it may bear a name that Rotor gave
	if text := p.Instructions(rotation.Revoke, provider.Request{Label: request.Label}); strings.Contains(text, "not the one") {
		t.Error(text)
	}
	if text := p.Instructions(rotation.Revoke, provider.Request{Generation: 3, Current: rotation.Handle{ID: "the-id"}}); !strings.Contains(text, "the-id") {
		t.Error(text)
	}
	if _, can := any(p).(provider.Identifier); can {
		t.Error("nothing tells whose a value is")
	}
}
