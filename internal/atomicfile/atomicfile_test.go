package atomicfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func holds(t testing.TB, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %d bytes, want %d (%v)", filepath.Base(path), len(got), len(want), err)
	}
}

// alone checks that path is the only entry of its folder.
func alone(t testing.TB, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	if err := Replace(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("a new file: %v, %v", info, err)
	}
	for _, mode := range []os.FileMode{0o400, 0o644, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Replace(path, []byte("two")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("mode %v became %v, %v", mode, info.Mode(), err)
		}
	}
	holds(t, path, "two")
	alone(t, path)
}

func TestReadersSeeOldOrNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	long := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 50_000)}
	write(t, path, long[0])
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := os.ReadFile(path)
				if err != nil || string(got) != long[0] && string(got) != long[1] {
					t.Errorf("a mixture of %d bytes, %v", len(got), err)
					return
				}
			}
		})
	}
	for i := range 60 {
		if err := Replace(path, []byte(long[i%2])); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	link, middle, real := filepath.Join(dir, "link"), filepath.Join(dir, "middle"), filepath.Join(dir, "sub", "real")
	if err := os.Mkdir(filepath.Dir(real), 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{link: "middle", middle: real} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"created at the end of dangling links", "replaced there"} {
		if err := Replace(link, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(real); err != nil || !info.Mode().IsRegular() {
			t.Fatalf("%v, %v", info, err)
		}
		holds(t, real, text)
	}
	if to, err := os.Readlink(link); err != nil || to != "middle" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	alone(t, real)
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := Replace(loop, nil); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("a loop: %v", err)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, filepath.Join(dir, "link"), dir, "/dev/null"} {
		_, readErr := Read(path, Limit)
		for what, err := range map[string]error{
			"Read": readErr, "Replace": Replace(path, nil), "Overwrite": Overwrite(path, nil), "Probe": Probe(path, 1), "ProbeInPlace": ProbeInPlace(path),
		} {
			if fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
				t.Errorf("%s of %s: %v", what, path, err)
			}
		}
	}
}

func TestReadLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "12345")
	if snap, err := Read(path, 5); err != nil || string(snap.Content) != "12345" || !snap.Exists {
		t.Errorf("%v, %v", snap, err)
	}
	if _, err := Read(path, 4); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("one byte too many: %v", err)
	}
	if snap, err := Read(path+"-none", 4); err != nil || snap.Exists {
		t.Errorf("a file that is not there: %v, %v", snap, err)
	}
}

// A full disk leaves the old text and no temporary file.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "f")
	write(t, path, "old")
	big := make([]byte, 128<<10)
	for what, err := range map[string]error{"Replace": Replace(path, big), "Overwrite": Overwrite(path, big), "Probe": Probe(path, len(big))} {
		if fault.KindOf(err) != fault.Transient || !errors.Is(err, syscall.ENOSPC) || fault.HintOf(err) == "" {
			t.Errorf("%s: %s: %v", what, fault.KindOf(err), err)
		}
	}
	holds(t, path, "old")
	alone(t, path)
	if err := Replace(path, []byte("new")); err != nil {
		t.Error(err)
	}
}

// A killed process leaves its temporary file; the next one removes it, and
// nothing that only looks alike.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	left := tempName(path)
	write(t, left, "old secret")
	for _, name := range []string{"..env.rotor-notes", "..env.rotor-0123456789abcdef.bak", ".other.rotor-0123456789abcdef.tmp", "..env1234"} {
		write(t, filepath.Join(dir, name), "somebody else's")
	}
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 5 {
		t.Errorf("%d entries, want 5 (%v)", len(entries), err)
	}
}

func TestOverwriteKeepsTheInode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "a longer text")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"short", "", "much longer than it ever was"} {
		if err := Overwrite(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, text)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("another inode, %v", err)
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	say := func(text string) func(Snapshot) ([]byte, error) {
		return func(Snapshot) ([]byte, error) { return []byte(text), nil }
	}
	snap, err := Read(path, Limit)
	if err != nil {
		t.Fatal(err)
	}
	one, err := Update(t.Context(), path, snap.Revision, Writer{}, say("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Update(t.Context(), path, snap.Revision, Writer{}, say("two")); !errors.Is(err, ErrMoved) {
		t.Errorf("created twice: %v", err)
	}
	if again, err := Update(t.Context(), path, one, Writer{}, say("one")); err != nil || again != one {
		t.Errorf("the same text: %s, %v", again, err)
	}
	broken := errors.New("broken")
	if _, err := Update(t.Context(), path, one, Writer{}, func(Snapshot) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	write(t, path, "uno") // the same length, perhaps within the same tick of the clock
	if _, err := Update(t.Context(), path, one, Writer{}, say("two")); !errors.Is(err, ErrMoved) {
		t.Errorf("a hand edit: %v", err)
	}
	holds(t, path, "uno")
	if _, err := Remove(t.Context(), path, one); !errors.Is(err, ErrMoved) {
		t.Errorf("removing what was edited: %v", err)
	}
	snap, err = Read(path, Limit)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := Remove(t.Context(), path, snap.Revision)
	if err != nil {
		t.Fatal(err)
	}
	if snap, err := Read(path, Limit); err != nil || snap.Exists || snap.Revision != gone {
		t.Errorf("after removing: %v, %v", snap, err)
	}
}

// A revision written by another process, before a crash, is still good.
func TestRevisionOfAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "one")
	snap, err := Read(path, Limit)
	if err != nil {
		t.Fatal(err)
	}
	mine := process
	defer func() { process = mine }()
	process[0]++
	later, err := Read(path, Limit)
	if err != nil {
		t.Fatal(err)
	}
	if later.Revision == snap.Revision || !Same(later.Revision, snap.Revision) {
		t.Errorf("%s and %s", snap.Revision, later.Revision)
	}
	if err := Replace(path, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if later, err = Read(path, Limit); err != nil || Same(later.Revision, snap.Revision) {
		t.Errorf("a replaced file: %v", err)
	}
	for _, strange := range []string{"", "absent", "a.b", snap.Revision + ".x"} {
		if Same(strange, snap.Revision) {
			t.Errorf("%q is the same", strange)
		}
	}
}

func TestLockWaitsAndGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		_, err := Lock(ctx, path)
		got <- err
	}()
	cancel()
	if err := <-got; fault.KindOf(err) != fault.Transient || !errors.Is(err, context.Canceled) {
		t.Errorf("while it is locked: %v", err)
	}
	unlock()
	again, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if _, err := Lock(t.Context(), path+"/no/folder/f"); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("no folder: %v", err)
	}
}

func BenchmarkReplace(b *testing.B) {
	path := filepath.Join(b.TempDir(), ".env")
	for b.Loop() {
		if err := Replace(path, []byte("KEY='value'\n")); err != nil {
			b.Fatal(err)
		}
	}
}
