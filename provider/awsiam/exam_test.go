package awsiam_test

import (
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	double "github.com/agenticverz/rotor/doubles/aws"
	"github.com/agenticverz/rotor/provider/awsiam"
	"github.com/agenticverz/rotor/provider/providertest"
)

// kinds are the ways to have keys.
var kinds = map[string]struct {
	double double.Options
	opts   awsiam.Options
}{
	"a user": {double: double.Options{Page: 1}, opts: awsiam.Options{User: user}},
	"slow to spread": {double: double.Options{Page: 1, Delay: doubles.Delay{Issue: 2 * time.Second, Revoke: 2 * time.Second}},
		opts: awsiam.Options{User: user}},
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

// TestLive: against AWS itself, where ROTOR_LIVE says so.
func TestLive(t *testing.T) { providertest.Live(t, awsiam.Type()) }
