package app_test

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
)

func TestReferences(t *testing.T) {
	dir := folder(t, map[string]string{
		"admin": "from-a-file\n", "empty": "\n", ".env": "ADMIN=from-a-store\n",
		"rotor.yaml": plain + `  pg:
    provider: {type: postgres, admin: "env:PG_ADMIN", database: x, owner-role: o, roles: [a, b]}
    targets: [{store: dotenv, key: PG}]
`})
	a := open(t, app.Options{})
	for ref, want := range map[string]string{"file:" + dir + "/admin": "from-a-file", "file:admin": "from-a-file",
		"dotenv:.env#ADMIN": "from-a-store", "env:PG_ADMIN": "from-the-environment"} {
		t.Setenv("PG_ADMIN", "from-the-environment")
		source, err := a.Source(ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if v, err := source(t.Context()); err != nil || v.Reveal() != want {
			t.Errorf("%s: %q %v", ref, v.Reveal(), err)
		}
	}
	// read at each use, never when it is bound
	t.Setenv("PG_ADMIN", "")
	source, err := a.Source("env:PG_ADMIN")
	if err != nil {
		t.Fatal(err)
	}
	_, err = source(t.Context())
	wantFault(t, err, fault.BadConfig, "PG_ADMIN")
	t.Setenv("PG_ADMIN", "later")
	if v, err := source(t.Context()); err != nil || v.Reveal() != "later" {
		t.Errorf("%q %v", v.Reveal(), err)
	}
	for ref, words := range map[string]string{"file:no-such": "does not exist", "file:empty": "empty", "dotenv:.env#NO": "no such key"} {
		source, err := a.Source(ref)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		_, err = source(t.Context())
		wantFault(t, err, fault.BadConfig, words)
	}
	if _, err := a.Source("hvs.looks-like-a-value"); err == nil || strings.Contains(err.Error()+fault.HintOf(err), "hvs.") {
		t.Errorf("a value for a reference: %v", err)
	}
}
