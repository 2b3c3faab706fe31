package providertest

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// Live lets a provider sit the exam at the vendor itself, with real keys: only if
// ROTOR_LIVE lists its name (a comma between two). ROTOR_LIVE_NAME holds its options
// as JSON, as rotor.yaml would have them, with references to the environment:
//
//	ROTOR_LIVE=openai ROTOR_LIVE_OPENAI='{"admin-key":"env:OPENAI_ADMIN_KEY","project":"proj_…"}'
//
// What it makes bears labels of an installation that begins with "exam"; what it
// leaves behind if it is interrupted can be found by them. Questions that need a
// broken vendor, or somebody else's keys, are skipped by name.
func Live(t *testing.T, typ provider.Type) {
	if !slices.Contains(strings.Split(os.Getenv("ROTOR_LIVE"), ","), typ.Name) {
		t.Skipf("at the vendor itself: only with ROTOR_LIVE=%s", typ.Name)
	}
	opts := typ.NewOptions()
	text := json.NewDecoder(strings.NewReader(os.Getenv(liveVariable(typ.Name))))
	text.DisallowUnknownFields()
	if err := text.Decode(opts); err != nil {
		t.Fatalf("%s must hold the options as JSON: %v", liveVariable(typ.Name), err)
	}
	open := func() provider.Provider {
		p, err := typ.New(opts, provider.Context{Bind: provider.BindFunc(fromEnvironment)})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	setup := Setup{Open: func(testing.TB) Subject {
		p := open()
		return Subject{Provider: p, Again: open, Settled: settled(t, p.Traits())}
	}}
	Run(t, setup)
}

func liveVariable(name string) string {
	return "ROTOR_LIVE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// fromEnvironment binds env:NAME; other references have no meaning here.
func fromEnvironment(ref string) (secret.Source, error) {
	return func(context.Context) (secret.Value, error) {
		return secret.New(os.Getenv(strings.TrimPrefix(ref, "env:"))), nil
	}, nil
}

// settled waits out what the vendor needs to spread a change; there is nothing to look at.
func settled(t testing.TB, traits provider.Traits) func() {
	return func() {
		select {
		case <-time.After(traits.Settle):
		case <-t.Context().Done():
		}
	}
}
