package pidfile

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.pid")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMain is also the program that is signalled: it catches SIGHUP and ends
// with its input.
func TestMain(m *testing.M) {
	if os.Getenv("PIDFILE_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	signal.Notify(make(chan os.Signal, 9), syscall.SIGHUP)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// child starts a program that ends with the test.
func child(t *testing.T, name string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = []string{"PIDFILE_TEST_CHILD=1"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 16)); err != nil { // the signals are set
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func comm(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestFind(t *testing.T) {
	catches, not := child(t, os.Args[0]), child(t, "/bin/sh", "-c", "echo ready; read line")
	ignores := child(t, "/bin/sh", "-c", `trap "" HUP; echo ready; read line`)
	name := comm(t, catches)
	text := func(pid int) string { return fmt.Sprintf("%d\nmore\n", pid) }
	for what, c := range map[string]struct {
		file string
		name string
		kind fault.Kind
	}{
		"no file":             {"/nonexistent/x.pid", name, fault.Transient},
		"a folder":            {t.TempDir(), name, fault.BadConfig},
		"writable by a group": {write(t, text(catches), 0o660), name, fault.BadConfig},
		"empty":               {write(t, "\n", 0o600), name, fault.Transient},
		"no number":           {write(t, "x", 0o600), name, fault.BadConfig},
		"a group":             {write(t, "-5", 0o600), name, fault.BadConfig},
		"init":                {write(t, "1", 0o600), name, fault.BadConfig},
		"Rotor itself":        {write(t, text(os.Getpid()), 0o600), name, fault.BadConfig},
		"gone":                {write(t, "4194300", 0o600), name, fault.Transient},
		"another program":     {write(t, text(catches), 0o600), "pgbouncer", fault.Transient},
		"does not catch it":   {write(t, text(not), 0o600), comm(t, not), fault.BadConfig},
		"ignores it":          {write(t, text(ignores), 0o600), comm(t, ignores), fault.BadConfig},
	} {
		target := Target{Path: c.file, Name: c.name, Signal: syscall.SIGHUP}
		if err := target.Send(); err == nil || fault.KindOf(err) != c.kind || fault.HintOf(err) == "" {
			t.Errorf("%s: %s: %v", what, fault.KindOf(err), err)
		}
	}
	elsewhere := Target{Path: write(t, text(catches), 0o600), Exe: "/usr/sbin/nginx", Signal: syscall.SIGHUP}
	if err := elsewhere.Send(); fault.KindOf(err) != fault.Transient {
		t.Errorf("another file: %v", err)
	}
	elsewhere.Exe = os.Args[0]
	if err := elsewhere.Send(); err != nil {
		t.Errorf("this file: %v", err)
	}
	good := Target{Path: write(t, text(catches), 0o644), Name: name, Signal: syscall.SIGHUP}
	if err := good.Send(); err != nil {
		t.Error(err)
	}
	p, err := good.Find()
	if err != nil || p.Pid != catches {
		t.Fatal(p, err)
	}
	_ = p.Release()
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12\n", "", "+3", "-1", "0", "1", " 77 \n/var/lib/x\n", "99999999999", "7x", "0x7"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if pid, err := parse(text); (err == nil) != (pid > 1) {
			t.Errorf("%q: %d, %v", text, pid, err)
		}
	})
}
