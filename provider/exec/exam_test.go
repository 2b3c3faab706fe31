package exec_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// kind is what the program is, as it and rotor.yaml have it.
type kind struct {
	InPlace, Slots, Named, Nameless bool

	Lingers time.Duration
	Traits  object
}

// kinds are combinations of traits and abilities that the engine treats differently.
var kinds = map[string]struct {
	kind kind
	opts exec.Options
}{
	"find":       {opts: exec.Options{Can: []string{"find", "probe"}}},
	"everything": {opts: exec.Options{Can: []string{"find", "identify", "probe", "usage", "preflight", "notes", "now"}}},
	"in place, shown again": {kind: kind{InPlace: true}, opts: exec.Options{Strategy: "in-place", Outage: "requests fail",
		Can: []string{"reveal", "probe"}}},
	"made by rotor": {opts: exec.Options{Minter: "rotor", Can: []string{"identify", "probe"}}},
	"two accounts": {kind: kind{Slots: true, Named: true}, opts: exec.Options{Minter: "rotor", Strategy: "alternate",
		Fields: []exec.Field{{Name: "username", Public: true}, {Name: "value"}}, Can: []string{"make", "identify", "probe"}}},
	"without names": {kind: kind{Nameless: true}, opts: exec.Options{Can: []string{"list", "identify", "probe"}}},
	"ends by a timer": {kind: kind{Lingers: time.Hour}, opts: exec.Options{Lingers: time.Hour, Outage: "whoever is late is refused",
		Can: []string{"reveal", "probe", "now"}}},
	"ends by itself":   {opts: exec.Options{Expires: time.Hour, Can: []string{"revoke-value"}}},
	"made by a person": {opts: exec.Options{Minter: "person", Can: []string{"instructions", "identify", "probe"}}},
}

// TestProgram: whatever a program can, it sits the exam. One kind is killed at every
// write of the journal.
func TestProgram(t *testing.T) {
	for name := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject { return subject(t, name) }, Every: sparse}
			if name == "find" {
				setup.Every = 0
			}
			providertest.Run(t, setup)
			t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
		})
	}
}

// place gives a program of that kind a folder, and the options for it.
func place(t testing.TB, name string) (dir string, opts exec.Options) {
	t.Helper()
	dir = t.TempDir()
	k, opts := kinds[name].kind, kinds[name].opts
	k.Traits = traitsOf(opts)
	text, err := json.Marshal(k)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "kind"), text, 0o600)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "values"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	opts.Program = self(t, dir)
	return dir, opts
}

// traitsOf is what a program says that has these options.
func traitsOf(o exec.Options) object {
	traits := object{"version": 1, "strategy": "overlap", "minter": "provider", "can": o.Can, "expires": o.Expires.String(), "outage": o.Outage,
		"lingers": o.Lingers.String(), "shared": o.Shared}
	if o.Strategy != "" {
		traits["strategy"] = o.Strategy
	}
	if o.Minter != "" {
		traits["minter"] = o.Minter
	}
	if o.Fields != nil {
		traits["fields"] = o.Fields
	}
	return traits
}

func subject(t testing.TB, name string) providertest.Subject {
	dir, opts := place(t, name)
	w := newWay(t)
	opts.Program = w.to(opts.Program...)
	again := func() provider.Provider { return open(t, opts, admin) }
	own := issuer{dir: dir, kind: kinds[name].kind}
	byHand := func(label string) rotation.Handle {
		return rotation.Handle{ID: own.put(kept{Label: label, Slot: "by-hand", Values: own.fresh()})}
	}
	var passed time.Duration
	s := providertest.Subject{Provider: again(), Again: again, Secrets: []secret.Value{secret.New(admin)}, Break: w.Break,
		Pass: func(d time.Duration) {
			passed += d
			if err := os.WriteFile(filepath.Join(dir, "ahead"), []byte(passed.String()), 0o600); err != nil {
				t.Error(err)
			}
		},
		Live: func(context.Context) ([]rotation.Handle, error) {
			return handles(slices.Collect(maps.Keys(own.all())), nil)
		},
		Supply: func() secret.Set {
			values := own.fresh()
			own.put(kept{Label: "by a person", Values: values})
			return secret.Set{"value": secret.New(values["value"])}
		},
	}
	if opts.Expires > 0 {
		s.Live = nil // what a lost answer left is waited for
	}
	if !own.kind.InPlace && own.kind.Lingers == 0 {
		s.Stranger = func(context.Context) (rotation.Handle, error) { return byHand("by-hand"), nil }
		s.Namesake = func(_ context.Context, label string) (rotation.Handle, error) { return byHand(label), nil }
		s.Impostor = func(context.Context) (secret.Set, error) {
			values := own.fresh()
			own.put(kept{Label: "other", Slot: "by-hand", Values: values})
			return secret.Set{"value": secret.New(values["value"]), "username": secret.Public("other")}, nil
		}
	}
	return s
}
