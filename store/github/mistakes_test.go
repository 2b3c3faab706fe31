package github_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
