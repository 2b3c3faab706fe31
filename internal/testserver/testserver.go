// Package testserver gives tests real servers: PostgreSQL, Vault, Prometheus, Docker.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { testserver.Main(m) }
//
// which stops, at the end, the servers that the tests of the package share; without it
// the first test fails with a message saying so. Starting costs seconds, so PostgreSQL,
// Vault and Docker are started once per test process, by the first test that needs them,
// and each test gets a corner of its own in them: a database and a prefix for roles, a
// mount, a name for projects and images. A test that stops, seals or reconfigures its
// server takes one of its own (OwnPostgres, SealableVault).
//
// What surprises: when a server is not installed the test is skipped, by name, so a green
// run may have tested little. ROTOR_TEST_REQUIRE=all turns these skips into failures;
// test/servers.sh installs what is missing.
package testserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
)

// Main is the body of TestMain: it runs the tests, stops the shared servers and exits.
func Main(m Runner) { os.Exit(Wrap(m).Run()) }

// Runner is a *testing.M.
type Runner interface{ Run() int }

// Wrap makes an m that also stops the shared servers, for a TestMain that has more to do:
// goleak.VerifyTestMain(testserver.Wrap(m)) looks for leaks after the servers are gone.
func Wrap(m Runner) Runner { return stoppingRunner{m} }

type stoppingRunner struct{ m Runner }

func (r stoppingRunner) Run() int {
	stopping.Lock()
	stopping.armed = true
	stopping.Unlock()
	code := r.m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		code = max(code, 1)
	}
	return code
}

// stopping has what is to be stopped at the end; armed tells that there will be an end.
var stopping struct {
	sync.Mutex
	armed bool
	stops []func() error
}

func stopShared() error {
	stopping.Lock()
	defer stopping.Unlock()
	var errs []error
	for _, stop := range stopping.stops {
		errs = append(errs, stop())
	}
	stopping.stops = nil
	return errors.Join(errs...)
}

// stopper is any of localserver's servers.
type stopper interface{ Stop() error }

// shared is a server that all tests of the process use. A failed start is remembered.
type shared[T stopper] struct {
	once   sync.Once
	server T
	err    error
}

func (s *shared[T]) get(t testing.TB, start func(context.Context) (T, error)) T {
	t.Helper()
	stopping.Lock()
	armed := stopping.armed
	stopping.Unlock()
	if !armed {
		t.Fatal("this package needs: func TestMain(m *testing.M) { testserver.Main(m) }")
	}
	s.once.Do(func() {
		// Not t.Context(): the server outlives this test.
		if s.server, s.err = start(context.Background()); s.err == nil {
			stopping.Lock()
			defer stopping.Unlock()
			stopping.stops = append(stopping.stops, s.server.Stop)
		}
	})
	need(t, s.err)
	return s.server
}

// own starts a server for this test alone.
func own[T stopper](t testing.TB, start func(context.Context) (T, error)) T {
	t.Helper()
	server, err := start(t.Context())
	need(t, err)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// need skips the test if err says that a program is not installed, or fails it with
// ROTOR_TEST_REQUIRE=all; any other error fails it always.
func need(t testing.TB, err error) {
	t.Helper()
	var missing *localserver.MissingError
	switch {
	case err == nil:
	case !errors.As(err, &missing):
		t.Fatal(err)
	case os.Getenv("ROTOR_TEST_REQUIRE") == "all":
		t.Fatalf("needs %s, and ROTOR_TEST_REQUIRE=all: %s", missing.Program, missing.Hint)
	default:
		t.Skipf("needs %s: %s", missing.Program, missing.Hint)
	}
}

// unique is a name for things in a shared server: "t" and eight lower-case letters and
// digits, valid as an SQL identifier, a mount, a compose project and an image name.
func unique() string { return "t" + strings.ToLower(rand.Text()[:8]) }
