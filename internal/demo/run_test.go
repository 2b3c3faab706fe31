package demo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/cli"
	"github.com/agenticverz/rotor/internal/demo"
)

// TestMain lets this binary play rotor: the command line, and `rotor demo unit`.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "--config" || os.Args[1] == "demo") {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := 0
		if os.Args[1] == "demo" {
			code = demo.Unit(ctx, os.Args[3:], os.Stderr)
		} else {
			code = cli.Main(ctx, os.Args[1:])
		}
		stop()
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// telling collects the story and can do something at a certain word.
type telling struct {
	mu   sync.Mutex
	text strings.Builder
	word string
	then func()
}

func (s *telling) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.word != "" && strings.Contains(string(b), s.word) {
		s.then()
	}
	return s.text.Write(b)
}

func (s *telling) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// run tells the story in a folder that must be gone afterwards.
func run(t *testing.T, ctx context.Context, out *telling, o demo.Options) error {
	t.Helper()
	if o.Rotor == "" {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		o.Rotor = exe
	}
	o.Out = out
	parent, err := os.MkdirTemp("", "rotor-d-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(parent)
	o.Dir = filepath.Join(parent, "d")
	told := demo.Run(ctx, o)
	_, err = os.Stat(o.Dir)
	if o.Keep != (err == nil) {
		t.Errorf("keep is %v, and the folder: %v", o.Keep, err)
	}
	if o.Keep {
		for _, name := range []string{"rotor.yaml", ".env", "state/state.db"} {
			if _, err := os.Stat(filepath.Join(o.Dir, name)); err != nil {
				t.Error(err)
			}
		}
	}
	return told
}

func has(t *testing.T, story string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(story) {
			t.Errorf("the story lacks %q", p)
		}
	}
}

// TestWhole: everything at once, killed and given a bad value.
func TestWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute")
	}
	out := &telling{}
	err := run(t, t.Context(), out, demo.Options{Crash: true, Bad: true, Keep: true})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	has(t, out.String(), `old token +refused\n`, `kill -9: 0 of 2`, `kill -9: 1 of 2`, `PARTNER_KEY is malformed`,
		`found outside .env +0\n`, `requests failed +0 +[1-9]`, `503 no healthy backend`, `401 token refused`)
	if strings.Contains(out.String(), "no PostgreSQL") {
		if os.Getenv("ROTOR_TEST_REQUIRE") == "all" {
			t.Error("there is no PostgreSQL, and ROTOR_TEST_REQUIRE=all")
		}
		return
	}
	has(t, out.String(), `sessions of the old login +[1-9]\d* before, 0 now`, `new login \(nova_b\) +works`,
		`old login +refused +works`, `permission denied for sequence`, `role "nova_old" does not exist`)
}

// TestWithoutDatabase says so in one line and does the rest.
func TestWithoutDatabase(t *testing.T) {
	out := &telling{}
	err := run(t, t.Context(), out, demo.Options{NoDatabase: true})
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	has(t, out.String(), `no PostgreSQL \(left out\)`, `old token +refused +refused`, `requests failed +0 +[1-9]`)
}

// TestInterrupted: Ctrl-C in the middle leaves nothing behind.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &telling{word: "deploy", then: cancel}
	if err := run(t, ctx, out, demo.Options{NoDatabase: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestNotStaged: a rotor that only claims to have rotated is found out, and one
// that fails is no success.
func TestNotStaged(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[int]string{0: "broke a promise", 1: "ended with status 1"} {
		program := filepath.Join(t.TempDir(), "rotor")
		script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = demo ] && exec %s \"$@\"\necho Done.\nexit %d\n", exe, status)
		if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		out := &telling{}
		err := run(t, t.Context(), out, demo.Options{NoDatabase: true, Rotor: program})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestAFolderThatIsThere may hold somebody's things.
func TestAFolderThatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := demo.Run(t.Context(), demo.Options{Dir: dir, Rotor: "/bin/true", Out: &telling{}}); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
}
