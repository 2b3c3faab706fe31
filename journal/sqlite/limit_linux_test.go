package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/sqlite"
)

func init() { children["limit"] = writeBeyondLimit }

// writeBeyondLimit makes a commit fail with an I/O error: the kernel refuses to
// let the log grow.
func writeBeyondLimit(dir string) {
	signal.Ignore(unix.SIGXFSZ)
	ctx := context.Background()
	say := func(what string, err error) { fmt.Printf("%s: %v: %v\n", what, fault.KindOf(err), err) }
	j, err := sqlite.Open(ctx, sqlite.Options{Dir: dir, MAC: journaltest.MAC})
	if err != nil {
		say("open", err)
		return
	}
	f, err := j.Create(ctx, benchRecord("r1", "db"), intent)
	if err != nil {
		say("create", err)
		return
	}
	log, err := os.Stat(filepath.Join(dir, "state.db-wal"))
	if err != nil {
		say("stat", err)
		return
	}
	limit := unix.Rlimit{Cur: uint64(log.Size()), Max: unix.RLIM_INFINITY}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		say("limit", err)
		return
	}
	say("beyond", j.Append(ctx, "r1", f, intent))
	limit.Cur = unix.RLIM_INFINITY
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
	say("after", j.Append(ctx, "r1", f, intent))
	_, events, err := j.Load(ctx, "r1")
	fmt.Printf("load: %d %v\n", len(events), err)
	_ = j.Close()
	if j, err = sqlite.Open(ctx, sqlite.Options{Dir: dir, MAC: journaltest.MAC}); err != nil {
		say("open again", err)
		return
	}
	_, events, err = j.Load(ctx, "r1")
	fmt.Printf("load again: %v %v\n", len(events) == 1 || len(events) == 2, err)
	fmt.Println("append again:", j.Append(ctx, "r1", f, intent))
	_, err = audit.Verify(journaltest.MAC, j.Audit(ctx, 1))
	fmt.Println("audit:", err)
	_ = j.Close()
}

func TestAfterAFailedCommitNothingIsWritten(t *testing.T) {
	cmd, lines := startChild(t, "limit", filepath.Join(t.TempDir(), "state"))
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	want := []string{"beyond: unknown: ", "after: needs-person: ", "load: 1 <nil>", "load again: true <nil>",
		"append again: <nil>", "audit: <nil>"}
	if len(said) != len(want) {
		t.Fatalf("the child said %q", said)
	}
	for i, w := range want {
		if !strings.HasPrefix(said[i], w) {
			t.Errorf("the child said %q, want %q", said[i], w)
		}
	}
}

// small mounts a file system of a few megabytes.
func small(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skipf("cannot mount a small disk (needs root): %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// fill takes all room on the disk of dir.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 16; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if err := f.Close(); !errors.Is(err, nil) {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(f.Name()) }
}

func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	disk := small(t, "6m")
	j := open(t, filepath.Join(disk, "state"))
	if j.Ballast() != nil {
		t.Fatal("no ballast on an empty disk")
	}
	f, err := j.Create(ctx, benchRecord("r1", "db"), intent)
	if err != nil {
		t.Fatal(err)
	}
	empty := fill(t, disk)
	full := func(what string, err error) {
		t.Helper()
		if fault.KindOf(err) != fault.Transient || fault.HintOf(err) == "" {
			t.Fatalf("%s: %v (%v), want transient with a hint", what, err, fault.KindOf(err))
		}
	}
	// what begins is refused and leaves the ballast for what is under way
	var n int
	for n = 0; n < 1000 && err == nil; n++ {
		_, err = j.Create(ctx, benchRecord(fmt.Sprintf("n%d", n), fmt.Sprintf("n%d", n)), intent)
	}
	full("create", err)
	if j.Ballast() != nil {
		t.Fatal("a new rotation used the ballast")
	}
	done := 0
	for err = nil; err == nil; done++ {
		e := intent
		e.Note = strings.Repeat("x", 2000)
		err = j.Append(ctx, "r1", f, e)
	}
	full("append", err)
	if done < 20 {
		t.Errorf("the ballast served %d appends only", done)
	}
	t.Logf("%d records were begun on the full disk, the ballast served %d appends", n-1, done-1)
	if j.Ballast() == nil {
		t.Error("there is ballast on a full disk")
	}
	if _, events, err := j.Load(ctx, "r1"); err != nil || len(events) != done {
		t.Errorf("%d events are there, %d were acknowledged, %v", len(events), done-1, err)
	}
	empty()
	if err := j.Append(ctx, "r1", f, intent); err != nil {
		t.Errorf("after making room: %v", err)
	}
	if j.Ballast() != nil {
		t.Error("no ballast after making room")
	}
	if err := j.Check(ctx); err != nil {
		t.Error(err)
	}
	if _, err := audit.Verify(journaltest.MAC, j.Audit(ctx, 1)); err != nil {
		t.Error(err)
	}
}
