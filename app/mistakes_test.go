package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
)

// TestMistakesOfRooms: what only a room can tell is found before anything is connected.
func TestMistakesOfRooms(t *testing.T) {
	const text = `version: 1
defaults: {owner: Platform, every: quarterly}
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  nameless:
    provider: {type: postgres, admin: env:A, database: d, owner-role: o, roles: [a, b]}
    targets: [{store: dotenv, key: P, value: "{{.password}}"}]
  alone:
    provider: {type: postgres, admin: env:A, database: d, owner-role: o, roles: [a]}
    targets: [{store: dotenv, key: Q, value: "{{.username}}"}]
`
	file := filepath.Join(t.TempDir(), "rotor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := app.Load(app.Options{ConfigPath: file})
	if err != nil {
		t.Fatal(err)
	}
	var found *config.Errors
	if !errors.As(app.Mistakes(c), &found) || len(found.Problems) != 2 {
		t.Fatalf("%v", app.Mistakes(c))
	}
	for i, want := range []struct {
		line int
		what string
	}{{6, "strategy alternate changes the account with every rotation, and no target tells its name"},
		{10, "postgres: roles: alternate needs two different ones"}} {
		if p := found.Problems[i]; p.Pos.Line != want.line || p.What != want.what || p.Hint == "" {
			t.Errorf("%+v", p)
		}
	}
}
