package app_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/app"
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
