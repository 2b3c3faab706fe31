package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/journal/sqlite"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

// dirs remembers where a journal lives.
var dirs sync.Map

func open(t testing.TB, dir string) *sqlite.Journal {
	t.Helper()
	j, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, MAC: journaltest.MAC})
	if err != nil {
		t.Fatal(err)
	}
	dirs.Store(journal.Journal(j), dir)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func fresh(t testing.TB) journal.Journal { return open(t, filepath.Join(t.TempDir(), "state")) }

func second(t testing.TB, j journal.Journal) journal.Journal {
	dir, _ := dirs.Load(j)
	return open(t, dir.(string))
}

func reopen(t testing.TB, j journal.Journal) journal.Journal {
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return second(t, j)
}

func TestExam(t *testing.T) {
	journaltest.Run(t, journaltest.Exam{New: fresh, Reopen: reopen, Second: second})
}

func TestLikeMemory(t *testing.T) {
	journaltest.Compare(t, func(t testing.TB) (a, b journal.Journal) {
		return fresh(t), memory.New(journaltest.MAC, "abc123")
	})
}
