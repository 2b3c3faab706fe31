package dotenv_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/store/dotenv"
)

// TestPreflightAsNobody runs itself again as a user who may not write: root may
// write everywhere.
func TestPreflightAsNobody(t *testing.T) {
	if file := os.Getenv("DOTENV_TEST_FILE"); file != "" {
		s, err := dotenv.New(dotenv.Options{Path: file})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Preflight(t.Context(), "")
		if fault.KindOf(err) != fault.Denied || fault.HintOf(err) == "" {
			t.Fatalf("%s: %s: %v", file, fault.KindOf(err), err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("/tmp", "rotor-dotenv") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	program := filepath.Join(base, "test")
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, modes := range map[string]struct{ folder, file os.FileMode }{
		"folder not writable": {0o755, 0o666}, "owner would change": {0o777, 0o666}, "not readable": {0o777, 0o600},
	} {
		dir := filepath.Join(base, strings.ReplaceAll(name, " ", "-"))
		file := filepath.Join(dir, ".env")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("A=1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for path, mode := range map[string]os.FileMode{base: 0o755, dir: modes.folder, file: modes.file} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestPreflightAsNobody$")
		cmd.Env = []string{"DOTENV_TEST_FILE=" + file, "TMPDIR=/tmp"}
		cmd.Dir = base
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: %d files in the folder, %v", name, len(left), err)
		}
	}
}
