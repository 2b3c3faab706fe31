package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func mustParse(t *testing.T, body string) *Config {
	t.Helper()
	c, err := Parse("/srv/aos/rotor.yaml", []byte(body), stubKinds())
	if err != nil {
		t.Fatal(Explain(err))
	}
	return c
}

// marker stands where a careless person would paste a secret.
const marker = "hunter2-MARKER-s3cr3t"

func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := Parse("rotor.yaml", mustRead(t, file), stubKinds())
			if err == nil {
				t.Fatal("it was accepted")
			}
			if fault.KindOf(err) != fault.BadConfig {
				t.Errorf("the kind is %v", fault.KindOf(err))
			}
			got := Explain(err)
			for _, text := range []string{got, err.Error(), fault.HintOf(err)} {
				if strings.Contains(text, marker) || strings.Contains(text, "31415926535") {
					t.Fatalf("the message repeats what may be a secret:\n%s", text)
				}
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(mustRead(t, golden)); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestDesignExample(t *testing.T) {
	c := mustParse(t, string(mustRead(t, "testdata/design.yaml")))
	if len(c.Stores) != 3 || len(c.Consumers) != 2 || len(c.Checks) != 3 || len(c.Credentials) != 2 || len(c.Warnings) != 2 {
		t.Fatalf("%d stores, %d consumers, %d checks, %d credentials, warnings %v", len(c.Stores), len(c.Consumers), len(c.Checks), len(c.Credentials), c.Warnings)
	}
	db, _ := c.Credential("database")
	pg := db.Provider.Options.(*postgresOptions)
	if db.Owner != "Platform" || db.Policy.Every.String() != "quarterly" || db.Policy.Grace != 48*time.Hour || pg.OwnerRole != "nova_owner" || len(pg.Roles) != 2 {
		t.Errorf("%+v %+v", db, pg)
	}
	if a := db.Acceptors[0]; a.Consumer != "pgbouncer" || a.Targets[0].KeyTemplate.Field() != "username" || a.Targets[0].Template.Field() != "password" {
		t.Errorf("%+v", a)
	}
	token, _ := c.Credential("machine-token")
	if token.Targets[0].Template != nil || token.Policy.Grace != policy.Default().Grace || token.Policy.AtBound != policy.Hold || token.Policy.Monitor != 5*time.Minute {
		t.Errorf("%+v", token)
	}
	logs, _ := c.Check("auth-errors")
	if o := logs.Options.(*logsOptions); o.MaxOverBaseline != 3 || o.Consumer != "app" || !strings.HasPrefix(o.Match, `\b(401`) {
		t.Errorf("%+v", o)
	}
	if env, _ := c.Store("dotenv"); env.Options.(*fileOptions).Path != "/srv/aos/.env" || env.Pos.Line != 4 || env.Pos.Col != 3 {
		t.Errorf("%+v", env)
	}
	if len(c.Hash) != 64 || c.Dir != "/srv/aos" {
		t.Errorf("hash %q, dir %q", c.Hash, c.Dir)
	}
}

const small = `
version: 1
x-usual: &usual {owner: LLM, grace: 2d}
defaults: {owner: Platform, every: annually, window: "Mon-Fri 09:00-17:00", timezone: Europe/Berlin}
stores: {vault: {type: vaultkv, mount: m, token: "file:secrets/token"}}
credentials:
  a: {provider: {type: generated}, targets: [{store: vault, path: p, key: A}]}
  b:
    <<: *usual
    every: "30 3 1 * *"
    window: []
    grace: 90m
    provider: {type: generated}
    targets: [{store: vault, path: p, key: B}]
  c:
    every: never
    on: compromise
    provider: {type: generated}
    targets: [{store: vault, path: p, key: "C"}]
`

func TestDefaultsAnchorsAndMerges(t *testing.T) {
	c := mustParse(t, small)
	a, b, third := c.Credentials[0], c.Credentials[1], c.Credentials[2]
	if a.Owner != "Platform" || a.Policy.Every.String() != "annually" || len(a.Policy.Windows) != 1 || a.Policy.Zone.String() != "Europe/Berlin" || a.Policy.Grace != 24*time.Hour {
		t.Errorf("a: %+v", a)
	}
	if b.Owner != "LLM" || !b.Policy.Every.IsCron() || len(b.Policy.Windows) != 0 || b.Policy.Grace != 90*time.Minute {
		t.Errorf("b: %+v", b)
	}
	if !third.Policy.Every.IsNever() || !third.Policy.Has(policy.Compromise) {
		t.Errorf("c: %+v", third)
	}
	if refs := c.Refs(); len(refs) != 1 || refs[0].Ref.String() != "file:/srv/aos/secrets/token" || refs[0].Where != "stores.vault.token" {
		t.Errorf("refs: %+v", refs)
	}
}

func TestManyMistakesAreCounted(t *testing.T) {
	_, err := Parse("rotor.yaml", []byte("version: 1\n"+strings.Repeat("a: b\n", 5000)), stubKinds())
	var list *Errors
	if !errors.As(err, &list) || len(list.Problems) != 101 || !strings.Contains(err.Error(), "and 4900 more mistakes") {
		t.Fatalf("%d problems", len(list.Problems))
	}
}

func TestDollarIsLiteral(t *testing.T) {
	c := mustParse(t, strings.Replace(small, "owner: LLM", `owner: "$OWNER ${HOME}"`, 1))
	if got := c.Credentials[1].Owner; got != "$OWNER ${HOME}" {
		t.Errorf("owner is %q", got)
	}
}

func TestRefOfConfig(t *testing.T) {
	c := mustParse(t, small)
	for text, want := range map[string]string{"env:X": "env:X", "file:a/b": "file:/srv/aos/a/b", "file:/a": "file:/a", "vault:p#k": "vault:p#k"} {
		if ref, err := c.Ref(text); err != nil || ref.String() != want {
			t.Errorf("%q is %v, %v", text, ref, err)
		}
	}
	for _, text := range []string{"", marker, marker + ":x", "env:" + marker, "vault:p", "other:p#k", "https://" + marker + "@host/x", "file:~/x", "env:A\nB"} {
		if ref, err := c.Ref(text); err == nil || strings.Contains(err.Error()+fault.HintOf(err), marker) || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%q is %v, %v", text, ref, err)
		}
	}
}

func TestSameTemplateOfOtherRolesIsNoClash(t *testing.T) {
	body := string(mustRead(t, "testdata/bad/same-role-in-userlist.yaml"))
	mustParse(t, strings.Replace(body, "roles: [nova_b, nova_c]", "roles: [nova_c, nova_d]", 1))
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	body := mustRead(t, "testdata/design.yaml")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path, stubKinds()); err != nil || c.File != path {
		t.Fatal(c, err)
	}
	if err := os.Chmod(path, 0o646); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]string{"may be written by anybody": path, "is a folder": dir, "does not exist": path + "x"} {
		if _, err := Load(p, stubKinds()); err == nil || !strings.Contains(err.Error(), name) || fault.HintOf(err) == "" || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
}
