package exec_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/secret"
)

func TestBadOptions(t *testing.T) {
	find := []string{"find"}
	for hint, o := range map[string]exec.Options{
		"write a list":                 {Can: find},
		"the whole path":               {Program: []string{"rotor-provider-acme"}, Can: find},
		"overlap, alternate":           {Strategy: "both", Can: find},
		"provider, rotor or person":    {Minter: "vendor", Can: find},
		"outage:":                      {Strategy: "in-place", Can: find},
		"leave out what":               {Timeout: -time.Second, Can: find},
		"write can: [find]":            {},
		"teach the program identify":   {Minter: "rotor", Can: []string{"probe"}},
		"what a person must do":        {Minter: "person"},
		"leave one out":                {Can: []string{"find", "list"}},
		"known by its label":           {Shared: true, Can: find},
		"set strategy: overlap":        {Strategy: "in-place", Outage: "x", Lingers: time.Hour, Can: find},
		"requests are refused until":   {Lingers: time.Hour, Can: find},
		"teach the program reveal":     {Lingers: time.Hour, Outage: "x", Can: find},
		"set minter: rotor":            {Can: []string{"find", "make"}},
		"each once of: make":           {Can: []string{"adopt"}},
		"each once":                    {Can: []string{"find", "find"}},
		"previous is reserved":         {Fields: []exec.Field{{Name: "previous"}}, Can: find},
		"a name of its own":            {Fields: []exec.Field{{Name: "a"}, {Name: "a"}}, Can: find},
		"leave out public":             {Fields: []exec.Field{{Name: "a", Public: true}}, Can: find},
		"teach the program the method": {Minter: "rotor", Fields: []exec.Field{{Name: "id", Public: true}, {Name: "a"}}, Can: []string{"identify"}},
		"ACME_ADMIN_KEY":               {Secrets: map[string]string{"Admin Key": "env:X"}, Can: find},
	} {
		if o.Program == nil && hint != "write a list" {
			o.Program = []string{"/usr/local/lib/rotor/rotor-provider-acme"}
		}
		_, err := exec.New(o, nil)
		wantFault(t, hint, err, fault.BadConfig, hint)
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[string]string{
		"/usr/local/lib/rotor/rotor-provider-acme": "acme", "/opt/rotor-provider-acme.py": "acme", "/opt/tokens": "tokens", "/opt/Rotor_X": "exec",
	} {
		p, err := exec.New(exec.Options{Program: []string{path}, Can: []string{"find"}}, nil)
		if err != nil || p.Traits().Name != want {
			t.Errorf("%s is %q, %v", path, p.Traits().Name, err)
		}
	}
}

// TestTrust: config trust shows the program, and each secret with the program that gets it.
func TestTrust(t *testing.T) {
	typ := exec.Type()
	o := &exec.Options{Program: []string{"/opt/rotor-provider-acme", "--url", "x"}, Secrets: map[string]string{"admin": "vault:acme#key"}, Can: []string{"find"}}
	if got := typ.Refs(o); len(got) != 1 || got["secrets.admin"] != "vault:acme#key" {
		t.Errorf("%v", got)
	}
	if got := typ.Commands(o)["program"]; len(got) != 3 {
		t.Errorf("%v", got)
	}
	if got := typ.Destination(o); got != "program /opt/rotor-provider-acme" {
		t.Errorf("%q", got)
	}
	bound := ""
	_, err := typ.New(o, provider.Context{Bind: provider.BindFunc(func(ref string) (secret.Source, error) {
		bound = ref
		return secret.Fixed(secret.New(admin)), nil
	})})
	if err != nil || bound != "vault:acme#key" {
		t.Errorf("%q, %v", bound, err)
	}
	o.Secrets["admin"] = ""
	_, err = typ.New(o, provider.Context{})
	wantFault(t, "a secret that refers to nothing", err, fault.BadConfig, "env:")
}
