package runner_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// A provider that panics in the middle of an effect is like a crash: an error without
// what the panic said, the lock is free, and the next one goes on.
func TestAPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t)
		f.vendor.during = func() { panic(errors.New("unexpected answer: the-value-itself")) }
		rep, err := f.Start(t.Context(), engine.Request{Credential: "cred", Mode: rotation.Manual, Actor: "me"})
		if fault.KindOf(err) != fault.Unknown || err == nil || strings.Contains(err.Error(), "the-value-itself") || !strings.Contains(err.Error(), "runner_test") {
			t.Fatalf("%v", err)
		}
		f.vendor.during = nil
		rep, err = f.Run(t.Context(), rep.Record.ID)
		if err != nil || rep.Record.Status != rotation.Done {
			t.Errorf("%v, %s", err, rep.Record.Status)
		}
	})
}
