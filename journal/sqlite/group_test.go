package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/rotation"
)

var now = rotation.Instant{BootID: "b"}

// crowd is a journal with n records, whose writers can be held up: a lock of
// another process makes them queue behind the first.
type crowd struct {
	*testing.T
	j      *Journal
	fences []rotation.Fence
	other  *sql.DB
	all    sync.WaitGroup
	errs   []error
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	j, err := Open(t.Context(), Options{Dir: dir, MAC: journaltest.MAC})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	c := &crowd{T: t, j: j, errs: make([]error, n)}
	for i := range n {
		f, err := j.Create(t.Context(), rotation.Record{ID: id(i), Kind: rotation.KindRotation, Credential: "c" + id(i)})
		if err != nil {
			t.Fatal(err)
		}
		c.fences = append(c.fences, f)
	}
	if c.other, err = sql.Open("sqlite", "file:"+filepath.Join(dir, fileName)+"?_pragma=busy_timeout(5000)&_txlock=immediate"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.other.Close() })
	return c
}

func id(i int) string { return fmt.Sprintf("r%d", i) }

// hold locks the file until the function it gives is called.
func (c *crowd) hold() (release func()) {
	c.Helper()
	tx, err := c.other.Begin()
	if err != nil {
		c.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

// append begins one append that nobody waits for yet.
func (c *crowd) append(ctx context.Context, i int, note string) {
	c.all.Go(func() {
		c.errs[i] = c.j.Append(ctx, id(i), c.fences[i], rotation.Event{At: now, Type: rotation.Intent, Note: note})
	})
}

// queued waits until n calls stand in the queue.
func (c *crowd) queued(n int) {
	for {
		c.j.group.mu.Lock()
		have, busy := len(c.j.group.queue), c.j.group.busy
		c.j.group.mu.Unlock()
		if have == n && busy {
			return
		}
		runtime.Gosched()
	}
}

func (c *crowd) verify(events func(i int) int) {
	c.Helper()
	for i := range c.errs {
		if _, got, err := c.j.Load(c.Context(), id(i)); err != nil || len(got) != events(i) {
			c.Errorf("%s has %d events, want %d, %v", id(i), len(got), events(i), err)
		}
	}
	if _, err := audit.Verify(journaltest.MAC, c.j.Audit(c.Context(), 1)); err != nil {
		c.Error(err)
	}
}

func TestAStatementThatFailsForOneFailsForNoOther(t *testing.T) {
	const n = 12
	c := newCrowd(t, n)
	if _, err := c.other.Exec(`CREATE TRIGGER poison BEFORE INSERT ON audit WHEN new.note = 'poison'
		BEGIN SELECT raise(ABORT, 'poison'); END`); err != nil {
		t.Fatal(err)
	}
	release := c.hold()
	c.append(t.Context(), 0, "first")
	c.queued(0)
	for i := 1; i < n; i++ {
		note := "good"
		if i%4 == 3 {
			note = "poison"
		}
		c.append(t.Context(), i, note)
	}
	c.queued(n - 1)
	release()
	c.all.Wait()
	for i, err := range c.errs {
		if bad := i%4 == 3; bad != (err != nil) || bad && fault.KindOf(err).MayHaveHappened() {
			t.Errorf("call %d: %v", i, err)
		}
	}
	c.verify(func(i int) int {
		if i%4 == 3 {
			return 0
		}
		return 1
	})
}

func TestManyQueuedCallsShareACommit(t *testing.T) {
	const n = 40
	c := newCrowd(t, n)
	release := c.hold()
	c.append(t.Context(), 0, "")
	c.queued(0)
	for i := 1; i < n; i++ {
		c.append(t.Context(), i, "")
	}
	c.queued(n - 1)
	release()
	c.all.Wait()
	if err := errors.Join(c.errs...); err != nil {
		t.Fatal(err)
	}
	c.verify(func(int) int { return 1 })
	c.j.group.mu.Lock()
	defer c.j.group.mu.Unlock()
	if c.j.group.commits-n != 2 {
		t.Errorf("%d appends took %d commits, want 2", n, c.j.group.commits-n)
	}
}

func TestACallerMayLeaveTheQueue(t *testing.T) {
	const n = 4
	c := newCrowd(t, n)
	release := c.hold()
	c.append(t.Context(), 0, "")
	c.queued(0)
	ctx, cancel := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() {
		c.errs[1] = c.j.Append(ctx, id(1), c.fences[1], rotation.Event{At: now, Type: rotation.Intent})
	})
	c.queued(1)
	c.append(t.Context(), 2, "")
	c.queued(2)
	cancel()
	gone.Wait() // while the lock is still held
	c.append(t.Context(), 3, "")
	c.queued(2)
	release()
	c.all.Wait()
	if !errors.Is(c.errs[1], context.Canceled) || fault.KindOf(c.errs[1]) != fault.Transient {
		t.Errorf("the one who left: %v", c.errs[1])
	}
	if err := errors.Join(c.errs[0], c.errs[2], c.errs[3]); err != nil {
		t.Error(err)
	}
	c.verify(func(i int) int {
		if i == 1 {
			return 0
		}
		return 1
	})
}

func TestALockedFileIsTransient(t *testing.T) {
	c := newCrowd(t, 1)
	if err := c.j.group.once(`PRAGMA busy_timeout = 20`); err != nil {
		t.Fatal(err)
	}
	release := c.hold()
	err := c.j.Append(t.Context(), id(0), c.fences[0], rotation.Event{At: now, Type: rotation.Intent})
	if fault.KindOf(err) != fault.Transient || fault.HintOf(err) == "" {
		t.Errorf("locked: %v", err)
	}
	if _, _, err := c.j.Load(t.Context(), id(0)); err != nil {
		t.Errorf("a reader waits for a writer: %v", err)
	}
	release()
	if err := c.j.Append(t.Context(), id(0), c.fences[0], rotation.Event{At: now, Type: rotation.Intent}); err != nil {
		t.Error(err)
	}
	c.verify(func(int) int { return 1 })
}

func TestWithoutAKeyNothingIsWritten(t *testing.T) {
	c := newCrowd(t, 1)
	before := journaltest.Observe(t, c.j)
	mac := c.j.mac
	c.j.mac = func([]byte) ([]byte, error) { return nil, errors.New("no key") }
	f := c.fences[0]
	for what, err := range map[string]error{
		"append": c.j.Append(t.Context(), id(0), f, rotation.Event{At: now, Type: rotation.Intent}),
		"note":   c.j.Note(t.Context(), audit.Entry{Action: "x"}),
		"create": func() error {
			_, err := c.j.Create(t.Context(), rotation.Record{ID: "x", Kind: rotation.KindRetirement, Credential: "x"})
			return err
		}(),
	} {
		if err == nil || fault.KindOf(err).MayHaveHappened() {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.j.mac = mac
	if after := journaltest.Observe(t, c.j); after != before {
		t.Errorf("something was written\n%s\n%s", before, after)
	}
}

// TestCommitsWaitForTheDisk: a test cannot cut the power; it can see whether the
// writer was told to wait.
func TestCommitsWaitForTheDisk(t *testing.T) {
	j, err := Open(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "state"), MAC: journaltest.MAC})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	s, err := j.group.conn.raw.Prepare("PRAGMA synchronous")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := s.(driver.StmtQueryContext).QueryContext(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	level := make([]driver.Value, 1)
	if err := rows.Next(level); err != nil || level[0] != int64(2) {
		t.Errorf("synchronous is %v (%v), want 2: FULL", level[0], err)
	}
}
