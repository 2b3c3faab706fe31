package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/agenticverz/rotor/test/pooler"
)

// sixty rotations are fifteen years of quarters.
const sixty = 60

// rotates is one rotation to its very end, and what must hold after it.
func rotates(t *testing.T, w *pooler.World, shape string) {
	t.Helper()
	bad, err := w.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range bad {
		t.Error(one)
	}
	mustEqual(t, "owners, roles and rights", shape, w.Shape)
	flows(t, w)
}

// flows: nothing is left paused.
func flows(t *testing.T, w *pooler.World) {
	t.Helper()
	rows, err := w.Bouncer.Show(t.Context(), "DATABASES")
	if err != nil || len(rows) < 2 {
		t.Fatal(rows, err)
	}
	for _, row := range rows {
		if row["paused"] != "0" || row["disabled"] != "0" {
			t.Errorf("PgBouncer's database %s: paused %s, disabled %s", row["name"], row["paused"], row["disabled"])
		}
	}
}

// TestPoolerSixty: two logins take turns, back to back, and no client of any kind
// notices.
func TestPoolerSixty(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.Alternate, Instances: true})
	shape, err := w.Shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, w)
	began := time.Now()
	for n := 1; n <= sixty && !t.Failed(); n++ {
		c.Phase(fmt.Sprintf("rotation %d", n))
		rotates(t, w, shape)
		if r := c.Now(); r.Failed() > 0 {
			t.Fatalf("in rotation %d transactions failed:\n%s", n, r) // no need to see it sixty times
		}
	}
	t.Logf("%d rotations in %v", sixty, time.Since(began).Round(time.Second))
	r := calmly(t, w, c)
	fmt.Printf("pg_pgbouncer_failed %d of %d\n", r.Failed(), r.Failed()+r.OK())
	silent(t, w, sixty)
}

// TestPoolerInPlace: one login whose password changes while PgBouncer holds the
// clients, who read the secret for each new connection and wait for their answers.
func TestPoolerInPlace(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.InPlace, Waiting: true})
	shape, err := w.Shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, w)
	const times = 10
	for n := 1; n <= times && !t.Failed(); n++ {
		c.Phase(fmt.Sprintf("rotation %d", n))
		rotates(t, w, shape)
	}
	r := calmly(t, w, c)
	fmt.Printf("pg_inplace_reread_failed %d of %d, pg_inplace_reread_slowest_ms %d\n", r.Failed(), r.Failed()+r.OK(), r.Slowest().Milliseconds())
	silent(t, w, times)
}

// TestPoolerInPlaceArrivals: the same with clients that come as they please. Whoever
// read the old password and logs in a moment later is refused, and no order of steps
// can change that; how many and for how long is measured.
func TestPoolerInPlaceArrivals(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.InPlace})
	shape, err := w.Shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, w)
	var window time.Duration
	const times = 5
	for n := 1; n <= times && !t.Failed(); n++ {
		c.Phase(fmt.Sprintf("rotation %d", n))
		rotates(t, w, shape)
	}
	r := c.End()
	t.Logf("the load:\n%s", r)
	for _, one := range r {
		for _, p := range one.Phases {
			window = max(window, p.Window)
		}
	}
	fmt.Printf("pg_inplace_arrivals_failed %d of %d in %d rotations, pg_inplace_arrivals_window_ms %d\n",
		r.Failed(), r.Failed()+r.OK(), times, window.Milliseconds())
	if window > 2*time.Second || r.Failed() > r.OK()/5 {
		t.Errorf("a window of %v", window)
	}
}

// TestPoolerInPlaceWindow: the same, with instances that hold the login in their
// environment and lose their connections all the time. Here there is a window,
// from the change until the last of them was started again; it is measured.
func TestPoolerInPlaceWindow(t *testing.T) {
	t.Parallel()
	w := newPooler(t, pooler.Options{Kind: pooler.InPlace, Instances: true, Lifetime: 50})
	shape, err := w.Shape(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, w, pooler.Instances)
	c.Phase("rotation")
	rotates(t, w, shape)
	c.Phase("after")
	served := c.Now().OK()
	eventually(t, "transactions are served again", func() bool { return c.Now().OK() > served+20 })
	r := c.End()
	t.Logf("the load:\n%s", r)
	fmt.Printf("pg_inplace_window_ms %d\n", r.Window().Milliseconds())
	if r.Failed() == 0 || r.Window() > 5*time.Second {
		t.Errorf("a window of %v with %d failed transactions: is this load one that would notice?", r.Window(), r.Failed())
	}
	for _, p := range r[pooler.Instances].Phases {
		if p.Name == "after" && p.Failed > 0 {
			t.Errorf("%d transactions failed after the end of the rotation", p.Failed)
		}
	}
	silent(t, w, 1)
}
