package r2_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/cloudflare"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/r2"
)

// TestWhatIsAskedFor: the vendor's document lets almost every body pass; what we know
// of it stands here.
func TestWhatIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		opts      r2.Options
		resources string // with A for the account
	}{
		"one bucket":   {r2.Options{}, `{"com.cloudflare.edge.r2.bucket.A_default_app-files":"*"}`},
		"jurisdiction": {r2.Options{Jurisdiction: "eu", Permission: "read"}, `{"com.cloudflare.edge.r2.bucket.A_eu_app-files":"*"}`},
		"all buckets":  {r2.Options{AllBuckets: true, ExpiresDays: 7}, `{"com.cloudflare.api.account.A":{"com.cloudflare.edge.r2.bucket.*":"*"}}`},
	} {
		a := newAccount(double.Options{}, c.opts)
		var body []byte
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, _ = io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			a.ServeHTTP(w, r)
		}))
		issue(t, a.open(t, server.URL, server.URL))
		server.Close()
		var in struct {
			Name     string `json:"name"`
			Expires  string `json:"expires_on"`
			Policies []struct {
				Effect    string          `json:"effect"`
				Resources json.RawMessage `json:"resources"`
				Groups    []struct {
					ID string `json:"id"`
				} `json:"permission_groups"`
			} `json:"policies"`
		}
		if err := json.Unmarshal(body, &in); err != nil || len(in.Policies) != 1 || len(in.Policies[0].Groups) != 1 {
			t.Fatalf("%s: %v in %s", name, err, body)
		}
		rule := in.Policies[0]
		want := strings.ReplaceAll(c.resources, "A", a.Account)
		if in.Name != request.Label || rule.Effect != "allow" || string(rule.Resources) != want || len(rule.Groups[0].ID) != 32 {
			t.Errorf("%s: %s", name, body)
		}
		if expires := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(in.Expires); expires != (c.opts.ExpiresDays > 0) {
			t.Errorf("%s: expires %q", name, in.Expires)
		}
	}
}

// TestAListThatShrinks: with numbered pages a deleted token hides a living one.
func TestAListThatShrinks(t *testing.T) {
	a := newAccount(double.Options{}, r2.Options{})
	for range 55 {
		a.Token("account", "rotor-x", bucket, true)
	}
	first := a.Live("account")[0]
	inner := a.open
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" && len(a.Live("account")) == 55 {
			direct := httptest.NewServer(a.Double)
			defer direct.Close()
			if err := inner(t, direct.URL, direct.URL).Revoke(t.Context(), a.handle(first)); err != nil {
				t.Error(err)
			}
		}
		a.ServeHTTP(w, r)
	}))
	defer server.Close()
	p := a.open(t, server.URL, server.URL)
	_, err := p.Find(t.Context(), "rotor-")
	wantFault(t, "while one is deleted", err, fault.Transient, "deleted while")
	found, err := p.Find(t.Context(), "rotor-")
	if err != nil || len(found) != 54 {
		t.Errorf("afterwards: %d, %v", len(found), err)
	}
}

// TestUsage: what was never seen in use is not known to be unused, for nobody promises
// that the S3 side is seen.
func TestUsage(t *testing.T) {
	a := newAccount(double.Options{}, r2.Options{})
	p := serve(t, a)
	v := issue(t, p)
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || u.Known {
		t.Errorf("never used: %+v, %v", u, err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || !u.Known || time.Since(u.LastUsed) > time.Minute {
		t.Errorf("used: %+v, %v", u, err)
	}
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || u.Known {
		t.Errorf("gone: %+v, %v", u, err)
	}
}

// TestJustDisabled: S3 still takes the key, and it is no key to publish.
func TestJustDisabled(t *testing.T) {
	a := newAccount(double.Options{Delay: doubles.Delay{Revoke: time.Minute}}, r2.Options{})
	p := serve(t, a)
	v := issue(t, p)
	a.Disable(v.Values["access_key_id"].Reveal())
	wantFault(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "disabled")
	if live, err := p.Probe(t.Context(), v); live != provider.Alive || err != nil {
		t.Errorf("Probe: %s, %v", live, err)
	}
}
