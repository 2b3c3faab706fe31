package exec_test

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/exec"
	"github.com/agenticverz/rotor/provider/providertest"
	"github.com/agenticverz/rotor/secret"
)

// TestMain lets this binary play the program: "program DIR".
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "program" {
		os.Exit(program(os.Args[2]))
	}
	os.Exit(m.Run())
}

// self is the command line of this binary as the program, with its state in dir.
func self(t testing.TB, dir string) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{path, "program", dir}
}

// example is one of examples/providers where others cannot write it; the test is
// skipped if what it is written in is not installed.
func example(t testing.TB, name string, needs ...string) string {
	t.Helper()
	for _, tool := range needs {
		if _, err := osexec.LookPath(tool); err != nil {
			if os.Getenv("ROTOR_TEST_REQUIRE") == "all" {
				t.Fatalf("needs %s, and ROTOR_TEST_REQUIRE=all: test/servers.sh installs it", tool)
			}
			t.Skipf("needs %s: test/servers.sh installs it", tool)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "providers", name))
	if err != nil {
		t.Fatal(err)
	}
	return script(t, t.TempDir(), name, string(text))
}

// script writes a program.
func script(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// middle stands between Rotor and a program: what it does is written in a file. It
// notes its process id, which is then the program's.
const middle = `#!/bin/sh
dir=$1 && shift
echo $$ >"$dir/pid"
read -r how <"$dir/how"
case $how in
unsent) echo '{"error": {"kind": "transient", "message": "nobody is there"}}' && exit 0 ;;
silent) exec sleep 3600 ;;
unanswered)
	request=$(cat)
	case $request in
	*'"method":"issue"'* | *'"method":"revoke'*)
		printf %s "$request" | "$@" >"$dir/answer"
		kill -9 $$
		;;
	esac
	printf %s "$request" | exec "$@"
	exit
	;;
esac
exec "$@"
`

// way is the way to a program.
type way struct {
	t   testing.TB
	dir string
}

func newWay(t testing.TB) way {
	w := way{t, t.TempDir()}
	script(t, w.dir, "middle", middle)
	w.set("")
	return w
}

func (w way) to(program ...string) []string {
	return append([]string{filepath.Join(w.dir, "middle"), w.dir}, program...)
}

func (w way) set(how string) {
	if err := os.WriteFile(filepath.Join(w.dir, "how"), []byte(how+"\n"), 0o600); err != nil {
		w.t.Error(err)
	}
}

// Break is the hook of the exam: the program is not reached, killed, or hangs.
func (w way) Break(b providertest.Breakage) (mend func()) {
	w.set(string(b))
	return func() { w.set("") }
}

// kill ends the program that runs at this moment, at once.
func (w way) kill() {
	text, err := os.ReadFile(filepath.Join(w.dir, "pid"))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		w.t.Errorf("no process id: %v %v", err, bad)
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Errorf("kill: %v", err)
	}
}

// admin is the secret that programs log in with.
const admin = "double-admin-4Kq9Zs1XwV7bNc2L"

func open(t testing.TB, o exec.Options, key string) provider.Provider {
	t.Helper()
	p, err := exec.New(o, map[string]secret.Source{"admin": secret.Fixed(secret.New(key))})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// files lists a folder.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			out = append(out, e.Name())
		}
	}
	if err != nil {
		err = fmt.Errorf("the folder of values: %w", err)
	}
	return out, err
}
