package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// untouched compares with how it was: what the store holds, which logins are
// open, and with what the instances run.
func (w *world) untouched() (compare func()) {
	w.t.Helper()
	type content struct{ app, database, caller string }
	look := func() content {
		var out content
		for path, into := range map[string]*string{"app-prod": &out.app, "database": &out.database, "caller": &out.caller} {
			set, _ := w.vault.get(path)
			*into = fmt.Sprint(set)
		}
		return out
	}
	before, open := look(), strings.Join(w.db.mayLogIn(w.t), " ")
	return func() {
		w.t.Helper()
		if look() != before {
			w.t.Error("the store does not hold what it held before")
		}
		if now := strings.Join(w.db.mayLogIn(w.t), " "); now != open {
			w.t.Errorf("logins that are open: %s; before it was %s", now, open)
		}
		for _, name := range w.plan.backends {
			for _, variable := range []string{"DATABASE_URL", "MACHINE_SECRET_TOKEN", "PARTNER_KEY"} {
				if !w.app.value(name, variable) {
					w.t.Errorf("%s runs with another %s than the store's", name, variable)
				}
			}
			if !w.app.well(name) {
				w.t.Errorf("%s is not healthy", name)
			}
		}
		w.rotor("audit", "verify").want(w.t, 0)
	}
}

// badKey passes what a provider can know of a key, and no service starts with it.
const badKey = "Rt7-cut-off"

// TestBadValueRollsBack: the first instance that gets a deliberately bad value
// ends with status 3; the second one never sees it.
func TestBadValueRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{})
	w.watch.known(badKey)
	compare := w.untouched()
	second := strings.Split(w.app.identity(), "; ")[1]
	e := w.start(run{stdin: badKey + "\n"}, "set", "partner-key", "-").wait().want(t, 1)
	e.says(t, "rolled back", "rotor: hint:", "rotor set partner-key --retire 1")
	compare()
	if now := strings.Split(w.app.identity(), "; ")[1]; now != second {
		t.Errorf("the second instance was %s and is %s", second, now)
	}
	w.rotor("set", "partner-key", "--retire", "1").want(t, 0)
	if live := w.vault.live("app-prod"); len(live) != 2 {
		t.Logf("versions of the store that can be read: %v", live)
	}
	compare()
	w.calm()
}

// TestCrashLoopRollsBack: a container that is started again and again looks
// alive to `docker compose up --wait` if it has no health check.
func TestCrashLoopRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{loops: true})
	w.watch.known(badKey)
	compare := w.untouched()
	w.start(run{stdin: badKey + "\n"}, "set", "partner-key", "-").wait().want(t, 1).says(t, "rolled back", "rotor: hint:")
	compare()
	w.calm()
}

// TestRedCheckRollsBack: the new login works, everything is deployed, and then a
// check turns red.
func TestRedCheckRollsBack(t *testing.T) {
	t.Parallel() // with the other long ones: most of its time is the wait for requests that might still be under way
	var red atomic.Bool
	light := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if red.Load() {
			http.Error(rw, "red", http.StatusInternalServerError)
		}
	}))
	defer light.Close()
	w := newWorld(t, plan{changes: map[string]string{"CHECKS": "health, light",
		"MORE": fmt.Sprintf("  light: {type: http, url: %q}", light.URL)}})
	compare := w.untouched()
	oldUser, _ := w.database()
	c := w.start(run{}, "rotate", "database", "--yes", "--wait")
	eventually(t, "both instances are deployed", func() bool {
		return strings.Contains(c.err.String(), "deploy app/backend-b") || c.over()
	})
	if open := w.db.mayLogIn(t); len(open) != 2 {
		t.Errorf("logins that are open: %v", open)
	}
	_, newURL := w.database()
	red.Store(true)
	c.wait().want(t, 1).says(t, "rolled back", "light", "rotor: hint:")
	compare()
	if code := w.db.try(t, newURL); code != "28P01" && code != "28000" {
		t.Errorf("the login that was turned back is not refused: %q", code)
	}
	if user, _ := w.database(); user != oldUser {
		t.Errorf("the store has %s", user)
	}
	w.settled()
	red.Store(false)
	w.rotor("rotate", "database", "--yes", "--wait").want(t, 0)
	w.settled()
	w.calm()
}
