package sqlite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/sqlite"
	"github.com/agenticverz/rotor/rotation"
)

// furnish makes a state with something in every table.
func furnish(t *testing.T, dir string) {
	t.Helper()
	j := open(t, dir)
	for i := range 12 {
		id, c := fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i%5)
		r := benchRecord(id, c)
		f, err := j.Create(t.Context(), r, appendOf()...)
		if errors.Is(err, journal.ErrOpen) {
			r.Kind = rotation.KindRetirement
			f, err = j.Create(t.Context(), r, appendOf()...)
		}
		e := appendOf()[0]
		e.Generations = []rotation.Generation{{N: i, Life: rotation.Pending, Label: "l", Fingerprint: "f"}}
		e.Sealed = []rotation.Sealed{{Generation: i % 6, Slot: "values", Blob: []byte("a sealed value")}}
		e.Facts.Samples = map[string]json.RawMessage{"health": json.RawMessage(`{"ok":true}`)}
		end := rotation.Event{At: benchNow, Type: rotation.Pause, Status: rotation.Waiting, Wake: &rotation.Wait{Since: benchNow, For: 5}}
		if i%3 == 0 {
			end.Status, end.Type = rotation.Done, rotation.Closing
		}
		if err = errors.Join(err, j.Append(t.Context(), id, f, e, end)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// everything opens the state, checks it, and tells all that can be asked.
func everything(t *testing.T, dir string) (said string, err error) {
	t.Helper()
	j, err := sqlite.Open(t.Context(), sqlite.Options{Dir: dir, MAC: journaltest.MAC})
	if err != nil {
		return "", err
	}
	defer func() { _ = j.Close() }()
	if err := j.Check(t.Context()); err != nil {
		return "", err
	}
	if _, err := audit.Verify(journaltest.MAC, j.Audit(t.Context(), 1)); err != nil {
		return "", err
	}
	here, err := j.Installation(t.Context())
	if err != nil {
		return "", err
	}
	due, next, err := j.Due(t.Context(), benchNow)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(here, len(due), next, journaltest.Observe(t, j, "values")), nil
}

func TestAFlippedBitIsNeverSilent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	furnish(t, dir)
	want, err := everything(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state.db")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flips, noticed := 150, 0
	if testing.Short() {
		flips = 40
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range flips {
		bad := append([]byte(nil), good...)
		at, bit := random.IntN(len(bad)), random.IntN(8)
		bad[at] ^= 1 << bit
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := everything(t, dir)
		var broken *audit.BrokenError
		switch {
		case err == nil && got != want:
			t.Errorf("byte %d, bit %d: silently wrong\n%s\nwant\n%s", at, bit, got, want)
		case err != nil && !errors.Is(err, journal.ErrDamaged) && !errors.As(err, &broken):
			t.Errorf("byte %d, bit %d: %v", at, bit, err)
		case err != nil:
			noticed++
		}
	}
	t.Logf("%d of %d flips hit something and were noticed", noticed, flips)
	if noticed < flips/20 {
		t.Errorf("only %d of %d were noticed", noticed, flips)
	}
}

func TestACutLogIsFoundByTheKeptHead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := open(t, dir)
	f, err := j.Create(t.Context(), benchRecord("r1", "db"), intent)
	for range 5 {
		err = errors.Join(err, j.Append(t.Context(), "r1", f, intent))
	}
	kept, err2 := j.AuditHead(t.Context())
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	// the files as a crash leaves them, with a bit of the log flipped
	crashed := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(crashed, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state.db", "state.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "state.db-wal" {
			b[len(b)-2000] ^= 4
		}
		if err := os.WriteFile(filepath.Join(crashed, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j = open(t, crashed)
	var broken *audit.BrokenError
	if _, err := audit.Verify(journaltest.MAC, j.Audit(t.Context(), 1), kept); !errors.As(err, &broken) {
		t.Errorf("the kept head does not miss its entry: %v", err)
	}
}
