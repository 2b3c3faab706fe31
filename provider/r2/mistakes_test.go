package r2_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/cloudflare"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/r2"
	"github.com/agenticverz/rotor/secret"
)

var request = provider.Request{Label: "rotor-test-e1-r2-g1-a1", Generation: 1}

// serve opens the account over HTTP.
func serve(t *testing.T, a *account) *r2.Provider {
	server := httptest.NewServer(a.Double)
	t.Cleanup(server.Close)
	return a.open(t, server.URL, server.URL)
}

func issue(t *testing.T, p *r2.Provider) provider.Issued {
	t.Helper()
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// wantFault: the kind, and words that help.
func wantFault(t *testing.T, what string, err error, kind fault.Kind, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error()+" "+fault.HintOf(err), words) {
		t.Errorf("%s: %v, %v; hint %q, want %s and %q", what, fault.KindOf(err), err, fault.HintOf(err), kind, words)
	}
}

func TestBadOptions(t *testing.T) {
	id := strings.Repeat("0a", 16)
	for words, o := range map[string]r2.Options{
		"32 hex digits":       {AccountID: "acme", Buckets: []string{bucket}},
		"account or user":     {AccountID: id, Owner: "team", Buckets: []string{bucket}},
		"read or write":       {AccountID: id, Permission: "admin", Buckets: []string{bucket}},
		"one of them out":     {AccountID: id, Permission: "read", VerifyWrite: true, Buckets: []string{bucket}},
		"name the buckets":    {AccountID: id, AllBuckets: true},
		"bucket's name alone": {AccountID: id, Buckets: []string{"app/files"}},
		"eu or fedramp":       {AccountID: id, Jurisdiction: "e.u", Buckets: []string{bucket}},
		"1 to 3650":           {AccountID: id, ExpiresDays: -1, Buckets: []string{bucket}},
		"a positive number":   {AccountID: id, RequestsPerSecond: -1, Buckets: []string{bucket}},
		"use https://":        {AccountID: id, BaseURL: "http://api.example.com", Buckets: []string{bucket}},
		"not the address of":  {AccountID: id, S3Endpoint: "r2.example.com", Buckets: []string{bucket}},
	} {
		_, err := r2.New(o, secret.Fixed(secret.New("double")))
		wantFault(t, words, err, fault.BadConfig, words)
	}
}

// TestMistakes: what Cloudflare says no to is said in a way that helps, before and
// instead of any effect, whether it comes with the right status or with 200.
func TestMistakes(t *testing.T) {
	for _, mild := range []bool{false, true} {
		for _, c := range []struct {
			name      string
			change    func(*account)
			kind      fault.Kind
			words     string
			preflight bool // it tells beforehand
		}{
			{"dead token", func(a *account) { a.token = "double-of-nobody" }, fault.Denied, "deleted, expired", true},
			{"no rights", func(a *account) { a.token = a.Weak() }, fault.Denied, "API Tokens Edit", true},
			{"another account", func(a *account) { a.opts.AccountID = strings.Repeat("0a", 16) }, fault.Denied, "another account", true},
			{"quota", func(a *account) { a.Token("user", "x", bucket, true) }, fault.Rejected, "about 50", false},
		} {
			name := c.name
			if mild {
				name += ", with status 200"
			}
			t.Run(name, func(t *testing.T) {
				a := newAccount(double.Options{Most: 1, Mild: mild}, r2.Options{})
				if c.name == "quota" {
					a.opts.Owner = "user"
				}
				c.change(a)
				before := len(a.Live(a.family()))
				p := serve(t, a)
				_, err := p.Issue(t.Context(), request)
				wantFault(t, "Issue", err, c.kind, c.words)
				if c.preflight {
					wantFault(t, "Preflight", p.Preflight(t.Context(), request), c.kind, c.words)
				}
				if n := len(a.Live(a.family())); n != before {
					t.Errorf("%d tokens live, before %d", n, before)
				}
			})
		}
	}
}

// TestAWrongClock: it is no sign of a dead key, and no reason to refuse a value.
func TestAWrongClock(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		a := newAccount(double.Options{}, r2.Options{})
		p := serve(t, a)
		v := issue(t, p)
		a.Skew(by)
		wantFault(t, "Verify", p.Verify(t.Context(), v), fault.BadConfig, "clock of this machine")
		live, err := p.Probe(t.Context(), v)
		wantFault(t, "Probe", err, fault.BadConfig, "clock of this machine")
		if live != provider.NotKnown {
			t.Errorf("Probe: %s", live)
		}
	}
}

// TestWrongPlaces: the key is right, and where it is tried is not.
func TestWrongPlaces(t *testing.T) {
	a := newAccount(double.Options{}, r2.Options{AllBuckets: true})
	v := issue(t, serve(t, a))
	a.opts.Buckets = []string{"no-such-bucket"}
	wantFault(t, "no such bucket", serve(t, a).Verify(t.Context(), v), fault.BadConfig, "check buckets")
	if live, err := serve(t, a).Probe(t.Context(), v); live != provider.NotKnown || err == nil {
		t.Errorf("Probe where there is no bucket: %s, %v", live, err)
	}
	a.opts.Buckets, a.opts.Owner = []string{bucket}, "user"
	wantFault(t, "another owner", serve(t, a).Verify(t.Context(), provider.Issued{Values: v.Values}), fault.Rejected, "see owner")
	_, err := serve(t, a).Identify(t.Context(), v.Values)
	wantFault(t, "Identify at another owner", err, fault.Rejected, "see owner")
}

// TestPairs: the wrong half, the two swapped, and a key of another bucket.
func TestPairs(t *testing.T) {
	a := newAccount(double.Options{}, r2.Options{})
	p := serve(t, a)
	v := issue(t, p)
	id, key := v.Values["access_key_id"].Reveal(), v.Values["secret_access_key"].Reveal()
	for what, values := range map[string]secret.Set{"the wrong half": pair(id, strings.Repeat("0", 64)), "swapped": pair(key, id)} {
		wantFault(t, what, p.Verify(t.Context(), provider.Issued{Values: values}), fault.Rejected, "not that of the key id")
		if live, _ := p.Probe(t.Context(), provider.Issued{Values: values}); live != provider.NotKnown {
			t.Errorf("%s: Probe says %s", what, live)
		}
	}
	// that S3 does not know a key is half a proof, so nobody may take the value for dead
	_, err := p.Identify(t.Context(), pair(strings.Repeat("0", 32), strings.Repeat("0", 64)))
	wantFault(t, "Identify of an unknown key", err, fault.Rejected, "")
	if errors.Is(err, provider.ErrRefused) {
		t.Error("half a proof is called a refusal")
	}
	elsewhere := a.Token("account", "elsewhere", "other-files", true)
	values := a.values(elsewhere.ID, elsewhere.Value)
	wantFault(t, "a key of another bucket", p.Verify(t.Context(), provider.Issued{Values: values}), fault.Rejected, "lacks a right")
	if live, err := p.Probe(t.Context(), provider.Issued{Values: values}); live != provider.Restricted || err != nil {
		t.Errorf("a key of another bucket: Probe says %s, %v", live, err)
	}
}

// TestMayItWrite: a key that can only read passes no Verify that wants to write, by its
// policies or by trying; and trying leaves nothing behind.
func TestMayItWrite(t *testing.T) {
	for _, try := range []bool{false, true} {
		a := newAccount(double.Options{}, r2.Options{VerifyWrite: try})
		weak, strong := a.Token("account", "weak", bucket, false), a.Token("account", "strong", bucket, true)
		p := serve(t, a)
		err := p.Verify(t.Context(), provider.Issued{Values: a.values(weak.ID, weak.Value)})
		wantFault(t, "read only", err, fault.Rejected, "writing")
		if err := p.Verify(t.Context(), provider.Issued{Values: a.values(strong.ID, strong.Value)}); err != nil {
			t.Errorf("verify-write %v: %v", try, err)
		}
		if a.Objects() != 0 {
			t.Errorf("verify-write %v leaves %d objects", try, a.Objects())
		}
		if n := a.Count("DELETE", "/s3/"+bucket+"/rotor-verify-"); (n > 0) != try {
			t.Errorf("verify-write %v: %d objects asked for", try, n)
		}
		a.opts.Permission, a.opts.VerifyWrite = "read", false
		if err := serve(t, a).Verify(t.Context(), provider.Issued{Values: a.values(weak.ID, weak.Value)}); err != nil {
			t.Errorf("permission read: %v", err)
		}
	}
}

// TestDeadIsTwoThings: neither the word of S3 nor that of the API is enough alone.
func TestDeadIsTwoThings(t *testing.T) {
	for _, withToken := range []bool{false, true} {
		for name, c := range map[string]struct {
			double double.Options
			change func(*account, string)
			want   provider.Liveness
		}{
			"not arrived yet":    {double.Options{}, nil, provider.NotKnown},
			"deleted, and works": {double.Options{}, nil, provider.Alive},
			"disabled":           {double.Options{}, func(a *account, id string) { a.Disable(id) }, provider.Refused},
			"expired":            {double.Options{}, func(a *account, _ string) { a.Clock.Advance(10 * 24 * time.Hour) }, provider.Expired},
		} {
			o := c.double
			switch name {
			case "not arrived yet":
				o.Delay.Issue = time.Minute
			case "deleted, and works":
				o.Delay.Revoke = time.Minute
			}
			a := newAccount(o, r2.Options{Token: withToken, ExpiresDays: 5})
			p := serve(t, a)
			v := issue(t, p)
			if c.change != nil {
				c.change(a, v.Values["access_key_id"].Reveal())
			}
			if name == "deleted, and works" {
				if err := p.Revoke(t.Context(), v.Handle); err != nil {
					t.Fatal(err)
				}
			}
			live, err := p.Probe(t.Context(), v)
			if live != c.want || live == provider.NotKnown && err == nil {
				t.Errorf("%s, token %v: %s, %v; want %s", name, withToken, live, err, c.want)
			}
		}
	}
}

// TestTheTokenItself: the third field is checked against the other two.
func TestTheTokenItself(t *testing.T) {
	a := newAccount(double.Options{}, r2.Options{Token: true})
	p := serve(t, a)
	v := issue(t, p)
	if n := len(v.Values); n != 3 || v.NotAfter != (time.Time{}) {
		t.Errorf("%d fields, not after %s", n, v.NotAfter)
	}
	v.Values["token"] = secret.New("double-another")
	wantFault(t, "another token", p.Verify(t.Context(), v), fault.Rejected, "does not belong")
}

// TestAnotherAccount: what another account, or the user instead of the account, says of a
// token is no word about it. It is asked nothing, and ends nothing.
func TestAnotherAccount(t *testing.T) {
	for _, name := range []string{"another account", "the user"} {
		a := newAccount(double.Options{}, r2.Options{})
		v := issue(t, serve(t, a))
		b := a
		if name == "another account" {
			b = newAccount(double.Options{}, r2.Options{})
		} else {
			b.opts.Owner = "user"
		}
		p := serve(t, b)
		before := len(b.Seen())
		const hint = "put the old one back"
		wantFault(t, name+": Revoke", p.Revoke(t.Context(), v.Handle), fault.BadConfig, hint)
		wantFault(t, name+": Verify", p.Verify(t.Context(), v), fault.BadConfig, hint)
		_, err := p.Usage(t.Context(), v.Handle)
		wantFault(t, name+": Usage", err, fault.BadConfig, hint)
		live, err := p.Probe(t.Context(), v)
		wantFault(t, name+": Probe", err, fault.BadConfig, hint)
		if live != provider.NotKnown || len(b.Seen()) != before || len(a.Live("account")) != 1 {
			t.Errorf("%s: %s, %d requests, %d tokens live", name, live, len(b.Seen())-before, len(a.Live("account")))
		}
	}
}

// TestGoneOrNot: "no such path" is no word about a token.
func TestGoneOrNot(t *testing.T) {
	for body, kind := range map[string]fault.Kind{
		`{"success":false,"errors":[{"code":7003,"message":"Could not route to /x, perhaps your object identifier is invalid?"}],"messages":[],"result":null}`: fault.BadConfig,
		`{"message":"not found"}`: fault.BadConfig,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(body))
		}))
		a := newAccount(double.Options{}, r2.Options{})
		wantFault(t, body, a.open(t, server.URL, server.URL).Revoke(t.Context(), a.handle("0a")), kind, "")
		server.Close()
	}
}

// TestSenselessAnswers prove nothing.
func TestSenselessAnswers(t *testing.T) {
	for _, body := range []string{`{}`, `{"success":true}`, `{"success":true,"result":null}`, `{"success":false,"errors":[]}`, `{"success":true,"result":{"id":"x"}}`, `{"success":true,"result":"x"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "permission_groups") {
				_, _ = w.Write([]byte(`{"success":true,"errors":[],"result":[{"id":"1","name":"Workers R2 Storage Bucket Item Write"}]}`))
				return
			}
			_, _ = w.Write([]byte(body))
		}))
		a := newAccount(double.Options{}, r2.Options{})
		p := a.open(t, server.URL, server.URL)
		_, err := p.Issue(t.Context(), request)
		wantFault(t, "Issue "+body, err, fault.Unknown, "")
		wantFault(t, "Revoke "+body, p.Revoke(t.Context(), a.handle("0a")), fault.Unknown, "")
		server.Close()
	}
}
