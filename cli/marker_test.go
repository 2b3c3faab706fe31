//go:build linux

package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/secret"
)

// TestMarkers looks for values in everything that Rotor leaves behind.
func TestMarkers(t *testing.T) {
	const old, supplied, fromEnv = "marker/old+0123456789", "marker=supplied?0123&456", "marker env\"quoted'0123456"
	p := newPlace(t, `version: 1
defaults: {owner: Platform, every: quarterly, grace: 0s, bound: 0s, at-bound: revoke}
stores:
  dotenv: {type: dotenv, path: .env}
consumers:
  app: {type: exec, deploy: [`+"DIR/hook"+`]}
credentials:
  api-token:
    provider: {type: generated, encoding: base64}
    targets: [{store: dotenv, key: API_TOKEN}]
    consumers: [app]
  stripe:
    provider: {type: manual}
    targets: [{store: dotenv, key: STRIPE_KEY}]
    consumers: [app]
`, "API_TOKEN='"+old+"'\nSTRIPE_KEY=not-a-real-key-from-before\n")
	p.write("rotor.yaml", strings.ReplaceAll(p.read("rotor.yaml"), "DIR", p.dir), 0o644)
	p.write("hook", fmt.Sprintf(`#!/bin/sh
for f in /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline; do tr '\0' '\n' < $f >> %[1]s/seen; done
cat >> %[1]s/seen
if [ -e %[1]s/break ]; then grep API_TOKEN %[1]s/.env >&2; exit 1; fi
`, p.dir), 0o755)

	values := []string{old, supplied, fromEnv}
	var said strings.Builder
	note := func(r result, codes ...int) {
		t.Helper()
		said.WriteString(r.out + r.err)
		for _, c := range codes {
			if r.code == c {
				return
			}
		}
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	note(p.run(p.rotor("rotate", "api-token", "--progress", "json")), 0)
	values = append(values, strings.Trim(p.variable("API_TOKEN"), `'"`))
	set := p.rotor("set", "stripe", "-")
	set.Stdin = strings.NewReader(supplied + "\n")
	note(p.run(set), 0, 5)
	set = p.rotor("set", "stripe", "--from-env", "NEW_KEY")
	set.Env = append(set.Env, "NEW_KEY="+fromEnv)
	note(p.run(set), 0, 5)

	// a program that tells everything, and a rollback
	p.write("break", "", 0o600)
	note(p.run(p.rotor("rotate", "api-token")), 1, 7)
	if err := os.Remove(filepath.Join(p.dir, "break")); err != nil {
		t.Fatal(err)
	}
	note(p.run(p.rotor("resume")), 0, 1, 5, 7)
	for _, args := range [][]string{{"status", "-o", "json"}, {"status", "api-token", "-o", "json"}, {"status", "stripe"},
		{"audit", "export"}, {"plan", "api-token"}, {"config", "view"}} {
		note(p.run(p.rotor(args...)), 0)
	}

	places := map[string]string{"what was said": said.String(), "what a child saw": p.read("seen")}
	err := filepath.WalkDir(filepath.Join(p.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var text []byte
			text, err = os.ReadFile(path)
			places[path] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(places["what a child saw"]) == 0 || len(places[filepath.Join(p.dir, "state", "state.db")]) == 0 {
		t.Fatal("there is nothing to look through")
	}
	for where, text := range places {
		for i, v := range values {
			for _, form := range secret.Encodings(secret.New(v)) {
				if strings.Contains(text, form) {
					t.Errorf("value %d is in %s", i, where)
					at := strings.Index(text, form)
					t.Logf("%q", text[max(0, at-200):min(len(text), at+200)])
				}
			}
		}
	}
}
