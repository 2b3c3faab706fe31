package e2e

import (
	"fmt"
	"net/http"
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

// again goes on after a kill as whoever is on call would.
func (w *world) again(name string) {
	w.t.Helper()
	w.rotor("resume", name, "--wait").want(w.t, 0)
}

// everyPoint kills rotor with SIGKILL at each point in turn: right before and
// right after each durable write. after mends and looks; then the same again, one
// point later (step: so many), until a run outlives its kill. done is that run's
// exit code.
func (w *world) everyPoint(step, done int, command func(n int) (stdin string, args []string), after func(n int)) {
	w.t.Helper()
	trace := filepath.Join(w.dir, "points")
	for n := 1; !w.t.Failed(); n += step {
		_ = os.Remove(trace)
		stdin, args := command(n)
		r := run{stdin: stdin, binary: w.binary + "-stops",
			env: []string{fmt.Sprintf("ROTOR_TEST_KILL_AT=%d", n), "ROTOR_TEST_POINTS=" + trace}}
		e := w.start(r, args...).wait()
		reached := points(w.t, trace)
		if e.code != -1 {
			e.want(w.t, done)
			if len(reached) >= n || n < 20 {
				w.t.Errorf("%d points, and the kill at %d was not reached", len(reached), n)
			}
			w.t.Logf("kill_points %d of %d, rotor %s", (n-1)/step, len(reached), strings.Join(args, " "))
			return
		}
		w.t.Logf("killed at %s", reached[len(reached)-1])
		after(n)
	}
}

// TestKillAtEveryEvent kills a rotation of the database login at every point, of
// the retirement behind it too, and goes on with `rotor resume`.
func TestKillAtEveryEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	shape, before := w.db.shape(t), ""
	rotate := func(int) (string, []string) {
		before, _ = w.database()
		return "", []string{"rotate", "database", "--yes", "--wait"}
	}
	w.everyPoint(1, 0, rotate, func(n int) {
		w.again("database")
		w.settled()
		if after, _ := w.database(); after == before && n > 1 {
			t.Error("resume did not bring the rotation to its end")
		}
		if live := w.vault.live("database"); len(live) != 1 {
			t.Errorf("versions of the store that can be read: %v", live)
		}
		if now := w.db.shape(t); now != shape {
			t.Errorf("owners and roles were\n%s and are\n%s", shape, now)
		}
	})
	w.settled()
	w.calm()
}

// third: every third point, which is before a write and after one in turn. The
// loops beside the login's would take as long again.
const third = 3

// TestKillAtEveryEventOfAToken is the same for a value that nobody issues: the
// services that check it take the new one first, beside the old one.
func TestKillAtEveryEventOfAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	before := ""
	rotate := func(int) (string, []string) {
		before = w.caller.token()
		return "", []string{"rotate", "machine-token", "--yes", "--wait"}
	}
	look := func(n int) {
		app, _ := w.vault.get("app-prod")
		if now := w.caller.token(); now == before && n > 1 || strings.TrimRight(app["MACHINE_SECRET_TOKEN"], ",") != now {
			t.Error("client and services do not hold one new token, alone")
		}
		for _, name := range w.plan.backends {
			if old := answer(t, w.urls[name], before); n > 1 && old != http.StatusUnauthorized || answer(t, w.urls[name], w.caller.token()) != http.StatusOK {
				t.Errorf("%s: the old token: status %d", name, old)
			}
		}
		w.rotor("audit", "verify").want(t, 0)
	}
	w.everyPoint(third, 0, rotate, func(n int) {
		w.again("machine-token")
		look(n)
	})
	look(2)
	w.calm()
}

func answer(t testing.TB, base, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/work", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestKillAtEveryEventOfARollback: a bad value, and rotor dies on the way there
// or on the way back.
func TestKillAtEveryEventOfARollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	compare := w.untouched()
	set := func(n int) (string, []string) {
		bad := fmt.Sprintf("Rt7-bad-%03d", n) // a value that was refused once is not taken again
		w.watch.known(bad)
		return bad, []string{"set", "partner-key", "-"}
	}
	ended := func() {
		for _, g := range w.generations("partner-key") {
			if g.Life != "current" && g.Life != "dead" { // a person ends it at the partner, and says so
				w.rotor("set", "partner-key", "--retire", fmt.Sprint(g.N)).want(t, 0)
			}
		}
		compare()
		if e := w.rotor("resume", "partner-key"); e.code != 0 || !strings.Contains(e.stderr, "is open") {
			t.Errorf("something is still open: exit code %d: rotor %s", e.code, e)
		}
	}
	w.everyPoint(third, 1, set, func(n int) {
		e := w.rotor("resume", "partner-key")
		if e.code == 5 && strings.Contains(e.stderr, "a value is needed") { // the value had not arrived
			stdin, args := set(n)
			e = w.start(run{stdin: stdin}, args...).wait().want(t, 1)
		}
		if e.code != 0 && e.code != 1 && e.code != 5 {
			t.Errorf("exit code %d: rotor %s", e.code, e)
		}
		ended()
	})
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
