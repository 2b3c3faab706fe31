package github_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/githubsecrets"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/vendordoc"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/github"
	"github.com/agenticverz/rotor/store/storetest"
)

// places are the kinds of path, and where GitHub has them.
var places = map[string]struct {
	path, api string
	opts      github.Options
}{
	"repository":              {"acme/app", "/repos/acme/app/actions", github.Options{}},
	"environment":             {"acme/app/live eu/1", "/repos/acme/app/environments/live eu/1", github.Options{}},
	"organisation":            {"orgs/acme", "/orgs/acme/actions", github.Options{Visibility: "private"}},
	"organisation, selected":  {"orgs/acme", "/orgs/acme/actions", github.Options{Visibility: "selected", Repositories: []int64{7, 9}}},
	"dependabot":              {"acme/app", "/repos/acme/app/dependabot", github.Options{For: "dependabot"}},
	"organisation dependabot": {"orgs/acme", "/orgs/acme/dependabot", github.Options{For: "dependabot", Visibility: "all"}},
}

// beside is the same kind of place with "-2" behind its path.
func beside(api, path string) string {
	if i := strings.Index(api, "/environments/"); i >= 0 {
		return api + "-2"
	}
	return strings.Replace(api, path, path+"-2", 1)
}

func open(t testing.TB, o github.Options, url, token string) *github.Store {
	t.Helper()
	o.BaseURL, o.RequestsPerSecond = url, 1e6
	s, err := github.New(o, secret.Fixed(secret.New(token)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// world is a double with the places of one kind, and the store before it.
func world(t testing.TB, kind string, o double.Options, watch func(http.Handler) http.Handler) (*double.Double, *github.Store, storetest.Subject) {
	t.Helper()
	d, k := double.New(o), places[kind]
	d.Place(k.api, beside(k.api, k.path))
	var handler http.Handler = d
	if watch != nil {
		handler = watch(d)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s := open(t, k.opts, server.URL, d.Token)
	return d, s, storetest.Subject{Store: s, Path: k.path,
		Peek: func(_ context.Context, path string) (secret.Set, error) {
			api := k.api
			if path != k.path {
				api = beside(k.api, k.path)
			}
			out := secret.Set{}
			for name, one := range d.Secrets(api) {
				out[name] = secret.New(one.Value)
			}
			return out, nil
		},
		Lose: func() func() {
			d.Arm(doubles.Fault{Do: doubles.DropAfter, Method: "PUT", Times: -1})
			return d.Clear
		},
		Break: server.Close,
	}
}

func TestExam(t *testing.T) {
	for kind := range places {
		t.Run(kind, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) storetest.Subject {
				_, _, subject := world(t, kind, double.Options{}, nil)
				return subject
			})
		})
	}
}

// TestVendorsDocument: every request, and every answer of the double, against GitHub's
// own document.
func TestVendorsDocument(t *testing.T) {
	for _, kind := range []string{"repository", "environment", "organisation", "dependabot"} {
		t.Run(kind, func(t *testing.T) {
			outside := []string{"GET /rate_limit"}
			list := map[string]string{"repository": "GET /repos/*/*/actions/secrets", "environment": "GET /repos/*/*/environments/*/secrets",
				"organisation": "GET /orgs/*/actions/secrets", "dependabot": "GET /repos/*/*/dependabot/secrets"}[kind]
			one := strings.TrimPrefix(list, "GET ") + "/*"
			const why = "the document declares no failures of secrets"
			doc := vendordoc.Open(t, "github.json", vendordoc.Options{Outside: append(outside, list), Map: environment, Accept: []vendordoc.Disagreement{
				{Method: "GET", Path: one, Status: 404, Why: why}, {Method: "DELETE", Path: one, Status: 404, Why: why}}})
			storetest.Run(t, func(t testing.TB) storetest.Subject {
				_, _, subject := world(t, kind, double.Options{}, doc.Watch)
				return subject
			})
		})
	}
}

// environment gives an environment's name the one segment that the document has for it.
func environment(path string) string {
	before, after, ok := strings.Cut(path, "/environments/")
	if !ok {
		return path
	}
	name, rest, _ := strings.Cut(after, "/secrets")
	return before + "/environments/" + strings.ReplaceAll(name, "/", "-") + "/secrets" + rest
}

func one(text string) store.Edit { return store.Edit{Set: secret.Set{"API_KEY": secret.New(text)}} }

func wantFault(t *testing.T, what string, err error, kind fault.Kind, hint string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("%s: %v, %v; hint %q, want %s and %q", what, fault.KindOf(err), err, fault.HintOf(err), kind, hint)
	}
}

const marker = "double/mark+7f3a9c51d2e8"

// TestKeyChangesMeanwhile: what is sealed for a key that GitHub no longer has is worth
// another try, and nothing was stored.
func TestKeyChangesMeanwhile(t *testing.T) {
	d, s, subject := world(t, "repository", double.Options{}, nil)
	d.Move(true)
	_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	wantFault(t, "Put", err, fault.Transient, "")
	if len(d.Secrets(places["repository"].api)) != 0 {
		t.Error("something was stored")
	}
	d.Move(false)
	rev, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	if err != nil || d.Secrets(places["repository"].api)["API_KEY"].Value != marker {
		t.Error(err)
	}
	if _, err := time.Parse(time.RFC3339, string(rev)); err != nil {
		t.Errorf("revision %q", rev)
	}
}

// TestSwallowed: a good status alone is no proof. The secret must be shown, as new.
func TestSwallowed(t *testing.T) {
	for name, answer := range map[string]int{"created": 201, "updated": 204} {
		t.Run(name, func(t *testing.T) {
			_, s, subject := world(t, "repository", double.Options{}, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPut {
						w.WriteHeader(answer)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
			wantFault(t, "Put", err, fault.Unknown, "in between")
		})
	}
	d, s, subject := world(t, "repository", double.Options{}, nil)
	d.Forget(time.Hour)
	_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	wantFault(t, "Put with an old date", err, fault.Unknown, "in between")
}

// TestPartly: the second of two keys fails, and that is not called a proof of nothing.
func TestPartly(t *testing.T) {
	both := store.Edit{Set: secret.Set{"A_KEY": secret.New(marker), "B_KEY": secret.New(marker)}}
	for name, x := range map[string]doubles.Fault{
		"limit": {Do: doubles.TooMany, Method: "PUT", Path: "B_KEY", RetryAfter: 7 * time.Second},
		"error": {Do: doubles.ServerError, Method: "PUT", Path: "B_KEY"}, "lost": {Do: doubles.DropBefore, Method: "PUT", Path: "B_KEY"},
		"confirm": {Do: doubles.HTML, Method: "GET", Path: "B_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			d, s, subject := world(t, "repository", double.Options{}, nil)
			d.Arm(x)
			_, err := s.Put(t.Context(), subject.Path, both, "", store.Mark{})
			wantFault(t, "Put", err, fault.Unknown, "")
			if name == "limit" && fault.RetryAfterOf(err) != 7*time.Second {
				t.Errorf("Retry-After became %s", fault.RetryAfterOf(err))
			}
			if d.Secrets(places["repository"].api)["A_KEY"].Value != marker {
				t.Error("the first key was not written")
			}
			if _, err := s.Put(t.Context(), subject.Path, both, "", store.Mark{}); err != nil || len(d.Secrets(places["repository"].api)) != 2 {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// TestLimits: a limit is no refusal of the token, whichever way it is told.
func TestLimits(t *testing.T) {
	d := double.New(double.Options{})
	d.Place("/repos/acme/app/actions")
	server := httptest.NewServer(d.Limit(d, 1))
	t.Cleanup(server.Close)
	s := open(t, github.Options{}, server.URL, d.Token)
	err := s.Preflight(t.Context(), "acme/app")
	wantFault(t, "secondary limit", err, fault.Transient, "limits")
	if fault.RetryAfterOf(err) != 7*time.Second {
		t.Errorf("Retry-After: 7 became %s", fault.RetryAfterOf(err))
	}
	hourly := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Unix(1_800_000_000, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", "1800000060")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"message":"API rate limit exceeded","documentation_url":"https://docs.github.com/rest"}`))
	}))
	t.Cleanup(hourly.Close)
	err = open(t, github.Options{}, hourly.URL, d.Token).Preflight(t.Context(), "acme/app")
	wantFault(t, "hourly limit", err, fault.Transient, "limits")
	if fault.RetryAfterOf(err) != time.Minute {
		t.Errorf("the reset became %s", fault.RetryAfterOf(err))
	}
}

// TestMistakes are found before anything is written.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   string
		double double.Options
		path   string
		edit   store.Edit
		want   fault.Kind
		hint   string
	}{
		{"may not write", "repository", double.Options{ReadOnly: true}, "", one(marker), fault.Denied, "Secrets (write)"},
		{"another repository", "repository", double.Options{}, "acme/other", one(marker), fault.BadConfig, "may see it"},
		{"no path", "repository", double.Options{}, "acme", one(marker), fault.BadConfig, "OWNER/REPOSITORY"},
		{"environment that leads elsewhere", "repository", double.Options{}, "acme/app/x/../y", one(marker), fault.BadConfig, "OWNER/REPOSITORY"},
		{"leads elsewhere", "repository", double.Options{}, "../app", one(marker), fault.BadConfig, "OWNER/REPOSITORY"},
		{"organisation without visibility", "repository", double.Options{}, "orgs/acme", one(marker), fault.BadConfig, "visibility: private"},
		{"environment of an organisation", "organisation", double.Options{}, "orgs/acme/live", one(marker), fault.BadConfig, "OWNER/REPOSITORY"},
		{"environment for dependabot", "dependabot", double.Options{}, "acme/app/live", one(marker), fault.BadConfig, "without for"},
		{"small letters", "repository", double.Options{}, "", store.Edit{Set: secret.Set{"api_key": secret.New(marker)}}, fault.BadConfig, "capitals"},
		{"GitHub's own", "repository", double.Options{}, "", store.Edit{Delete: []string{"GITHUB_TOKEN"}}, fault.BadConfig, "GITHUB_"},
		{"too large", "repository", double.Options{}, "", one(strings.Repeat("x", 48<<10+1)), fault.Rejected, "48 KB"},
		{"empty", "repository", double.Options{}, "", one(""), fault.Rejected, "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, s, subject := world(t, c.kind, c.double, nil)
			if c.path == "" {
				c.path = subject.Path
			}
			_, err := s.Put(t.Context(), c.path, c.edit, "", store.Mark{})
			wantFault(t, "Put", err, c.want, c.hint)
			if c.path != subject.Path || c.double.ReadOnly {
				wantFault(t, "Preflight", s.Preflight(t.Context(), c.path), c.want, c.hint)
			}
			if n := len(d.Secrets(places[c.kind].api)); n != 0 {
				t.Errorf("%d secrets", n)
			}
		})
	}
}

// TestVisibilityStays: writing a value shows it to nobody new.
func TestVisibilityStays(t *testing.T) {
	d, s, subject := world(t, "organisation, selected", double.Options{}, nil)
	if _, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{}); err != nil {
		t.Fatal(err)
	}
	got := d.Secrets("/orgs/acme/actions")["API_KEY"]
	if got.Visibility != "selected" || len(got.Repositories) != 2 {
		t.Errorf("%+v", got)
	}
	d.Set("/orgs/acme/actions", "API_KEY", double.Secret{Value: "by hand", Visibility: "all"})
	_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	wantFault(t, "Put", err, fault.BadConfig, "who may see it")
	if d.Secrets("/orgs/acme/actions")["API_KEY"].Value != "by hand" {
		t.Error("it was rewritten")
	}
}

// TestDeleteThatIsNone: a 404 may mean that the token may not; then the secret is there.
func TestDeleteThatIsNone(t *testing.T) {
	d, s, subject := world(t, "repository", double.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(`{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}`))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	d.Set(places["repository"].api, "API_KEY", double.Secret{Value: "by hand"})
	_, err := s.Put(t.Context(), subject.Path, store.Edit{Delete: []string{"API_KEY"}}, "", store.Mark{})
	wantFault(t, "Put", err, fault.Unknown, "")
}

// TestSenselessAnswers prove nothing, and name no value.
func TestSenselessAnswers(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
		kinds  string
	}{
		"page": {200, "<html>log in</html>", "unknown"}, "cut": {200, `{"key_id":"1","ke`, "unknown"}, "other JSON": {200, `{"ok":true}`, "unknown"},
		"a proxy's 404": {404, "<html>", "bad-config"}, "a proxy's 403": {403, "<html>", "denied"}, "error": {502, "<html>", "transient"},
		"key too short": {200, `{"key_id":"1","key":"YWJj"}`, "unknown"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(answer.status)
			_, _ = w.Write([]byte(answer.body))
		}))
		s := open(t, github.Options{}, server.URL, "double-token")
		_, err := s.Put(t.Context(), "acme/app", one(marker), "", store.Mark{})
		if fault.KindOf(err).String() != answer.kinds || err == nil {
			t.Errorf("%s: %v: %v", name, fault.KindOf(err), err)
		}
		if leak := storetest.NoLeak(err, marker, "double-token"); leak != nil {
			t.Errorf("%s: %v", name, leak)
		}
		server.Close()
	}
}

// TestSealed: nothing that is sent holds the value.
func TestSealed(t *testing.T) {
	var sent []string
	_, s, subject := world(t, "organisation", double.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body json.RawMessage
			copied := json.NewDecoder(r.Body)
			_ = copied.Decode(&body)
			sent = append(sent, r.URL.String()+string(body))
			r.Body = http.NoBody
			if len(body) > 0 {
				r.Body = readCloser{strings.NewReader(string(body))}
			}
			next.ServeHTTP(w, r)
		})
	})
	if _, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{}); err != nil {
		t.Fatal(err)
	}
	for _, form := range secret.Encodings(secret.New(marker)) {
		if strings.Contains(strings.Join(sent, "\n"), form) {
			t.Errorf("sent in the clear: %s", form)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestBadOptions(t *testing.T) {
	for hint, o := range map[string]github.Options{
		"actions or dependabot":   {For: "codespaces"},
		"all, private":            {Visibility: "public"},
		"with visibility":         {Visibility: "selected"},
		"only then":               {Repositories: []int64{1}},
		"a positive number":       {RequestsPerSecond: -1},
		"https://":                {BaseURL: "http://api.example.com"},
		"https://host, with a pa": {BaseURL: "api.github.com"},
	} {
		_, err := github.New(o, secret.Fixed(secret.New("double")))
		wantFault(t, hint, err, fault.BadConfig, hint)
	}
}
