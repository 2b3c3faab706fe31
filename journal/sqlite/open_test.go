package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/sqlite"
)

func try(t *testing.T, dir string) error {
	t.Helper()
	j, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, MAC: journaltest.MAC})
	if err == nil {
		err = j.Close()
	}
	return err
}

func TestOnlyItsOwnerCanLookIn(t *testing.T) {
	// a name that would break a careless data source name
	dir := filepath.Join(t.TempDir(), "a b?c#d%41&e=f", "state")
	j := open(t, dir)
	if _, err := j.Create(t.Context(), benchRecord("r1", "db"), intent); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		seen++
		return err
	})
	if err != nil || seen < 6 { // the directory, db, wal, shm, ballast, wake
		t.Errorf("%d files, %v", seen, err)
	}
}

func TestRefusedPlaces(t *testing.T) {
	base := t.TempDir()
	place := func(name string, mode os.FileMode) string {
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	file := func(dir, name string, mode os.FileMode) {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), nil, 0o600), os.Chmod(filepath.Join(dir, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	open := place("readable db", 0o700)
	file(open, "state.db", 0o640)
	link := place("link", 0o700)
	file(link, "real.db", 0o600)
	if err := os.Symlink(filepath.Join(link, "real.db"), filepath.Join(link, "state.db")); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(base, "plain")
	file(base, "plain", 0o600)
	cases := map[string]fault.Kind{
		"":                            fault.BadConfig,
		place("group", 0o750):         fault.BadConfig,
		place("world", 0o701):         fault.BadConfig,
		open:                          fault.BadConfig,
		link:                          fault.BadConfig,
		plain:                         fault.Denied,
		filepath.Join(plain, "below"): fault.Denied,
	}
	if os.Geteuid() == 0 {
		other := place("someone else's", 0o700)
		if err := os.Chown(other, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		cases[other] = fault.Denied
	}
	for dir, kind := range cases {
		if err := try(t, dir); err == nil || fault.KindOf(err) != kind {
			t.Errorf("%q: %v (%v), want %v", dir, err, fault.KindOf(err), kind)
		}
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir()}); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("without a key: %v", err)
	}
}

// alter changes the state behind the journal's back.
func alter(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNotOursIsDamaged(t *testing.T) {
	base := t.TempDir()
	made := func(name string) string {
		dir := filepath.Join(base, name)
		_ = open(t, dir).Close()
		return dir
	}
	future := made("future")
	alter(t, future, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	err := try(t, future)
	if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(fault.HintOf(err), "upgrade") {
		t.Errorf("a schema of the future: %v, hint %q", err, fault.HintOf(err))
	}
	foreign := made("foreign")
	alter(t, foreign, `PRAGMA application_id = 7`)
	text := made("text")
	if err := os.WriteFile(filepath.Join(text, "state.db"), bytes.Repeat([]byte("not a database "), 999), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := made("gone")
	alter(t, gone, `DROP TABLE sealed`)
	for _, dir := range []string{foreign, text, gone} {
		if err := try(t, dir); !errors.Is(err, journal.ErrDamaged) || fault.KindOf(err) != fault.NeedsPerson {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestRowsThatCannotBeRight(t *testing.T) {
	for _, statement := range []string{
		`UPDATE records SET status = 'done'`,
		`UPDATE records SET body = replace(body, 'overlap', 'in-place')`,
		`UPDATE events SET body = replace(body, 'intent', 'redo')`,
		`UPDATE credentials SET fence = fence + 1`,
		`UPDATE generations SET life = 'dead'`,
		`UPDATE sealed SET blob = x'00'`,
		`UPDATE sealed SET slot = 'elsewhere'`,
		`UPDATE meta SET value = 'zzzzzz' WHERE name = 'installation'`,
		`DELETE FROM events WHERE seq = 1`,
		`UPDATE events SET rec = 99 WHERE no = 1`,
	} {
		dir := filepath.Join(t.TempDir(), "state")
		furnish(t, dir)
		alter(t, dir, statement)
		if _, err := everything(t, dir); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("%s: %v", statement, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "state")
	furnish(t, dir)
	alter(t, dir, `UPDATE audit SET actor = 'nobody' WHERE seq = 7`)
	var broken *audit.BrokenError
	if _, err := everything(t, dir); !errors.As(err, &broken) || broken.Seq != 7 {
		t.Errorf("a changed entry: %v", err)
	}
}

func TestManyOpenANewStateAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			j, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, MAC: journaltest.MAC})
			if err != nil {
				t.Error(err)
				return
			}
			here, err := j.Installation(t.Context())
			ids[i] = here.ID
			if err = errors.Join(err, j.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("installations %q", ids)
		}
	}
}
