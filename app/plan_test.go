package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/doubles/githubsecrets"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
)

const writeOnly = `version: 1
defaults: {owner: Platform, every: quarterly, grace: 48h}
stores:
  dotenv: {type: dotenv, path: .env}
  actions: {type: github, token: "env:GITHUB_TOKEN", base-url: "http://127.0.0.1:1"}
credentials:
  sealed-only:
    provider: {type: manual}
    targets: [{store: actions, path: acme/app, key: API_TOKEN}]
  beside-another:
    provider: {type: manual}
    targets: [{store: dotenv, key: A_TOKEN}, {store: actions, path: acme/app, key: A_TOKEN}]
  other-text:
    provider: {type: manual}
    targets: [{store: dotenv, key: B_URL, value: "https://{{.value}}@host"}, {store: actions, path: acme/app, key: B_TOKEN}]
  in-place:
    provider: {type: manual, strategy: in-place}
    targets: [{store: actions, path: acme/other, key: API_TOKEN}]
`

// TestPlanSaysWhatNoRollbackRestores: a write-only target is put back from a sealed value;
// the plan says if there is none.
func TestPlanSaysWhatNoRollbackRestores(t *testing.T) {
	folder(t, map[string]string{"rotor.yaml": writeOnly})
	a := open(t, app.Options{})
	standings, err := a.Standings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range standings {
		p, err := a.Plan(t.Context(), s, rotation.Manual)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"sealed-only": "actions:acme/app key API_TOKEN", "other-text": "actions:acme/app key B_TOKEN"}[s.Name]
		if got := strings.Join(p.Notes, "\n"); want == "" && got != "" || !strings.Contains(got, want) || want != "" && !strings.Contains(got, "no earlier value is sealed") {
			t.Errorf("%s: notes %q, want %q", s.Name, got, want)
		}
		s.Known.Generations = []rotation.Generation{{N: 1, Life: rotation.Current}}
		if p, err := a.Plan(t.Context(), s, rotation.Manual); err != nil || len(p.Notes) != 0 {
			t.Errorf("%s with a sealed generation: %q, %v", s.Name, p.Notes, err)
		}
	}
}

// TestWriteOnlyRotation: a credential whose only target is a secret of GitHub is rotated,
// and turned back. Nothing from before is sealed, so the secret goes, as the plan says.
func TestWriteOnlyRotation(t *testing.T) {
	d := githubsecrets.New(githubsecrets.Options{})
	d.Place("/repos/acme/app/actions")
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	t.Setenv("GITHUB_TOKEN", d.Token)
	folder(t, map[string]string{"rotor.yaml": `version: 1
defaults: {owner: Platform, every: quarterly}
stores:
  actions: {type: github, token: "env:GITHUB_TOKEN", base-url: "` + server.URL + `"}
credentials:
  hook:
    provider: {type: generated}
    targets: [{store: actions, path: acme/app, key: HOOK_TOKEN}]
`})
	a := open(t, app.Options{})
	secret := func() string { return d.Secrets("/repos/acme/app/actions")["HOOK_TOKEN"].Value }
	r, err := a.Engine.Start(t.Context(), engine.Request{Credential: "hook", Mode: rotation.Manual, Actor: "test"})
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, a, r.ID, func() bool { return secret() != "" })
	if err := a.Engine.Supply(t.Context(), r.ID, rotation.OrderRollback, "person", nil); err != nil {
		t.Fatal(err)
	}
	goOn(t, a, r.ID, func() bool { return secret() == "" })
	if seen := d.Count("GET", "/secrets/HOOK_TOKEN"); seen == 0 {
		t.Error("nobody looked whether it arrived")
	}
}

// goOn advances a rotation until something is so.
func goOn(t *testing.T, a *app.App, id string, so func() bool) {
	t.Helper()
	for range 50 {
		if _, err := a.Engine.Advance(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if so() {
			return
		}
	}
	t.Fatal("it does not come to that")
}
