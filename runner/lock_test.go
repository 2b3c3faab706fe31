//go:build unix

package runner_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/runner"
)

// TestMain is also the child that holds a lock: see child.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ROTOR_TEST_LOCK_DIR"); dir != "" {
		_, err := runner.FileLock{Dir: dir}.Acquire(context.Background(), "db")
		fmt.Println("acquired", err)
		_, _ = io.ReadAll(os.Stdin) // until killed
		return
	}
	goleak.VerifyTestMain(m)
}

// child is another process that holds the lock of "db".
func child(t *testing.T, dir string) *os.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "ROTOR_TEST_LOCK_DIR="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "acquired <nil>") {
		t.Fatalf("child: %q %v", line, err)
	}
	return cmd.Process
}

func wantHeld(t *testing.T, err error, pid int) {
	t.Helper()
	var held *runner.HeldError
	if !errors.As(err, &held) || held.Credential != "db" || held.Pid != pid {
		t.Fatalf("got %v, want held by %d", err, pid)
	}
}

func TestAnotherProcessHoldsIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "locks")
	p := child(t, dir)
	l := runner.FileLock{Dir: dir}
	_, err := l.Acquire(t.Context(), "db")
	wantHeld(t, err, p.Pid)
	if release, err := l.Acquire(t.Context(), "other"); err != nil {
		t.Errorf("another credential: %v", err)
	} else {
		release()
	}

	signal := func(s syscall.Signal) {
		if err := p.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP) // stopped is not dead: it may go on at any moment
	_, err = l.Acquire(t.Context(), "db")
	wantHeld(t, err, p.Pid)
	signal(syscall.SIGCONT)
	_, err = l.Acquire(t.Context(), "db")
	wantHeld(t, err, p.Pid)

	signal(syscall.SIGKILL)
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	release, err := l.Acquire(t.Context(), "db")
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	release()
}

func TestWithinOneProcess(t *testing.T) {
	l := runner.FileLock{Dir: t.TempDir()}
	release, err := l.Acquire(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Acquire(t.Context(), "db")
	wantHeld(t, err, os.Getpid())
	release()
	release() // harmless
	again, err := l.Acquire(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	release() // the first one's must not free the second's
	_, err = l.Acquire(t.Context(), "db")
	wantHeld(t, err, os.Getpid())
	again()
}

func TestNamesAreSafeAndApart(t *testing.T) {
	dir := t.TempDir()
	l := runner.FileLock{Dir: dir}
	names := []string{"db", "Db", "../db", "a/b", "a%2fb", ".", "", strings.Repeat("x", 300), strings.Repeat("x", 299) + "y", "ü"}
	for _, n := range names {
		release, err := l.Acquire(t.Context(), n)
		if err != nil {
			t.Fatalf("%q: %v", n, err)
		}
		defer release()
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%d files for %d names (%v)", len(entries), len(names), err)
	}
	for _, e := range entries {
		if i, err := e.Info(); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), i.Mode(), err)
		}
	}
}

func TestARemovedLockFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	l := runner.FileLock{Dir: dir}
	first, err := l.Acquire(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	defer first()
	if err := os.Remove(filepath.Join(dir, "db.lock")); err != nil {
		t.Fatal(err)
	}
	// nothing can keep a second worker away now; the journal's fence does
	second, err := l.Acquire(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Acquire(t.Context(), "db")
	wantHeld(t, err, os.Getpid())
	second()
}

func TestASymbolicLinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, "db.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := (runner.FileLock{Dir: dir}).Acquire(t.Context(), "db"); err == nil {
		t.Error("a link was locked")
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("%q %v", text, err)
	}
}

func TestBootTimer(t *testing.T) {
	begin := time.Now()
	fired, stop := runner.BootTimer(1100 * time.Millisecond)
	<-fired
	stop()
	if d := time.Since(begin); d < 1100*time.Millisecond || d > 5*time.Second {
		t.Errorf("fired after %v", d)
	}
	fired, stop = runner.BootTimer(time.Hour)
	stop()
	stop()
	select {
	case <-fired:
		t.Error("fired although it was stopped")
	default:
	}
}
