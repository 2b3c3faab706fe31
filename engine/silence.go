package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// lookEvery is how often a provider that reports use is asked during a grace:
// no session at one moment says nothing about a nightly job.
func lookEvery(grace time.Duration) time.Duration {
	return max(grace/24, min(time.Minute, grace/8))
}

// silentFor is how long the old value must have been unused when it is ended on
// the strength of use reports alone.
func (r *run) silentFor() time.Duration { return r.Grace / 2 }

// lookAround notes who uses the old value, in the middle of its grace. A look
// that fails says nothing: the next one will.
func (e *Engine) lookAround(ctx context.Context, r *run, task rotation.Task, wait rotation.Wait) rotation.Event {
	ev := e.event(rotation.Pause, task)
	ev.Status, ev.Note = rotation.Waiting, "grace"
	passed := wait.For - (rotation.Wait{Since: wait.Since, For: wait.For}).Left(ev.At)
	wait.Look = passed + lookEvery(wait.For)
	ev.Wake = &wait
	if seen, err := e.inUse(ctx, r); err == nil && seen.known {
		ev.Facts = &rotation.Facts{InUse: seen.who}
	}
	return ev
}

// sighting is what is known of the old value's use at one moment.
type sighting struct {
	known bool      // somebody could tell
	who   []string  // uses it now
	last  time.Time // when it was used last, where that is reported; zero: never, or nobody says

	silence time.Duration // nobody uses it, but that must go on for so long
}

// inUse asks the provider, and the acceptors that see their clients.
func (e *Engine) inUse(ctx context.Context, r *run) (sighting, error) {
	g, _ := r.known.Get(r.Generation)
	if r.overwritten(g.Handle) {
		return sighting{}, nil // its sessions are the living value's
	}
	seen, idle, err := e.present(ctx, r)
	u, ok := provider.As[provider.UsageReporter](r.cred.Provider)
	if err != nil || !ok || g.Handle.IsZero() {
		return seen, err
	}
	usage, err := u.Usage(ctx, g.Handle)
	if err != nil || !usage.Known {
		return seen, err
	}
	seen.known = true
	if usage.Sessions != nil {
		usage = without(usage, idle)
	} else {
		seen.last = usage.LastUsed
	}
	if usage.Active > 0 {
		what := "sessions"
		if usage.Active == 1 {
			what = "session"
		}
		seen.who = append(seen.who, fmt.Sprintf("%d %s (%s)", usage.Active, what, strings.Join(usage.Who, ", ")))
	}
	return seen, nil
}

// without leaves out sessions that an acceptor keeps open for nobody: they end with
// the login.
func without(u provider.Usage, idle []string) provider.Usage {
	out := provider.Usage{Known: u.Known}
	for _, s := range u.Sessions {
		if slices.Contains(idle, s.ID) {
			continue
		}
		out.Active++
		if !slices.Contains(out.Who, s.Who) {
			out.Who = append(out.Who, s.Who)
		}
	}
	return out
}

// present asks the acceptors that see their clients (PgBouncer). idle are the
// sessions that they keep open at the provider for nobody.
func (e *Engine) present(ctx context.Context, r *run) (seen sighting, idle []string, err error) {
	watches := func(c Consumer) bool { _, ok := c.Consumer.(consumer.Watcher); return ok }
	acceptors := r.cred.presenters(rotation.Retire)
	if !slices.ContainsFunc(acceptors, watches) {
		return seen, nil, nil
	}
	old, err := e.leavers(ctx, r)
	if err != nil || len(old.Values) == 0 {
		return seen, nil, err
	}
	for _, c := range acceptors {
		w, ok := c.Consumer.(consumer.Watcher)
		if !ok {
			continue
		}
		units, err := c.Units(ctx)
		if err != nil {
			return seen, nil, err
		}
		for _, unit := range units {
			p, err := w.Present(ctx, unit, old)
			if err != nil {
				return seen, nil, err
			}
			if !p.Blind {
				seen.known, seen.who, idle = true, append(seen.who, p.Who...), append(idle, p.Idle...)
			}
		}
	}
	return seen, idle, nil
}

// leavers is what the acceptors' paths hold of the ending generation and will not
// hold without it: the user names that go.
func (e *Engine) leavers(ctx context.Context, r *run) (consumer.Change, error) {
	g, _ := r.known.Get(r.Generation)
	out := consumer.Change{Credential: r.Credential, Generation: g.N, Fingerprint: g.Fingerprint, Values: secret.Set{}}
	ending, err := e.values(ctx, r, r.Generation)
	if err != nil || len(ending) == 0 {
		return out, err
	}
	living, err := e.values(ctx, r, r.successor())
	if err != nil {
		return out, err
	}
	targets := r.cred.targets(rotation.Retire)
	stale, err := render(targets, ending, nil)
	if err != nil {
		return out, err
	}
	kept := secret.Set{}
	if len(living) > 0 {
		if kept, err = render(targets, living, nil); err != nil {
			return out, err
		}
	}
	for key, v := range stale {
		if _, ok := kept[key]; !ok {
			out.Values[key] = v
		}
	}
	return out, nil
}

// notYetSilent says when the old value was last seen in use, and how much silence
// is lacking; "" if that is long enough ago.
func (e *Engine) notYetSilent(ctx context.Context, r *run, seen sighting) (when string, lacking time.Duration) {
	if seeded.Bug("one-look-is-silence") {
		return "", 0
	}
	now := e.Now()
	wall := now.Wall
	if !seen.last.IsZero() {
		if t := r.outsideClock(ctx); t != nil {
			wall = *t // nearer to the clock that dated the use
		}
	}
	// not compared with dates of our own: this clock may have been wrong when they were noted
	if ago := wall.Sub(seen.last); !seen.last.IsZero() && ago < r.silentFor() {
		return fmt.Sprintf("used %s ago", ago.Round(time.Second)), r.silentFor() - ago
	}
	last, ok := r.Last(func(ev rotation.Event) bool { return ev.Facts != nil && len(ev.Facts.InUse) > 0 })
	quiet := rotation.Wait{Since: last.At, For: r.silentFor()}
	if !ok || quiet.Ripe(now) {
		return "", 0
	}
	left := quiet.Left(now)
	return fmt.Sprintf("%s, seen %s ago", strings.Join(last.Facts.InUse, ", "), (quiet.For - left).Round(time.Second)), left
}
