package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// calm ends the load and wants every request served.
func (w *world) calm() {
	w.t.Helper()
	r := w.load.Stop()
	var table bytes.Buffer
	_ = r.WriteTable(&table)
	w.t.Logf("the load:\n%s", table.String())
	if r.All.Failed > 0 || r.All.OK < 50 {
		w.t.Errorf("%d requests failed, %d were served", r.All.Failed, r.All.OK)
	}
}

// settled: exactly one login is open, it is the one in the store, the instances
// run with it and the audit is intact.
func (w *world) settled() {
	w.t.Helper()
	user, url := w.database()
	if open := w.db.mayLogIn(w.t); len(open) != 1 || open[0] != user {
		w.t.Errorf("logins that are open: %v; the store has %s", open, user)
	}
	if code := w.db.try(w.t, url); code != "" {
		w.t.Errorf("the login in the store is refused: %s", code)
	}
	for _, name := range w.plan.backends {
		if !w.app.holds(name, url) || !w.app.well(name) {
			w.t.Errorf("%s does not run with the login of the store", name)
		}
	}
	if n := w.db.sessions(w.t, w.other(user)); n > 0 {
		w.t.Errorf("%d sessions of the login that is closed", n)
	}
	w.rotor("audit", "verify").want(w.t, 0)
}

// TestZeroFailedRequests: two instances that drain, a balancer and a client that
// never retry; the login goes from one role to the other and back, and the token
// between client and service changes too.
func TestZeroFailedRequests(t *testing.T) {
	w := newWorld(t, plan{})
	shape := w.db.shape(t)
	for _, turn := range []string{"a to b", "b to a"} {
		w.load.Phase("database, " + turn)
		oldUser, oldURL := w.database()
		_, version := w.vault.get("database")
		w.rotor("rotate", "database", "--yes", "--wait").want(t, 0)
		user, url := w.database()
		if user == oldUser || url == oldURL {
			t.Fatalf("%s: the store still has %s", turn, oldUser)
		}
		w.settled()
		if code := w.db.try(t, oldURL); code != "28P01" && code != "28000" {
			t.Errorf("%s: the old login is not refused: %q", turn, code)
		}
		if live := w.vault.live("database"); len(live) != 1 || live[0] <= version {
			t.Errorf("%s: versions of the store that still can be read: %v; the old value was in %d", turn, live, version)
		}
		if now := w.db.shape(t); now != shape {
			t.Errorf("%s: owners and roles were\n%s and are\n%s", turn, shape, now)
		}
	}
	w.load.Phase("machine-token")
	oldToken := w.caller.token()
	w.rotor("rotate", "machine-token", "--yes", "--wait").want(t, 0)
	if now, _ := w.vault.get("app-prod"); w.caller.token() == oldToken || strings.TrimRight(now["MACHINE_SECRET_TOKEN"], ",") != w.caller.token() {
		t.Error("client and services do not hold one new token, alone")
	}
	w.settled()
	w.calm()
	if content, _ := w.vault.get("app-prod"); content["LOG_LEVEL"] != "info" {
		t.Error("a neighbour's key was changed")
	}
}

// TestSingleContainer: with one instance there is a window. It is said before,
// and measured here.
func TestSingleContainer(t *testing.T) {
	w := newWorld(t, plan{backends: []string{"backend"}})
	if e := w.rotor("plan", "database"); !strings.Contains(e.stdout+e.stderr, "recreated") {
		t.Errorf("the plan does not say that there is a window: rotor %s", e)
	}
	w.load.Phase("window")
	w.rotor("rotate", "database", "--yes", "--wait").want(t, 0)
	w.load.Phase("after")
	served := w.load.Result().All.OK
	eventually(t, "requests are served again", func() bool { return w.load.Result().All.OK > served+10 })
	r := w.load.Stop()
	for _, p := range r.Phases {
		switch {
		case p.Name == "window":
			t.Logf("single_container_window_ms %d", p.Longest.Milliseconds())
			fmt.Printf("single_container_window_ms %d\n", p.Longest.Milliseconds())
			if p.Longest > 20*time.Second {
				t.Errorf("%v without an answer", p.Longest)
			}
		case p.Failed > 0:
			t.Errorf("%s: %d requests failed", p.Name, p.Failed)
		}
	}
	w.settled()
}
