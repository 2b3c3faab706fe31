package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/agenticverz/rotor/test/pooler"
)

// TestPoolerKill kills rotor with SIGKILL at every point of a rotation of the two
// logins and of the retirement behind it, right before and right after each durable
// write, and goes on with `rotor resume`.
func TestPoolerKill(t *testing.T) {
	t.Parallel()
	killed(t, pooler.Options{Kind: pooler.Alternate, Instances: true}, 1)
}

// TestPoolerKillInPlace is the same, at every third point, for one login whose
// password changes: PgBouncer's clients survive because rotor is called again before
// they lose patience.
func TestPoolerKillInPlace(t *testing.T) {
	t.Parallel()
	killed(t, pooler.Options{Kind: pooler.InPlace, Waiting: true}, third)
}

func killed(t *testing.T, o pooler.Options, step int) {
	t.Helper()
	w := newPooler(t, o)
	shape, err := w.Shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, w)
	trace := filepath.Join(w.Dir, "points")
	n, last := 1, ""
	for ; !t.Failed(); n += step {
		_ = os.Remove(trace)
		old, err := w.Stored()
		if err != nil {
			t.Fatal(err)
		}
		c.Phase(fmt.Sprintf("kill at %d", n))
		e := w.Run(t.Context(), w.Rotor+"-stops", []string{fmt.Sprintf("ROTOR_TEST_KILL_AT=%d", n), "ROTOR_TEST_POINTS=" + trace},
			"rotate", "database", "--yes", "--wait")
		reached := points(t, trace)
		last = reached[len(reached)-1]
		if e.Code != -1 {
			if e.Code != 0 || len(reached) >= n || n < 20 {
				t.Errorf("%d points, and the kill at %d was not reached: %s", len(reached), n, e)
			}
			break
		}
		if e := w.Run(t.Context(), w.Rotor, nil, "resume", "database", "--wait"); e.Code != 0 {
			t.Fatalf("after %s: %s", last, e)
		}
		aftermath(t, w, old, n, last)
		mustEqual(t, "owners, roles and rights", shape, w.Shape)
		flows(t, w)
	}
	t.Logf("%d points, step %d", n-1, step)
	calmly(t, w, c)
	silent(t, w, (n-1)/step)
}

// aftermath is what must hold after a kill and a resume.
func aftermath(t *testing.T, w *pooler.World, old pooler.Login, n int, where string) {
	t.Helper()
	if now, err := w.Stored(); err == nil && now == old && n == 1 {
		return // killed before anything was begun
	}
	bad, err := w.Look(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range bad {
		t.Errorf("killed at %s: %s", where, one)
	}
}
