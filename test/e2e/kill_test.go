package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stops is the rotor that can be told where to die (app/hook_on.go).
func (w *world) stops(env []string, args ...string) *child {
	w.t.Helper()
	return w.start(run{binary: w.binary + "-stops", env: env}, args...)
}

// points lists what the knife passed in the last run with trace.
func points(t testing.TB, trace string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(string(readFile(t, trace))), "\n")
}

// again goes on after a kill as whoever is on call would: resume; and rotate, if
// nothing was begun yet or what was begun had to be turned back.
func (w *world) again(name string) {
	w.t.Helper()
	e := w.rotor("resume", name, "--wait")
	if e.code != 0 {
		w.t.Fatalf("exit code %d: rotor %s", e.code, e)
	}
}

// TestKillAtEveryEvent kills rotor with SIGKILL right before and right after
// each durable write of a rotation, of the retirement behind it too, and goes on
// with `rotor resume`; then the same again, until a rotation outlives its kill.
func TestKillAtEveryEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	trace := filepath.Join(w.dir, "points")
	shape := w.db.shape(t)
	for n := 1; ; n++ {
		_ = os.Remove(trace)
		before, _ := w.database()
		env := []string{fmt.Sprintf("ROTOR_TEST_KILL_AT=%d", n), "ROTOR_TEST_POINTS=" + trace}
		e := w.stops(env, "rotate", "database", "--yes", "--wait").wait()
		reached := points(t, trace)
		if e.code == 0 {
			if len(reached) != n-1 || n < 20 {
				t.Errorf("%d points, and the kill at %d was not reached", len(reached), n)
			}
			t.Logf("kill_points %d", n-1)
			break
		}
		if e.code != -1 {
			t.Fatalf("exit code %d at point %d: rotor %s", e.code, n, e)
		}
		t.Logf("killed at %s", reached[len(reached)-1])
		w.again("database")
		w.settled()
		if after, _ := w.database(); after == before && n > 2 {
			t.Errorf("killed at %s: resume did not bring the rotation to its end", reached[len(reached)-1])
		}
		if live := w.vault.live("database"); len(live) != 1 {
			t.Errorf("killed at %s: versions of the store that can be read: %v", reached[len(reached)-1], live)
		}
		if now := w.db.shape(t); now != shape {
			t.Errorf("killed at %s: owners and roles were\n%s and are\n%s", reached[len(reached)-1], shape, now)
		}
		if t.Failed() {
			return
		}
	}
	w.settled()
	w.calm()
}

// TestKillAmongContainers is a sample of the same with real containers, and one
// kill in the middle of an effect: while docker compose recreates the first
// instance. The compose process lives on, and `rotor resume` meets it at work.
func TestKillAmongContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{short: true})
	for _, at := range []string{"after append outcome:generate", "before append outcome:publish", "the middle of deploy",
		"before append outcome:revoke"} {
		before, _ := w.database()
		if at == "the middle of deploy" {
			c := w.start(run{}, "rotate", "database", "--yes", "--wait")
			eventually(t, "the first instance drains", func() bool { return c.over() || !w.balancer.Healthy(w.urls["backend-a"]) })
			c.kill()
			c.wait().want(t, -1)
		} else {
			w.stops([]string{"ROTOR_TEST_KILL_AT=" + at}, "rotate", "database", "--yes", "--wait").wait().want(t, -1)
		}
		t.Logf("killed at %s", at)
		w.again("database")
		w.settled()
		if after, _ := w.database(); after == before {
			t.Errorf("killed at %s: resume did not bring the rotation to its end", at)
		}
		if live := w.vault.live("database"); len(live) != 1 {
			t.Errorf("killed at %s: versions of the store that can be read: %v", at, live)
		}
	}
	w.calm()
}
