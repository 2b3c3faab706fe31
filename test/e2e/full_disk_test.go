package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk puts the state on a file system of its own.
func (w *world) smallDisk() {
	w.t.Helper()
	if err := os.Mkdir(w.state, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", w.state, "tmpfs", 0, "size=6m,mode=0700"); err != nil {
		w.t.Skipf("cannot mount a small disk (needs root): %v", err)
	}
	w.t.Cleanup(func() { _ = syscall.Unmount(w.state, syscall.MNT_DETACH) })
}

// fillDisk takes all room that is left there.
func (w *world) fillDisk() (empty func()) {
	w.t.Helper()
	f, err := os.Create(filepath.Join(w.state, "filler"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return func() { _ = os.Remove(f.Name()) }
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	w.smallDisk()
	w.works()

	happened := w.nothing()
	empty := w.fillDisk()
	w.rotor("rotate", "database", "--yes").want(t, 1).says(t, "disk", "rotor: hint:")
	happened()
	empty()
	w.works()

	// full in the middle: what is under way finishes with the room in reserve
	c := w.stops([]string{"ROTOR_TEST_STOP_AT=after append outcome:verify"}, "rotate", "database", "--yes", "--wait")
	eventually(t, "the worker stops", func() bool { return c.over() || stopped(c.cmd.Process.Pid) })
	empty = w.fillDisk()
	if err := syscall.Kill(c.cmd.Process.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.wait().want(t, 0)
	w.settled()
	empty()
	w.works()
	w.calm()
}
