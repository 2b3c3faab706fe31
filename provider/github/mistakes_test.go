package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// serve opens the account over HTTP.
func serve(t testing.TB, a *account) provider.Provider {
	if a.url == "" {
		server := httptest.NewServer(a.Double)
		t.Cleanup(server.Close)
		a.url = server.URL
	}
	return a.open(t, a.url)
}

var request = provider.Request{Label: "rotor-test-e1-github-g1-a1", Generation: 1}

func TestBadOptions(t *testing.T) {
	app := func(change func(*github.Options)) github.Options {
		o := github.Options{Kind: "installation-token", AppID: "1", InstallationID: 1}
		change(&o)
		return o
	}
	key := func(change func(*github.Options)) github.Options {
		o := github.Options{Kind: "deploy-key", Repository: "a/b"}
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		hint string
		opts github.Options
	}{
		"no kind":           {"installation-token or deploy-key", github.Options{}},
		"another kind":      {"installation-token or deploy-key", github.Options{Kind: "oauth"}},
		"login":             {"github.com/NAME", github.Options{Kind: "pat", Login: "a b"}},
		"scopes":            {"read:org", github.Options{Kind: "pat", Scopes: []string{"All"}}},
		"expires":           {"1 to 366", github.Options{Kind: "pat", ExpiresDays: 400}},
		"of another kind":   {"deploy-key", github.Options{Kind: "pat", Repository: "a/b"}},
		"of another, false": {"deploy-key", github.Options{Kind: "pat", ReadOnly: new(bool)}},
		"app":               {"App's settings", app(func(o *github.Options) { o.AppID = "" })},
		"installation":      {"installations/NUMBER", app(func(o *github.Options) { o.InstallationID = 0 })},
		"repositories":      {"without their owner", app(func(o *github.Options) { o.Repositories = []string{"a/b"} })},
		"too many":          {"at most 500", app(func(o *github.Options) { o.Repositories = make([]string, 501) })},
		"permissions":       {"pull_requests: read", app(func(o *github.Options) { o.Permissions = map[string]string{"contents": "all"} })},
		"repository":        {"owner/name", key(func(o *github.Options) { o.Repository = "a/b'; rm" })},
		"ssh address":       {"ssh.github.com:443", key(func(o *github.Options) { o.SSHAddress = "github.com" })},
		"host keys":         {"known_hosts", key(func(o *github.Options) { o.SSHHostKeys = []string{"github.com ssh-ed25519 AAAA"} })},
		"rate":              {"a positive number", github.Options{Kind: "pat", RequestsPerSecond: -1}},
		"base":              {"https://", github.Options{Kind: "pat", BaseURL: "http://api.example.com"}},
	} {
		_, err := github.New(c.opts, secret.Fixed(secret.New("double")))
		faulttest.Want(t, name, err, fault.BadConfig, c.hint)
	}
}

// TestASecretLeftOut: each kind says which one it needs.
func TestASecretLeftOut(t *testing.T) {
	bind := provider.BindFunc(func(string) (secret.Source, error) { return secret.Fixed(secret.New("double")), nil })
	for hint, o := range map[string]github.Options{
		"private-key: ": {Kind: "installation-token", AppID: "1", InstallationID: 1},
		"token: ":       {Kind: "deploy-key", Repository: "a/b"},
	} {
		_, err := github.Type().New(&o, provider.Context{Bind: bind})
		faulttest.Want(t, o.Kind, err, fault.BadConfig, hint)
	}
	if _, err := github.Type().New(&github.Options{Kind: "pat"}, provider.Context{Bind: bind}); err != nil {
		t.Error(err)
	}
}

// TestPastes: a value that must not be taken is refused before anything happens, in
// words that say why and do not repeat it.
func TestPastes(t *testing.T) {
	scopes := []string{"repo", "read:org"}
	month := 30 * 24 * time.Hour
	a := newAccount(t, double.Options{}, github.Options{Kind: "pat", Login: "double-person", Scopes: scopes, ExpiresDays: 30})
	make := func(prefix, user, scopes string, expires time.Duration) string {
		return a.Token(prefix, user, scopes, double.See, expires)
	}
	cases := map[string]struct{ value, hint string }{
		"nothing":                 {"", "that GitHub showed"},
		"a line break":            {make("ghp", a.Login, "repo, read:org", month) + "\n", "without spaces"},
		"a part":                  {"ghp_double", "whole"},
		"a page":                  {"ghp_" + strings.Repeat("double", 60), "whole"},
		"an App's":                {"ghs_double-double-double-double", "a personal access token"},
		"an OAuth App's":          {"gho_double-double-double-double", "a personal access token"},
		"an old one":              {"0123456789abcdef0123456789abcdef01234567", "made anew"},
		"of nobody":               {"ghp_double-" + doubles.Text(40), "copied whole"},
		"another account's":       {make("ghp", "somebody", "repo, read:org", month), "double-person"},
		"fine-grained":            {make("github_pat", a.Login, "", month), "only classic"},
		"one with fewer scopes":   {make("ghp", a.Login, "repo", month), "read:org"},
		"one without scopes":      {make("ghp", a.Login, "", month), "repo, read:org"},
		"one with more scopes":    {make("ghp", a.Login, "repo, read:org, delete_repo", month), "nothing but: repo, read:org"},
		"one that lives for ever": {make("ghp", a.Login, "repo, read:org", 0), "30 days"},
		"one that lives too long": {make("ghp", a.Login, "repo, read:org", 2*month), "30 days"},
	}
	p, before := serve(t, a), len(a.Alive("g"))
	for name, c := range cases {
		_, err := p.Issue(t.Context(), provider.Request{Label: request.Label, Values: value(c.value)})
		faulttest.Want(t, name, err, fault.Rejected, c.hint)
		if err != nil && c.value != "" && strings.Contains(err.Error()+fault.HintOf(err), strings.TrimSpace(c.value)) {
			t.Errorf("%s: the words repeat the value: %v", name, err)
		}
	}
	if len(a.Alive("g")) != before || a.Count("POST", "") != 0 {
		t.Error("something was changed")
	}
}

// TestRevokeByNameAlone: a person is told which token it is.
func TestRevokeByNameAlone(t *testing.T) {
	for kind, hint := range map[string]string{"pat": "https://github.com/settings/tokens", "installation-token": "by itself"} {
		a := newAccount(t, double.Options{}, github.Options{Kind: kind})
		p := a.open(t, "https://api.github.com")
		err := p.Revoke(t.Context(), rotation.Handle{ID: "acme-bot/0123456789abcdef"})
		faulttest.Want(t, kind, err, fault.NeedsPerson, hint)
	}
	if _, err := github.New(github.Options{Kind: "pat"}, nil); err != nil {
		t.Fatal(err)
	}
	a := newAccount(t, double.Options{}, github.Options{Kind: "pat"})
	hint := fault.HintOf(a.open(t, "https://git.example.com/api/v3").Revoke(t.Context(), rotation.Handle{ID: "acme-bot/0123456789abcdef"}))
	for _, part := range []string{"https://git.example.com/settings/tokens", "acme-bot", "0123456789abcdef"} {
		if !strings.Contains(hint, part) {
			t.Errorf("hint %q lacks %s", hint, part)
		}
	}
}

// TestServerWithoutRevocation: an Enterprise Server may lack the call, or want a login
// for it. Then a person is told which token to delete; nobody waits for ever.
func TestServerWithoutRevocation(t *testing.T) {
	for name, o := range map[string]double.Options{"none": {NoRevocation: true}, "private mode": {Private: true}} {
		a := newAccount(t, o, github.Options{Kind: "pat"})
		p, token := serve(t, a), a.token()
		if err := p.(provider.Preflighter).Preflight(t.Context(), request); err != nil {
			t.Errorf("%s: Preflight: %v", name, err)
		}
		if now, err := p.(provider.Clock).Now(t.Context()); err != nil || now.IsZero() {
			t.Errorf("%s: Now: %v, %v", name, now, err)
		}
		err := p.(provider.ValueRevoker).RevokeValue(t.Context(), provider.Issued{Handle: named(a.Login, token), Values: value(token)})
		faulttest.Want(t, name, err, fault.NeedsPerson, "/settings/tokens, logged in as "+a.Login)
	}
	for _, status := range []int{401, 403, 404, 405} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>no"))
		}))
		p := newAccount(t, double.Options{}, github.Options{Kind: "pat"}).open(t, server.URL)
		err := p.(provider.ValueRevoker).RevokeValue(t.Context(), provider.Issued{Values: value("ghp_double")})
		faulttest.Want(t, fmt.Sprint(status), err, fault.NeedsPerson, "/settings/tokens")
		if _, err := p.(provider.Clock).Now(t.Context()); status != 404 && err == nil {
			t.Errorf("%d: the date of something in between is taken for GitHub's", status)
		}
		server.Close()
	}
}

// TestInstructions: place, name, what to tick, how long.
func TestInstructions(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "pat", Login: "acme-bot", Scopes: []string{"repo", "read:org"}, ExpiresDays: 90, Instructions: "Ask Platform."})
	text := a.open(t, "https://api.github.com").(provider.Guide).Instructions(rotation.Ask, request)
	for _, part := range []string{"https://github.com/settings/tokens/new?description=rotor-test", "scopes=repo%2Cread%3Aorg", "acme-bot", request.Label,
		"90 days", "repo, read:org and nothing else", "Ask Platform.", "do not regenerate", "supply: token"} {
		if !strings.Contains(text, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
	a.opts.Scopes = nil
	text = a.open(t, "https://api.github.com").(provider.Guide).Instructions(rotation.Ask, request)
	if !strings.Contains(text, "https://github.com/settings/personal-access-tokens/new,") {
		t.Error(text)
	}
}
