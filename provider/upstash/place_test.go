package upstash

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestEndpointIsASlugOrAHost(t *testing.T) {
	for _, c := range []struct {
		db   database
		opts Options
		want place
	}{
		{database{Endpoint: "quiet-stallion-12345", Port: 6379}, Options{}, place{"quiet-stallion-12345.upstash.io:6379", "https://quiet-stallion-12345.upstash.io"}},
		{database{Endpoint: "eu1-quiet-12345.upstash.io", Port: 31234}, Options{}, place{"eu1-quiet-12345.upstash.io:31234", "https://eu1-quiet-12345.upstash.io"}},
		{database{Endpoint: "x"}, Options{}, place{"x.upstash.io:6379", "https://x.upstash.io"}},
		{database{Endpoint: "::1", Port: 7}, Options{}, place{"[::1]:7", "https://[::1]"}},
		{database{}, Options{Address: "a.example.com:1", RESTURL: "https://b.example.com"}, place{"a.example.com:1", "https://b.example.com"}},
	} {
		a := account{opts: c.opts}
		if got := a.placed(c.db); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.db, got, c.want)
		}
	}
}

func good() Options {
	return Options{Email: "ops@example.com", APIKey: "env:UPSTASH_API_KEY", Database: "6b1f0000-0000-4000-8000-000000000000"}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no database":             func(o *Options) { o.Database = "" },
		"path as database":        func(o *Options) { o.Database = "../../x" },
		"no email":                func(o *Options) { o.Email = "" },
		"email with password":     func(o *Options) { o.Email = "a@b:secret" },
		"key itself":              func(o *Options) { o.APIKey = "the-key" },
		"admin password itself":   func(o *Options) { o.Strategy, o.AdminPassword = rotation.Overlap, "the-password" },
		"strategy":                func(o *Options) { o.Strategy = rotation.Alternate },
		"rules in place":          func(o *Options) { o.Rules = []string{"+@all"} },
		"admin password in place": func(o *Options) { o.AdminPassword = "env:X" },
		"unrevealable overlap":    func(o *Options) { o.Strategy, o.Unrevealable = rotation.Overlap, true },
		"nopass":                  func(o *Options) { o.Strategy, o.Rules = rotation.Overlap, []string{"+@all", "NoPass"} },
		"password as rule":        func(o *Options) { o.Strategy, o.Rules = rotation.Overlap, []string{">x"} },
		"two rules in one":        func(o *Options) { o.Strategy, o.Rules = rotation.Overlap, []string{"~* +@all"} },
		"reset":                   func(o *Options) { o.Strategy, o.Rules = rotation.Overlap, []string{"resetkeys"} },
		"address without port":    func(o *Options) { o.Address = "x.upstash.io" },
		"plain rest-url":          func(o *Options) { o.RESTURL = "http://x.upstash.io" },
		"plain base-url":          func(o *Options) { o.BaseURL = "http://api.example.com/v2" },
	} {
		o := good()
		change(&o)
		_, err := New(o, secret.Fixed(secret.New("k")), nil)
		if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
}

func TestTrustIsAskedFor(t *testing.T) {
	typ := Type()
	o := good()
	o.Strategy, o.AdminPassword, o.Address = rotation.Overlap, "env:ADMIN", "x.upstash.io:6379"
	if len(typ.Refs(&o)) != 2 || typ.Destination(&o) != "https://api.upstash.com/v2 and x.upstash.io:6379" {
		t.Errorf("%v %s", typ.Refs(&o), typ.Destination(&o))
	}
	bind := provider.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New("k")), nil })
	p, err := typ.New(&o, provider.Context{Bind: bind})
	if err != nil || p.Traits().Strategy != rotation.Overlap {
		t.Errorf("%v", err)
	}
}

// TestWhatRESTSays: only the vendor's own words are a refusal.
func TestWhatRESTSays(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   fault.Kind // of Verify
		dead   bool
	}{
		{401, `{"error":"WRONGPASS invalid or missing auth token"}`, fault.Rejected, true},
		{401, `{"error":"Unauthorized"}`, fault.Unknown, false},
		{401, `<html>WRONGPASS`, fault.Unknown, false},
		{403, `{"error":"WRONGPASS"}`, fault.Denied, false},
		{400, `{"error":"NOPERM this user has no permissions to run the 'ping' command"}`, fault.Denied, false},
		{404, `{"error":"not found"}`, fault.BadConfig, false},
		{429, `{"error":"ERR max daily request limit exceeded"}`, fault.Transient, false},
		{500, `{"error":"x"}`, fault.Transient, false},
		{200, `{"result":"OK"}`, fault.Unknown, false},
		{200, `<html>`, fault.Unknown, false},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			o := good()
			o.Address, o.RESTURL = "127.0.0.1:1", s.URL
			p, err := New(o, secret.Fixed(secret.New("k")), nil)
			if err != nil {
				t.Fatal(err)
			}
			v := provider.Issued{Values: secret.Set{restToken: secret.New("some-token-0123456789")}}
			if err := p.Verify(t.Context(), v); err == nil || fault.KindOf(err) != c.want {
				t.Errorf("Verify: %s, want %s: %v", fault.KindOf(err), c.want, err)
			}
			if live, _ := p.(provider.Prober).Probe(t.Context(), v); (live == provider.Refused) != c.dead {
				t.Errorf("Probe: %s", live)
			}
		})
	}
}
