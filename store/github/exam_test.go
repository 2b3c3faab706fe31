package github_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/githubsecrets"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
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

const marker = "double/mark+7f3a9c51d2e8"

// TestKeyChangesMeanwhile: what is sealed for a key that GitHub no longer has is worth
// another try, and nothing was stored.
func TestKeyChangesMeanwhile(t *testing.T) {
	d, s, subject := world(t, "repository", double.Options{}, nil)
	d.Move(true)
	_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	faulttest.Want(t, "Put", err, fault.Transient, "")
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
			faulttest.Want(t, "Put", err, fault.Unknown, "in between")
		})
	}
	d, s, subject := world(t, "repository", double.Options{}, nil)
	d.Forget(time.Hour)
	_, err := s.Put(t.Context(), subject.Path, one(marker), "", store.Mark{})
	faulttest.Want(t, "Put with an old date", err, fault.Unknown, "in between")
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
			faulttest.Want(t, "Put", err, fault.Unknown, "")
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
	faulttest.Want(t, "secondary limit", err, fault.Transient, "limits")
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
	faulttest.Want(t, "hourly limit", err, fault.Transient, "limits")
	if fault.RetryAfterOf(err) != time.Minute {
		t.Errorf("the reset became %s", fault.RetryAfterOf(err))
	}
}
