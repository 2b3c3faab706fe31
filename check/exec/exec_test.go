package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/check/checktest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const printed = "rotor-test-printed-by-check"

// program writes a small check that ends with the status in the file beside it.
func program(t testing.TB) (path string, set func(status string) error) {
	t.Helper()
	dir := t.TempDir()
	path, state := filepath.Join(dir, "check"), filepath.Join(dir, "state")
	set = func(status string) error { return os.WriteFile(state, []byte(status), 0o600) }
	script := fmt.Sprintf("#!/bin/sh\necho %s\nread status < %s\nexit $status\n", printed, state)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := set("0\n"); err != nil {
		t.Fatal(err)
	}
	return path, set
}

func TestExam(t *testing.T) {
	blind := map[string]func(path string, set func(string) error) error{
		"status 3":         func(_ string, set func(string) error) error { return set("3\n") },
		"nagios unknown":   func(_ string, set func(string) error) error { return set("127\n") },
		"program is gone":  func(path string, _ func(string) error) error { return os.Remove(path) },
		"others can write": func(path string, _ func(string) error) error { return os.Chmod(path, 0o777) },
	}
	for name, make := range blind {
		t.Run(name, func(t *testing.T) {
			checktest.Run(t, func(t testing.TB) checktest.World {
				path, set := program(t)
				return checktest.World{
					Open:    func() (check.Check, error) { return New(Options{Command: []string{path}, Timeout: 20 * time.Second}) },
					Ill:     func() error { return set("2\n") },
					Blind:   func() error { return make(path, set) },
					Secrets: []secret.Value{secret.New(printed)},
				}
			})
		})
	}
}

func TestTimeoutIsUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hang")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec sleep 3600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Command: []string{path}, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Measure(t.Context(), check.Window{}); err == nil || s.Known {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestNewRefusesAndShowsItsCommand(t *testing.T) {
	for _, argv := range [][]string{nil, {"check.sh"}} {
		if _, err := New(Options{Command: argv}); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%q: %v", argv, err)
		}
	}
	got := Type().Commands(&Options{Command: []string{"/bin/x", "-v"}})
	if strings.Join(got["command"], " ") != "/bin/x -v" {
		t.Errorf("%v", got)
	}
	if _, err := Type().New(&Options{Command: []string{"/bin/x"}}, check.Context{}); err != nil {
		t.Error(err)
	}
}
