package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	double "github.com/agenticverz/rotor/doubles/githubsecrets"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/github"
	"github.com/agenticverz/rotor/store/storetest"
)

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
			faulttest.Want(t, "Put", err, c.want, c.hint)
			if c.path != subject.Path || c.double.ReadOnly {
				faulttest.Want(t, "Preflight", s.Preflight(t.Context(), c.path), c.want, c.hint)
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
	faulttest.Want(t, "Put", err, fault.BadConfig, "who may see it")
	faulttest.Want(t, "Preflight", s.PreflightKey(t.Context(), subject.Path, "API_KEY"), fault.BadConfig, "who may see it")
	if d.Secrets("/orgs/acme/actions")["API_KEY"].Value != "by hand" {
		t.Error("it was rewritten")
	}
}

// TestRepositoriesStay: where selected repositories see a secret, writing it neither
// takes it from one nor shows it to one, whichever page they are listed on.
func TestRepositoriesStay(t *testing.T) {
	const place = "/orgs/acme/actions"
	many := make([]int64, 250)
	for i := range many {
		many[i] = int64(1000 + i)
	}
	for name, c := range map[string]struct{ have, want []int64 }{
		"one was added by hand":     {[]int64{7, 9, 3}, []int64{7, 9}},
		"one was taken away":        {[]int64{7}, []int64{7, 9}},
		"another one":               {[]int64{7, 8}, []int64{7, 9}},
		"none left":                 {nil, []int64{7, 9}},
		"one more, on a later page": {many, many[:249]},
	} {
		t.Run(name, func(t *testing.T) {
			d := double.New(double.Options{})
			d.Place(place)
			server := httptest.NewServer(d)
			t.Cleanup(server.Close)
			s := open(t, github.Options{Visibility: "selected", Repositories: c.want}, server.URL, d.Token)
			d.Set(place, "API_KEY", double.Secret{Value: "by hand", Visibility: "selected", Repositories: c.have})
			for what, err := range map[string]error{
				"Preflight": s.PreflightKey(t.Context(), "orgs/acme", "API_KEY"), "Put": put(t, s, "orgs/acme")} {
				faulttest.Want(t, what, err, fault.BadConfig, "rotor.yaml says")
				for _, ids := range [][]int64{c.have, c.want} {
					if hint := fault.HintOf(err); len(ids) < 10 && !strings.Contains(hint, strings.Trim(strings.ReplaceAll(fmt.Sprint(sorted(ids)), " ", ", "), "[]")) {
						t.Errorf("%s: hint %q lacks %v", what, hint, ids)
					}
				}
			}
			if got := d.Secrets(place)["API_KEY"]; got.Value != "by hand" || len(got.Repositories) != len(c.have) {
				t.Errorf("it was rewritten: %+v", got)
			}
		})
	}
}

// TestSameRepositories: their order does not matter, nor that one is named twice.
func TestSameRepositories(t *testing.T) {
	d := double.New(double.Options{})
	d.Place("/orgs/acme/actions")
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	many := make([]int64, 200)
	for i := range many {
		many[i] = int64(1000 + i)
	}
	d.Set("/orgs/acme/actions", "API_KEY", double.Secret{Value: "by hand", Visibility: "selected", Repositories: many})
	reversed := append(slices.Clone(many), many[0])
	slices.Reverse(reversed)
	s := open(t, github.Options{Visibility: "selected", Repositories: reversed}, server.URL, d.Token)
	if err := s.PreflightKey(t.Context(), "orgs/acme", "API_KEY"); err != nil {
		t.Error(err)
	}
	if err := put(t, s, "orgs/acme"); err != nil || d.Secrets("/orgs/acme/actions")["API_KEY"].Value != marker {
		t.Error(err)
	}
}

// TestRepositoriesNotTold: a list that is none, or lacks some, decides nothing.
func TestRepositoriesNotTold(t *testing.T) {
	for name, answer := range map[string]string{"other JSON": `{"ok":true}`, "too few": `{"total_count":2,"repositories":[{"id":7}]}`,
		"no ids": `{"total_count":2,"repositories":[{},{}]}`, "a page": `<html>`} {
		d, s, subject := world(t, "organisation, selected", double.Options{}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/repositories") {
					_, _ = w.Write([]byte(answer))
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		d.Set("/orgs/acme/actions", "API_KEY", double.Secret{Value: "by hand", Visibility: "selected", Repositories: []int64{7, 9}})
		faulttest.Want(t, name, put(t, s, subject.Path), fault.Unknown, "")
		if d.Secrets("/orgs/acme/actions")["API_KEY"].Value != "by hand" {
			t.Errorf("%s: it was rewritten", name)
		}
	}
}

func put(t *testing.T, s *github.Store, path string) error {
	t.Helper()
	_, err := s.Put(t.Context(), path, one(marker), "", store.Mark{})
	return err
}

func sorted(ids []int64) []int64 { return slices.Sorted(slices.Values(ids)) }

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
	faulttest.Want(t, "Put", err, fault.Unknown, "")
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
		faulttest.Want(t, hint, err, fault.BadConfig, hint)
	}
}
