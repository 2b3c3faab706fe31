package compose

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
)

const twoReplicas = `
services:
  backend:
    image: IMAGE
    environment: {API_KEY: "${API_KEY}", DRAIN: 300ms}
    healthcheck: {test: ["CMD", "/app", "check"], interval: 300ms, timeout: 2s, retries: 3, start_period: 3s}
    stop_grace_period: 6s
    deploy: {replicas: 2}
`

// Two replicas under load, a client that never retries: no request fails.
func TestRollingUnderLoad(t *testing.T) {
	for _, rolling := range []string{"auto", "one-by-one"} {
		t.Run(rolling, func(t *testing.T) {
			if testing.Short() && rolling != "auto" {
				t.Skip("slow")
			}
			p := start(t, Options{Services: []string{"backend"}, Rolling: rolling, Drain: 700 * time.Millisecond},
				strings.ReplaceAll(twoReplicas, "300ms}", "2s}"))
			if words := p.open().Outage(t.Context()); words != "" {
				t.Errorf("Outage: %s", words)
			}
			unit := p.units()[0]
			b := balance(t, p)
			waitFor(t, func() bool { return b.ok.Load() > 50 })
			_ = p.publish(change(newKey, oldKey).Values)
			if err := p.open().Deploy(t.Context(), unit, change(newKey, oldKey)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { return b.saw(newKey) })
			b.stop()
			t.Logf("%d requests, %d failed", b.ok.Load()+b.failed.Load(), b.failed.Load())
			if b.failed.Load() != 0 || b.ok.Load() < 100 || !b.saw(oldKey) {
				t.Errorf("%d ok, %d failed: %v", b.ok.Load(), b.failed.Load(), b.why.Load())
			}
			p.expectTwoNew(unit)
		})
	}
}

// expectTwoNew: exactly two containers, none of them of unit, both new, proven.
func (p *plant) expectTwoNew(unit string) {
	p.t.Helper()
	now := p.containers("backend")
	for id := range now {
		if strings.Contains(unit, id[:12]) {
			p.t.Errorf("the old container %.12s is still there", id)
		}
	}
	if len(now) != 2 || !p.has("backend", newKey) {
		p.t.Errorf("%d containers, all with the new key: %v", len(now), p.has("backend", newKey))
	}
	if all := p.run("ps", "-a", "-q", "--filter", "label=com.docker.compose.project="+p.docker.Name); len(strings.Fields(all)) != 2 {
		p.t.Errorf("left over: %q", all)
	}
	if proof, err := p.open().Confirm(context.Background(), unit, change(newKey, oldKey)); err != nil || proof != consumer.Proven {
		p.t.Errorf("Confirm: %q, %v", proof, err)
	}
}

// Killed at different points, and called again in another process: exactly two
// new replicas, and compose agrees that there is nothing to do.
func TestInterruptedRollIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	points := map[string]func(old, now map[string]string) bool{
		"the first new one is there":  func(old, now map[string]string) bool { return len(now) == 3 },
		"both new ones are there":     func(old, now map[string]string) bool { return len(now) == 4 },
		"the first old one is gone":   func(old, now map[string]string) bool { return gone(old, now) == 1 },
		"both old ones are gone":      func(old, now map[string]string) bool { return gone(old, now) == 2 },
		"nothing has happened so far": func(old, now map[string]string) bool { return true },
	}
	for name, reached := range points {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && name != "the first old one is gone" {
				t.Skip("slow")
			}
			p := start(t, Options{Services: []string{"backend"}}, twoReplicas)
			unit := p.interrupt(reached)
			p.expectTwoNew(unit)
			before, _ := p.witness()
			p.compose("API_KEY="+newKey, "up", "-d", "--no-recreate")
			if after, _ := p.witness(); after != before {
				t.Error("compose does not agree with what was left")
			}
		})
	}
}

// The same for a single container that is recreated in place.
func TestInterruptedRecreateIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for name, reached := range map[string]func(old, now map[string]string) bool{
		"the old one is stopped": func(old, now map[string]string) bool { return gone(old, now) == 1 },
		"the new one runs":       func(old, now map[string]string) bool { return len(now) == 1 && gone(old, now) == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, Options{Services: []string{"backend"}}, twoServices)
			p.interrupt(reached)
			if now := p.containers("backend"); len(now) != 1 || !p.has("backend", newKey) {
				t.Errorf("%d containers, with the new key: %v", len(now), p.has("backend", newKey))
			}
			if all := p.run("ps", "-a", "-q", "--filter", "label=com.docker.compose.service=backend", "--filter", "label=com.docker.compose.project="+p.docker.Name); len(strings.Fields(all)) != 1 {
				t.Errorf("left over: %q", all)
			}
		})
	}
}

// interrupt deploys the new key, ends that at a point, and deploys again in
// another process. It returns the unit.
func (p *plant) interrupt(reached func(old, now map[string]string) bool) string {
	p.t.Helper()
	unit, old := p.units()[0], p.containers("backend")
	_ = p.publish(change(newKey, oldKey).Values)
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if reached(old, p.list()) {
				cancel()
			}
		}
	}()
	if err := p.open().Deploy(ctx, unit, change(newKey, oldKey)); err != nil && fault.KindOf(err) != fault.Unknown && fault.KindOf(err) != fault.Transient {
		p.t.Errorf("interrupted: %v (%v)", err, fault.KindOf(err))
	}
	cancel()
	<-done
	if again, err := parseUnit(p.units()[0]); err != nil || again.count > len(old) {
		p.t.Errorf("listed in the middle of a roll: %+v, %v", again, err)
	}
	if len(old) > 1 && len(p.list()) < len(old) {
		p.t.Error("fewer replicas than before were left running")
	}
	if err := p.open().Deploy(p.t.Context(), unit, change(newKey, oldKey)); err != nil {
		p.t.Fatalf("resumed: %v", err)
	}
	return unit
}

func gone(old, now map[string]string) int {
	n := 0
	for id := range old {
		if _, there := now[id]; !there {
			n++
		}
	}
	return n
}

// A bad value: the old replicas serve on, the new ones are removed, and taking
// the value back touches nothing.
func TestBadValueLeavesTheOldReplicas(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoReplicas)
	unit := p.units()[0]
	before, _ := p.witness()
	bad := change(badKey, oldKey)
	_ = p.publish(bad.Values)
	if err := p.open().Deploy(t.Context(), unit, bad); err == nil || fault.KindOf(err) != fault.Rejected {
		t.Fatalf("%v", err)
	}
	if after, _ := p.witness(); after != before || !p.has("backend", oldKey) {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
	if proof, err := p.open().Confirm(t.Context(), unit, bad); err != nil || proof != consumer.NotYet {
		t.Errorf("Confirm of the bad value: %q, %v", proof, err)
	}
	back := change(oldKey, badKey)
	_ = p.publish(back.Values)
	if err := p.open().Deploy(t.Context(), unit, back); err != nil {
		t.Fatal(err)
	}
	if after, _ := p.witness(); after != before {
		t.Error("taking back what never ran touched the containers")
	}
}

// Rolled forth and back with the unit's name from before the change.
func TestRollBackUnderTheJournalledName(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoReplicas)
	unit := p.units()[0]
	for _, ch := range []consumer.Change{change(newKey, oldKey), change(oldKey, newKey)} {
		_ = p.publish(ch.Values)
		if err := p.open().Deploy(t.Context(), unit, ch); err != nil {
			t.Fatal(err)
		}
		if proof, err := p.open().Confirm(t.Context(), unit, ch); err != nil || proof != consumer.Proven {
			t.Errorf("Confirm: %q, %v", proof, err)
		}
	}
	if !p.has("backend", oldKey) || len(p.containers("backend")) != 2 {
		t.Error("not back at two replicas with the old key")
	}
}

// Two fixed ports for two replicas: no room beside them, and plan says so.
func TestFixedPortsAreRecreatedInPlace(t *testing.T) {
	t.Parallel()
	first := freePorts(t)
	file := strings.Replace(twoReplicas, "deploy:", fmt.Sprintf("ports: [\"127.0.0.1:%d-%d:8080\"]\n    deploy:", first, first+1), 1)
	p := start(t, Options{Services: []string{"backend"}}, file)
	if words := p.open().Outage(t.Context()); !strings.Contains(words, "published ports") {
		t.Errorf("Outage: %q", words)
	}
	unit := p.units()[0]
	_ = p.publish(change(newKey, oldKey).Values)
	if err := p.open().Deploy(t.Context(), unit, change(newKey, oldKey)); err != nil {
		t.Fatal(err)
	}
	p.expectTwoNew(unit)
}

// freePorts finds two free neighbours.
func freePorts(t *testing.T) int {
	for range 50 {
		a, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.Addr().(*net.TCPAddr).Port
		b, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		_ = a.Close()
		if err == nil {
			_ = b.Close()
			return port
		}
	}
	t.Fatal("no two free ports")
	return 0
}
