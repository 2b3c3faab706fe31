package openai_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	double "github.com/agenticverz/rotor/doubles/openai"
	"github.com/agenticverz/rotor/provider/openai"
)

// editing serves the account, and changes the bodies of answers to one method.
func editing(t *testing.T, a *account, method string, pattern *regexp.Regexp, into string) *openai.Provider {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := httptest.NewRecorder()
		a.Double.ServeHTTP(got, r)
		body := got.Body.Bytes()
		if r.Method == method {
			body = pattern.ReplaceAll(body, []byte(into))
		}
		w.WriteHeader(got.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return a.open(t, server.URL)
}

var expiry = regexp.MustCompile(`"expires_at":[^,]*,`)

// TestExpiry is the vendor's word, in the answer that makes the key or in the list, and
// not what was asked for.
func TestExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		double  double.Options
		opts    openai.Options
		silent  bool // the answer that makes the key does not say it
		expires bool
	}{
		"said at once":           {opts: openai.Options{ServiceAccount: "backend", ExpiresDays: 30}, expires: true},
		"said in the list":       {opts: openai.Options{ServiceAccount: "backend", ExpiresDays: 30}, silent: true, expires: true},
		"own account":            {opts: openai.Options{ExpiresDays: 30}, silent: true, expires: true},
		"admin key":              {opts: openai.Options{Kind: "admin", ExpiresDays: 30}, silent: true, expires: true},
		"an API that ignores it": {double: double.Options{Lasting: true}, opts: openai.Options{ServiceAccount: "backend", ExpiresDays: 30}},
		"not asked for":          {opts: openai.Options{ServiceAccount: "backend"}, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(c.double, c.opts)
			p := serve(t, a)
			if c.silent {
				p = editing(t, a, http.MethodPost, expiry, "")
			}
			v, err := p.Issue(t.Context(), request)
			if err != nil || v.NotAfter.IsZero() == c.expires {
				t.Fatalf("%v, %v", v.NotAfter, err)
			}
			if off := v.NotAfter.Sub(a.Clock.Now().Add(30 * 24 * time.Hour)).Abs(); c.expires && off > time.Minute {
				t.Errorf("off by %s", off)
			}
		})
	}
}

// TestExpiryThatNobodyTellsYet: a new key that the Admin API's front end does not know
// yet is not lost for that.
func TestExpiryThatNobodyTellsYet(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend", ExpiresDays: 30})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(gone.Status)
			_, _ = w.Write([]byte(gone.Body))
			return
		}
		got := httptest.NewRecorder()
		a.Double.ServeHTTP(got, r)
		_, _ = w.Write(expiry.ReplaceAll(got.Body.Bytes(), nil))
	}))
	defer server.Close()
	v, err := a.open(t, server.URL).Issue(t.Context(), request)
	if err != nil || v.NotAfter.IsZero() || serve(t, a).Verify(t.Context(), v) != nil {
		t.Errorf("%v, %v", v.NotAfter, err)
	}
}

// TestAListThatDoesNotNameItsLast: last_id may be missing; the last key is it.
func TestAListThatDoesNotNameItsLast(t *testing.T) {
	a := newAccount(double.Options{}, openai.Options{ServiceAccount: "backend"})
	p := serve(t, a)
	for range 230 {
		if _, err := p.Issue(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	last := regexp.MustCompile(`"last_id":[^,}]*`)
	for _, instead := range []string{`"other":1`, `"last_id":null`} {
		found, err := editing(t, a, http.MethodGet, last, instead).Find(t.Context(), labels)
		if err != nil || len(found) != 230 {
			t.Errorf("%s: %d keys, %v", instead, len(found), err)
		}
	}
}
