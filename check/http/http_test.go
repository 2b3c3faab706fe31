package http

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/check/checktest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const token = "rotor-test-bearer-4417"

func TestExam(t *testing.T) {
	for name, how := range map[string]string{"status": "500", "hang": "hang", "refused": "close"} {
		t.Run(name, func(t *testing.T) { checktest.Run(t, world(how)) })
	}
}

// world is a server that takes the token until it is made ill in some way.
func world(how string) func(testing.TB) checktest.World {
	return func(t testing.TB) checktest.World {
		var ill, blind atomic.Bool
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case ill.Load() && how == "hang":
				select {
				case <-r.Context().Done():
				case <-release:
				}
			case ill.Load() && how == "close":
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_ = conn.Close()
				}
			case ill.Load(), r.Header.Get("Authorization") != "Bearer "+token:
				http.Error(w, "token "+token+" is bad", http.StatusInternalServerError)
			default:
				_, _ = w.Write([]byte(`{"status":"ok","checks":{"db":{"ok":true}}}`))
			}
		}))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(release) })
		bearer := func(context.Context) (secret.Value, error) {
			if blind.Load() {
				return secret.Value{}, fault.New(fault.Transient, "vault is sealed")
			}
			return secret.New(token), nil
		}
		return checktest.World{
			Open: func() (check.Check, error) {
				o := Options{URL: server.URL + "/health?x=1", Bearer: "env:T", Timeout: time.Second,
					Expect: Expect{Contains: "ok", JSON: map[string]string{"status": "ok", "checks.db.ok": "true"}}}
				return New(o, Secrets{Bearer: bearer})
			},
			Ill:     func() error { ill.Store(true); return nil },
			Blind:   func() error { blind.Store(true); return nil },
			Secrets: []secret.Value{secret.New(token)},
		}
	}
}

func measure(t *testing.T, o Options, s Secrets) (check.Sample, error) {
	t.Helper()
	c, err := New(o, s)
	if err != nil {
		t.Fatal(err)
	}
	return c.Measure(t.Context(), check.Window{})
}

func TestExpect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		if r.URL.Path == "/empty" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write([]byte(`{"n": 7, "list": [{"up": false}], "none": null}`))
	}))
	defer server.Close()
	for name, tc := range map[string]struct {
		path   string
		expect Expect
		want   float64
	}{
		"default":          {"/", Expect{}, 1},
		"other status":     {"/empty", Expect{}, 0},
		"named status":     {"/empty", Expect{Status: []int{200, 204}}, 1},
		"same host":        {"/moved", Expect{}, 1},
		"text":             {"/", Expect{Contains: `"n": 7`}, 1},
		"no text":          {"/", Expect{Contains: "nothing of the sort"}, 0},
		"fields":           {"/", Expect{JSON: map[string]string{"n": "7", "list.0.up": "false", "none": "null"}}, 1},
		"other field":      {"/", Expect{JSON: map[string]string{"n": "8"}}, 0},
		"no field":         {"/", Expect{JSON: map[string]string{"list.1.up": "false"}}, 0},
		"an object":        {"/", Expect{JSON: map[string]string{"list": "x"}}, 0},
		"below a leaf":     {"/", Expect{JSON: map[string]string{"n.x": "7"}}, 0},
		"empty is no JSON": {"/empty", Expect{Status: []int{204}, JSON: map[string]string{"n": "7"}}, 0},
	} {
		s, err := measure(t, Options{URL: server.URL + tc.path, Expect: tc.expect}, Secrets{})
		if err != nil || !s.Known || s.Value != tc.want {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// A redirect must not carry the token to another server.
func TestRedirectNeverLeavesTheHost(t *testing.T) {
	var visited atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	s, err := measure(t, Options{URL: server.URL, SecretHeaders: map[string]string{"X-Api-Key": "env:K"}},
		Secrets{Headers: map[string]secret.Source{"X-Api-Key": secret.Fixed(secret.New(token))}})
	if err != nil || s.Value != 0 || s.Detail != "status 307" || visited.Load() {
		t.Errorf("%+v, %v, visited: %v", s, err, visited.Load())
	}
}

func TestNoServerIsFailAndNoNameIsUnknown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s, err := measure(t, Options{URL: "http://" + l.Addr().String()}, Secrets{})
	if err != nil || !s.Known || s.Value != 0 {
		t.Errorf("refused: %+v, %v", s, err)
	}
	for name, target := range map[string]string{"no such name": "http://rotor-check.invalid/x?q=hidden-query-text"} {
		s, err := measure(t, Options{URL: target}, Secrets{})
		if err == nil || s.Known || strings.Contains(err.Error(), "hidden-query-text") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	tlsServer := httptest.NewUnstartedServer(http.NotFoundHandler())
	tlsServer.Config.ErrorLog = log.New(io.Discard, "", 0)
	tlsServer.StartTLS()
	defer tlsServer.Close()
	if s, err := measure(t, Options{URL: tlsServer.URL}, Secrets{}); s.Known || fault.KindOf(err) != fault.BadConfig {
		t.Errorf("untrusted certificate: %+v, %v", s, err)
	}
}

// Bytes that no header can hold must not come out in the error.
func TestAMalformedTokenIsNotRepeated(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s, err := measure(t, Options{URL: server.URL, Bearer: "env:T"}, Secrets{Bearer: secret.Fixed(secret.New(token + "\r\nX: y"))})
	if err == nil || s.Known || strings.Contains(err.Error(), token) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestARedBaselineCannotBlameTheChange(t *testing.T) {
	c, err := New(Options{URL: "http://localhost"}, Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	red := check.Sample{Known: true, Detail: "status 500"}
	if r := c.Judge(red, red); r.Verdict != check.Unknown {
		t.Errorf("%+v", r)
	}
}

func TestNewRefuses(t *testing.T) {
	source := secret.Fixed(secret.New(token))
	for name, tc := range map[string]struct {
		o Options
		s Secrets
	}{
		"no url":               {Options{}, Secrets{}},
		"other scheme":         {Options{URL: "ftp://h/x"}, Secrets{}},
		"no host":              {Options{URL: "http:///x"}, Secrets{}},
		"malformed":            {Options{URL: "http://h:x/" + token}, Secrets{}},
		"password in url":      {Options{URL: "https://u:" + token + "@h/"}, Secrets{}},
		"token in query":       {Options{URL: "https://h/?api_key=" + token}, Secrets{}},
		"literal secret":       {Options{URL: "https://h/", Headers: map[string]string{"Authorization": token}}, Secrets{}},
		"literal cookie":       {Options{URL: "https://h/", Headers: map[string]string{"Cookie": token}}, Secrets{}},
		"two lines":            {Options{URL: "https://h/", Headers: map[string]string{"X-A": "a\nb"}}, Secrets{}},
		"unbound":              {Options{URL: "https://h/", Bearer: "env:T"}, Secrets{}},
		"unbound header":       {Options{URL: "https://h/", SecretHeaders: map[string]string{"X-A": "env:T"}}, Secrets{}},
		"clear text":           {Options{URL: "http://example.org/", Bearer: "env:T"}, Secrets{Bearer: source}},
		"looks like localhost": {Options{URL: "http://localhost.example.org/", Bearer: "env:T"}, Secrets{Bearer: source}},
		"method":               {Options{URL: "https://h/", Method: "DELETE"}, Secrets{}},
		"body with GET":        {Options{URL: "https://h/", Body: "x"}, Secrets{}},
		"status":               {Options{URL: "https://h/", Expect: Expect{Status: []int{20}}}, Secrets{}},
		"body of HEAD":         {Options{URL: "https://h/", Method: "HEAD", Expect: Expect{Contains: "x"}}, Secrets{}},
		"timeout":              {Options{URL: "https://h/", Timeout: -1}, Secrets{}},
	} {
		_, err := New(tc.o, tc.s)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.BadConfig || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), token) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
	for _, url := range []string{"http://127.0.0.9:1/", "http://[::1]:1/", "http://localhost:1/", "https://example.org/"} {
		if _, err := New(Options{URL: url, Bearer: "env:T"}, Secrets{Bearer: source}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestTypeShowsWhereSecretsGo(t *testing.T) {
	o := &Options{URL: "https://h:8443/x?y", Bearer: "vault:a#b", SecretHeaders: map[string]string{"X-Api-Key": "env:K"}}
	ty := Type()
	if refs := ty.Refs(o); refs["bearer"] != "vault:a#b" || refs["secret-headers.X-Api-Key"] != "env:K" || ty.Destination(o) != "https://h:8443" {
		t.Errorf("%v %s", refs, ty.Destination(o))
	}
	bind := check.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New(token)), nil })
	if _, err := ty.New(o, check.Context{Bind: bind}); err != nil {
		t.Error(err)
	}
	bind = func(string) (secret.Source, error) { return nil, fault.New(fault.BadConfig, "no store vault") }
	if _, err := ty.New(o, check.Context{Bind: bind}); err == nil {
		t.Error("an unbound reference passes")
	}
}

func FuzzField(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, "a.1.b")
	f.Add(`[]`, "0")
	f.Add(`{"":1}`, "")
	f.Fuzz(func(t *testing.T, body, path string) {
		e := Expect{JSON: map[string]string{path: "\xff"}}
		if e.missing([]byte(body)) == "" {
			t.Error("a text that cannot be there was found")
		}
	})
}
