package redis_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// seconds lets n whole seconds pass on the server's clock: ages are counted in them.
func (a *account) seconds(t testing.TB, n int) {
	t.Helper()
	now := func() string { return a.do(t, "TIME").([]any)[0].(string) }
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for last := now(); n > 0; {
		<-every.C
		if text := now(); text != last {
			n, last = n-1, text
		}
	}
}

// busy keeps a session from resting until the end of the test or of the session.
func busy(t testing.TB, c *client) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			if _, err := c.Do(ctx, "PING"); err != nil {
				return
			}
			select {
			case <-every.C:
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
}

// there says whether the server still has the session.
func (a *account) there(t testing.TB, c *client) bool {
	t.Helper()
	return strings.Contains(a.do(t, "CLIENT", "LIST").(string), " addr="+c.LocalAddr().String()+" ")
}

func (a *account) passwords(t testing.TB, name string) (words, marks int) {
	t.Helper()
	all, _, err := a.entries(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		if strings.HasPrefix(entry, markHead) {
			marks++
		} else {
			words++
		}
	}
	return words, marks
}

// TestOldSessionsEndByAge: with two passwords of one user, whose sessions nobody can
// tell apart but by their age.
func TestOldSessionsEndByAge(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	old, oldBusy, oldWaiting := a.connect(t, first), a.connect(t, first), a.connect(t, first)
	busy(t, oldBusy)
	a.waiting(t, oldWaiting)
	a.seconds(t, 2)
	second := rotate(t, p, first)
	if words, marks := a.passwords(t, a.opts.User); words != 2 || marks != 1 {
		t.Errorf("while both live: %d passwords, %d marks", words, marks)
	}
	late, resting, waiting := a.connect(t, first), a.connect(t, second), a.connect(t, second)
	a.waiting(t, waiting)
	a.seconds(t, 2)
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*client{"resting": old, "busy": oldBusy, "waiting": oldWaiting} {
		if a.there(t, c) {
			t.Errorf("older, %s: outlived Revoke", name)
		}
	}
	for name, c := range map[string]*client{"opened late with the old password": late, "resting": resting, "waiting": waiting} {
		if !a.there(t, c) {
			t.Errorf("younger, %s: was ended", name)
		}
	}
	if words, marks := a.passwords(t, a.opts.User); words != 1 || marks != 0 {
		t.Errorf("afterwards: %d passwords, %d marks", words, marks)
	}
	// again, as after a crash at the very end: nobody is touched any more, whatever the policy
	a.opts.EndSessions = "all"
	if err := a.open(t, "").Revoke(t.Context(), first.Handle); err != nil || !a.there(t, resting) {
		t.Errorf("a second Revoke: %v, session there: %v", err, a.there(t, resting))
	}
}

// TestABrokenOffRevokeIsFinished: the password is gone, its sessions are not.
func TestABrokenOffRevokeIsFinished(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	old := a.connect(t, first)
	busy(t, old)
	a.seconds(t, 2)
	rotate(t, p, first)
	a.setUser(t, a.opts.User, "!"+first.Handle.ID)
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	if a.there(t, old) {
		t.Error("the old session lives on")
	}
	if words, marks := a.passwords(t, a.opts.User); words != 1 || marks != 0 {
		t.Errorf("%d passwords, %d marks", words, marks)
	}
}

// TestARolledBackValueTakesNoInnocentSessions: those that are older than it.
func TestARolledBackValueTakesNoInnocentSessions(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	a.opts.EndSessions = "all"
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	innocent := a.connect(t, first)
	a.seconds(t, 2)
	second := rotate(t, p, first)
	guilty := a.connect(t, second)
	a.seconds(t, 2)
	if err := p.Revoke(t.Context(), second.Handle); err != nil {
		t.Fatal(err)
	}
	if !a.there(t, innocent) || a.there(t, guilty) {
		t.Errorf("the old value's session there: %v, the new one's: %v", a.there(t, innocent), a.there(t, guilty))
	}
	if words, marks := a.passwords(t, a.opts.User); words != 1 || marks != 0 {
		t.Errorf("%d passwords, %d marks", words, marks)
	}
	if live, err := p.Probe(t.Context(), first); live != provider.Alive {
		t.Errorf("%s, %v", live, err)
	}
}

// TestEndSessions: what the option makes of a session that is not older than the new
// password.
func TestEndSessions(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]bool{"all": false, "none": true} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, rotation.Overlap, false)
			a.opts.EndSessions = policy
			p := a.open(t, "")
			first := rotate(t, p, provider.Issued{})
			second := rotate(t, p, first)
			c, waiting := a.connect(t, first), a.connect(t, second)
			busy(t, c)
			a.waiting(t, waiting)
			if err := p.Revoke(t.Context(), first.Handle); err != nil {
				t.Fatal(err)
			}
			if a.there(t, c) != want || a.there(t, waiting) != want {
				t.Errorf("busy there: %v, waiting there: %v, want %v", a.there(t, c), a.there(t, waiting), want)
			}
		})
	}
}

// waiting lets the session wait for data that never comes.
func (a *account) waiting(t testing.TB, c *client) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() { _, _ = c.Do(context.Background(), "BLPOP", a.prefix+"none", "0") })
	t.Cleanup(func() { c.Close(); done.Wait() })
	waitUntil(t, func() bool {
		for line := range strings.Lines(a.do(t, "CLIENT", "LIST").(string)) {
			if strings.Contains(line, " addr="+c.LocalAddr().String()+" ") && strings.Contains(line, "cmd=blpop") {
				return true
			}
		}
		return false
	})
}

// TestTheLastPasswordTakesAllSessions: without a password nobody can be the user.
func TestTheLastPasswordTakesAllSessions(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, false)
	a.opts.EndSessions = "none"
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	c := a.connect(t, v)
	busy(t, c)
	if err := p.Revoke(t.Context(), v.Handle); err != nil || a.there(t, c) {
		t.Errorf("%v, session there: %v", err, a.there(t, c))
	}
}

// TestAlternateEndsTheRightSessions: all of the old user, none of the new one.
func TestAlternateEndsTheRightSessions(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	p := a.open(t, "")
	var old provider.Issued
	for n := range 4 {
		v := rotate(t, p, old)
		if want := a.opts.Users[n%2]; v.Handle.Slot != want {
			t.Fatalf("generation %d is %s, want %s", n+1, v.Handle.Slot, want)
		}
		now := a.connect(t, v)
		busy(t, now)
		if n > 0 {
			before := a.connect(t, old)
			busy(t, before)
			if err := p.Revoke(t.Context(), old.Handle); err != nil {
				t.Fatal(err)
			}
			if a.there(t, before) || !a.there(t, now) {
				t.Errorf("generation %d: old there %v, new there %v", n+1, a.there(t, before), a.there(t, now))
			}
			if err := p.Revoke(t.Context(), old.Handle); err != nil || !a.there(t, now) {
				t.Errorf("again: %v", err)
			}
		}
		old = v
	}
	list := a.do(t, "ACL", "LIST").([]any)
	var rules []string
	for _, line := range list {
		fields := strings.Fields(line.(string))
		if slices.Contains(a.opts.Users, fields[1]) {
			rules = append(rules, strings.Join(slices.DeleteFunc(fields[2:], func(w string) bool { return w == "on" || w == "off" || w[0] == '#' }), " "))
		}
	}
	if len(rules) != 2 || rules[0] != rules[1] || !strings.Contains(rules[0], "(~sel:*") {
		t.Errorf("the rules differ: %q", rules)
	}
}

// TestRevokeLeavesALaterValueAlone: the slot has been used again since.
func TestRevokeLeavesALaterValueAlone(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	second := rotate(t, p, first)
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	third := rotate(t, p, second)
	c := a.connect(t, third)
	if err := p.Revoke(t.Context(), first.Handle); err != nil || !a.there(t, c) {
		t.Errorf("%v, the new session there: %v", err, a.there(t, c))
	}
	if err := p.Verify(t.Context(), third); err != nil {
		t.Error(err)
	}
}

// TestReplicasAreLeftAlone: a replica that copies as the user is refused beforehand, and
// never ended.
func TestReplicasAreLeftAlone(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{}, rotation.Overlap)
	p := a.open(t, "")
	v := rotate(t, p, provider.Issued{})
	a.setUser(t, a.opts.User, "+psync", "+replconf")
	replica := startReplica(t, a, a.opts.User, v.Values["password"].Reveal())
	a.opts.OtherNodes = "ignore"
	p = a.open(t, "")
	wantRefusal(t, p.Preflight(t.Context(), provider.Request{Current: v.Handle}), "copies from the server as user")
	issue(t, p, v)
	a.opts.EndSessions = "all"
	if err := a.open(t, "").Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	if info, _ := replica.Do(t.Context(), "INFO", "replication"); !strings.Contains(info.(string), "master_link_status:up") {
		t.Error("the replica was cut off")
	}
}
