package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"ROTOR_CONFIG", "ROTOR_STATE", "ROTOR_KEY_FILE", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

// folder has the files and is the present one during the test.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func open(t *testing.T, o app.Options) *app.App {
	t.Helper()
	if o.StateDir == "" {
		o.StateDir = "state"
	}
	if o.ConfigPath == "" {
		o.ConfigPath = "rotor.yaml"
	}
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

const plain = `version: 1
defaults: {owner: Platform, every: quarterly, grace: 48h}
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  api-token:
    provider: {type: generated}
    targets: [{store: dotenv, key: API_TOKEN}]
`

func wantFault(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if fault.KindOf(err) != kind || err == nil || !strings.Contains(err.Error()+fault.HintOf(err), words) {
		t.Errorf("got %v (%s; %s), want %s with %q", err, fault.KindOf(err), fault.HintOf(err), kind, words)
	}
}

func TestTrust(t *testing.T) {
	dir := folder(t, map[string]string{"rotor.yaml": plain, "deep/er/x": ""})
	t.Chdir("deep/er")
	find := func() *app.App {
		t.Helper()
		a, err := app.New(t.Context(), app.Options{StateDir: filepath.Join(dir, "state")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		return a
	}
	a := find()
	var untrusted *app.UntrustedError
	if _, err := a.Credential("api-token"); !errors.As(err, &untrusted) || fault.KindOf(err) != fault.BadConfig {
		t.Fatalf("met by walking upward: %v", err)
	}
	if _, err := a.Engine.Start(t.Context(), engine.Request{Credential: "api-token"}); !errors.As(err, &untrusted) {
		t.Errorf("the engine too: %v", err)
	}
	if _, _, err := a.Schedule(t.Context(), a.Now()); !errors.As(err, &untrusted) {
		t.Errorf("the schedule too: %v", err)
	}
	if _, err := a.Standings(t.Context()); err != nil {
		t.Errorf("looking is free: %v", err)
	}
	if err := a.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := find().Credential("api-token"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rotor.yaml"), []byte(plain+"# changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(); !errors.As(err, &untrusted) {
		t.Errorf("reload of a changed file: %v", err)
	}
	if _, err := a.Credential("api-token"); err != nil {
		t.Errorf("what was trusted goes on: %v", err)
	}
	if err := find().Trusted(); !errors.As(err, &untrusted) {
		t.Errorf("changed: %v", err)
	}
}

func TestOverlapOnlyIfEveryAcceptorTakesBoth(t *testing.T) {
	const acceptors = `version: 1
defaults: {owner: Platform, every: quarterly}
stores:
  dotenv: {type: dotenv, path: .env}
  other: {type: dotenv, path: other.env}
consumers:
  api: {type: exec, deploy: [/bin/true]}
  worker: {type: exec, deploy: [/bin/true]}
credentials:
  token:
    provider: {type: generated}
    acceptors:
      - {consumer: api, targets: [{store: other, key: A, value: "{{.value}},{{.previous.value}}"}]}
      - {consumer: worker, targets: [{store: other, key: B, value: "SECOND"}]}
    targets: [{store: dotenv, key: TOKEN}]
`
	for second, want := range map[string]rotation.Strategy{"{{.value}} {{.previous.value}}": rotation.Overlap, "{{.value}}": rotation.InPlace} {
		folder(t, map[string]string{"rotor.yaml": strings.Replace(acceptors, "SECOND", second, 1)})
		cred, err := open(t, app.Options{}).Credential("token")
		if err != nil {
			t.Fatal(err)
		}
		if got := cred.Provider.Traits().Strategy; got != want {
			t.Errorf("%s: %s, want %s", second, got, want)
		}
		if len(cred.Acceptors) != 2 || cred.Acceptors[0].Consumer.Name != "api" || cred.Targets[0].Value.String() != "{{.value}}" {
			t.Errorf("%+v", cred)
		}
	}
}

func TestUnknownCredential(t *testing.T) {
	folder(t, map[string]string{"rotor.yaml": plain})
	a := open(t, app.Options{})
	_, err := a.Credential("api-tokne")
	wantFault(t, err, fault.BadConfig, "did you mean api-token?")
	if c, err := a.Find("dotenv:#API_TOKEN"); err != nil || c.Name != "api-token" {
		t.Errorf("by its place: %v %v", c.Name, err)
	}
}

func TestIDsSortByTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	next := app.NewID(func() time.Time { now = now.Add(time.Millisecond); return now })
	var ids []string
	seen := map[string]bool{}
	for range 2000 {
		id := next(rotation.KindRotation)
		ids, seen[id] = append(ids, id), true
	}
	if !slices.IsSorted(ids) || len(seen) != len(ids) || !strings.HasPrefix(ids[0], "r-") || !strings.HasPrefix(next(rotation.KindRetirement), "x-") {
		t.Errorf("%v", ids[:3])
	}
}

func TestClockOfThisBoot(t *testing.T) {
	now := app.Clock()
	a := now()
	b := now()
	if a.BootID == "" || a.BootID != b.BootID || b.Boot < a.Boot || a.Wall.Location() != time.UTC {
		t.Errorf("%+v, then %+v", a, b)
	}
}

// Two logins taking turns, and consumers that are told the password alone.
func TestAlternateNeedsTheAccountInATarget(t *testing.T) {
	const two = `version: 1
defaults: {owner: Platform, every: quarterly}
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  database:
    provider: {type: postgres, admin: "env:ADMIN", database: app, owner-role: app_owner, roles: [app_a, app_b]}
    targets:
      - {store: dotenv, key: PGPASSWORD, value: "{{.password}}"}
      - {store: dotenv, key: SECOND, value: "TEMPLATE"}
`
	for template, refused := range map[string]bool{"{{.password}}": true, "{{.username}}": false, "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@db/app": false} {
		folder(t, map[string]string{"rotor.yaml": strings.Replace(two, "TEMPLATE", template, 1)})
		_, err := open(t, app.Options{}).Credential("database")
		if refused {
			wantFault(t, err, fault.BadConfig, "no target tells its name")
		} else if err != nil {
			t.Errorf("%s: %v", template, err)
		}
	}
}
