package grafana_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/grafana"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/grafana"
)

// TestAPIKeys: what can be done with a key from before, by version. None is ever made.
func TestAPIKeys(t *testing.T) {
	for _, c := range []struct {
		version string
		hidden  bool
		listed  bool // adopted, and deleted by us
		note    string
	}{
		{"9.5.2", false, true, "In Grafana 9.5"},
		{"11.2.8", false, true, "In Grafana 11.2"},
		{"11.3.0", false, true, "In Grafana 11.3"},
		{"12.0.4", true, true, "hides its version"},
		{"12.1.0", false, false, "Grafana 12.1 has none"},
		{double.Current, false, false, "has none"},
	} {
		t.Run(c.version, func(t *testing.T) {
			a := newAccount(double.Options{Version: c.version, HideVersion: c.hidden}, grafana.Options{})
			a.APIKey("another", "Viewer")
			key := a.APIKey("ci deploy", "Editor")
			p := serve(t, a)
			old := provider.Issued{Values: value(key.Value), Handle: a.handle("key/" + key.ID)}
			h, err := p.Identify(t.Context(), old.Values)
			if c.listed && (err != nil || h != old.Handle || p.Verify(t.Context(), old) != nil) {
				t.Fatalf("Identify: %v, %v", h, err)
			}
			if !c.listed {
				faulttest.Want(t, "Identify", err, fault.Rejected, "")
			}
			notes, err := p.Notes(t.Context(), provider.Request{Current: old.Handle})
			if err != nil || len(notes) != 1 || !strings.Contains(notes[0], c.note) {
				t.Errorf("%q, %v", notes, err)
			}
			err = p.Revoke(t.Context(), old.Handle)
			if c.listed && (err != nil || len(a.APIKeys()) != 1 || p.Revoke(t.Context(), old.Handle) != nil) {
				t.Errorf("Revoke: %v, %q live", err, a.APIKeys())
			}
			if !c.listed {
				faulttest.Want(t, "Revoke", err, fault.NeedsPerson, "by hand")
			}
			if live, err := p.Probe(t.Context(), old); live != provider.Refused || err != nil {
				t.Errorf("afterwards it is %s, %v", live, err)
			}
			if n := a.Count("POST", "auth/keys"); n != 0 {
				t.Errorf("%d keys made", n)
			}
		})
	}
}

// TestAPIKeyOfAnother: the name alone is not enough, the value must live.
func TestAPIKeyOfAnother(t *testing.T) {
	a := newAccount(double.Options{Version: "11.2.8"}, grafana.Options{})
	b := newAccount(double.Options{Version: "11.2.8"}, grafana.Options{})
	a.APIKey("deploy", "Editor")
	_, err := serve(t, a).Identify(t.Context(), value(b.APIKey("deploy", "Editor").Value))
	faulttest.Want(t, "Identify", err, fault.Rejected, "")
}

// TestIdentify: a token is known by the moment of its last use, in every version.
func TestIdentify(t *testing.T) {
	for _, version := range []string{"9.5.2", "10.4.1", "11.2.8", double.Current} {
		a := newAccount(double.Options{Version: version}, grafana.Options{})
		first, second := a.Token(a.id(), "first"), a.Token(a.id(), "second")
		a.Clock.Advance(time.Minute)
		p := serve(t, a)
		identify := func(k *doubles.Key) string {
			h, err := p.Identify(t.Context(), value(k.Value))
			if err != nil {
				faulttest.Want(t, version, err, fault.Rejected, "six")
				return ""
			}
			return h.ID[strings.LastIndex(h.ID, "/")+1:]
		}
		if got := identify(second); got != second.ID {
			t.Errorf("%s: %s, want %s", version, got, second.ID)
		}
		a.Clock.Advance(time.Minute) // too soon for another mark
		if got, tells := identify(second), version != "10.4.1"; tells && got != second.ID || !tells && got != "" {
			t.Errorf("%s: used a minute ago: %q", version, got)
		}
		if got := identify(first); got != "" {
			t.Errorf("%s: another was used a minute ago, and %s was chosen", version, got)
		}
		a.Clock.Advance(time.Minute)
		if got := identify(second); got != "" {
			t.Errorf("%s: both were used minutes ago, and %s was chosen", version, got)
		}
		stranger := a.Token(a.Account("other", "Editor"), "other")
		_, err := p.Identify(t.Context(), value(stranger.Value))
		faulttest.Want(t, version+": another account's", err, fault.Rejected, "")
	}
}

// TestIdentifyBesideAnother: the value's token was used minutes ago, so our use of it is
// not noted, and that of another consumer is.
func TestIdentifyBesideAnother(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	ours, theirs := a.Token(a.id(), "ours"), a.Token(a.id(), "theirs")
	a.Clock.Advance(time.Minute)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ServeHTTP(w, r)
		if r.URL.Path == "/api/org" {
			theirUse := httptest.NewRequest(http.MethodGet, "/api/search", nil)
			theirUse.Header.Set("Authorization", "Bearer "+theirs.Value)
			a.ServeHTTP(httptest.NewRecorder(), theirUse)
		}
	}))
	defer server.Close()
	if _, err := serve(t, a).Probe(t.Context(), provider.Issued{Values: value(ours.Value)}); err != nil {
		t.Fatal(err)
	}
	a.Clock.Advance(2 * time.Minute)
	h, err := a.open(t, server.URL).Identify(t.Context(), value(ours.Value))
	faulttest.Want(t, h.ID, err, fault.Rejected, "six")
}

// TestIdentifyLate: a use is noted after its answer. Until then it looks as if the token
// had not been used, and as if the one that was used minutes ago were it.
func TestIdentifyLate(t *testing.T) {
	for _, busy := range []bool{false, true} {
		a := newAccount(double.Options{Lag: 4}, grafana.Options{})
		ours, theirs := a.Token(a.id(), "ours"), a.Token(a.id(), "theirs")
		a.Clock.Advance(time.Minute)
		p := serve(t, a)
		if busy {
			for range 3 { // until it is noted
				if _, err := p.Probe(t.Context(), provider.Issued{Values: value(theirs.Value)}); err != nil {
					t.Fatal(err)
				}
			}
			a.Clock.Advance(2 * time.Minute)
		}
		h, err := p.Identify(t.Context(), value(ours.Value))
		if busy {
			faulttest.Want(t, h.ID, err, fault.Rejected, "six")
		} else if err != nil || h != a.handle(a.Live()[0]) {
			t.Errorf("%v, %v; want %s", h, err, ours.ID)
		}
	}
	a := newAccount(double.Options{Lag: 100}, grafana.Options{})
	_, err := serve(t, a).Identify(t.Context(), value(a.Token(a.id(), "ours").Value))
	faulttest.Want(t, "not noted at all", err, fault.Rejected, "six")
	if !strings.Contains(err.Error(), "no token's last use has moved") {
		t.Error(err)
	}
}

// TestFewRights: a token of an account that may nothing lives; it counts as working if
// it was meant so.
func TestFewRights(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	a.opts.ServiceAccountID = a.Account("custom", "None")
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), v); live != provider.Restricted || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	if err := p.Verify(t.Context(), v); err != nil {
		t.Errorf("as little as the account may: %v", err)
	}
	a.opts.Role = "Editor"
	faulttest.Want(t, "less than expected", serve(t, a).Verify(t.Context(), v), fault.Rejected, "expects Editor")
}

// TestADisabledAccount is no dead token: it can be enabled again.
func TestADisabledAccount(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	a.Disable(a.id())
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || err == nil {
		t.Errorf("%s, %v", live, err)
	}
}

// TestExpiry: the end is known, and a token that ended is expired, not unknown.
func TestExpiry(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{ExpiresDays: 2})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if off := time.Until(v.NotAfter) - 48*time.Hour; err != nil || off > 10*time.Second || off < -10*time.Second {
		t.Fatalf("%v, ends %s", err, v.NotAfter)
	}
	a.Clock.Advance(49 * time.Hour)
	if live, err := p.Probe(t.Context(), v); live != provider.Expired || err != nil {
		t.Errorf("%s, %v", live, err)
	}
	if err := p.Revoke(t.Context(), v.Handle); err != nil || len(a.Live()) != 0 {
		t.Errorf("what ended is cleared away: %v, %q", err, a.Live())
	}
}

// TestUsage: never used is known, and so is the last use.
func TestUsage(t *testing.T) {
	a := newAccount(double.Options{}, grafana.Options{})
	p := serve(t, a)
	v, err := p.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || !u.Known || !u.LastUsed.IsZero() {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := p.Probe(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || !u.Known || time.Since(u.LastUsed) > time.Minute {
		t.Errorf("%+v, %v", u, err)
	}
	if err := p.Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	if u, err := p.Usage(t.Context(), v.Handle); err != nil || u.Known {
		t.Errorf("of a token that is gone: %+v, %v", u, err)
	}
}
