// Package e2e proves Rotor from outside: the built static binary, started as a
// user starts it, against real servers (PostgreSQL, Vault, Docker), with a
// service under load that reads its secrets as services do.
//
// What surprises: every test, whatever it is about, ends with the same look for
// values that got out (leak_test.go); and a test that needs a server that is not
// installed is skipped by name (ROTOR_TEST_REQUIRE=all makes it fail).
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/testserver"
)

// TestMain lets this binary play the client of a unit's supervisor: the program
// that consumers of type exec call.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "unit" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := unit.Command(ctx, os.Args[2:], os.Getenv, os.Stderr)
		stop()
		os.Exit(code)
	}
	testserver.Main(tidy{m})
}

// tidy removes the programs at the end.
type tidy struct{ m *testing.M }

func (t tidy) Run() int {
	code := t.m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	return code
}

// programs are built once, by the first test.
var programs struct {
	sync.Once
	dir string
	err error
}

// program is a freshly built static binary: "rotor", "rotor-stops" (the same with
// the tag rotorkill: it can be told where to die) or "service".
func program(t testing.TB, name string) string {
	t.Helper()
	programs.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "rotor-e2e-"); programs.err != nil {
			return
		}
		for _, b := range [][]string{
			{"rotor", "./cmd/rotor"}, {"rotor-stops", "./cmd/rotor", "-tags=rotorkill"}, {"service", "./internal/demo/service/cmd"},
		} {
			if programs.err = build(filepath.Join(programs.dir, b[0]), b[1], b[2:]...); programs.err != nil {
				return
			}
		}
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
	return filepath.Join(programs.dir, name)
}

func build(out, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", pkg, err, text)
	}
	return nil
}
