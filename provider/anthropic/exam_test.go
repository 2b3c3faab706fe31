package anthropic_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/anthropic"
	"github.com/agenticverz/rotor/provider/anthropic"
	"github.com/agenticverz/rotor/provider/providertest"
)

// kinds are the organisations, and what the API may do otherwise than is known.
var kinds = map[string]struct {
	double double.Options
	opts   anthropic.Options
}{
	"one workspace":             {},
	"default workspace":         {opts: anthropic.Options{Workspace: "default"}},
	"expiring":                  {opts: anthropic.Options{ExpiresDays: 90}},
	"slow to spread":            {double: double.Options{Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}}},
	"not found once it is dead": {double: double.Options{NotFound: true}},
	"archives the inactive only, in small pages": {double: double.Options{Stubborn: true, PageMost: 2}},
}

// TestExam: the questions, and rotations that are killed at every step or get no answer.
func TestExam(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			setup := providertest.Setup{Open: func(t testing.TB) providertest.Subject {
				return newAccount(kind.double, kind.opts).subject(t)
			}}
			providertest.Run(t, setup)
			t.Run("journey", func(t *testing.T) { providertest.Journey(t, setup) })
		})
	}
}

// TestLive: against Anthropic itself, where ROTOR_LIVE says so. The exam cannot make
// keys there, so that most questions are skipped by name.
func TestLive(t *testing.T) { providertest.Live(t, anthropic.Type()) }
