package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
)

// After a rotation that failed, or two that were turned back, a scheduled one is
// not tried again at once: the first waits this long, and the second (the
// engine's own rule) for a person.
const afterFailure = time.Hour

// Schedule is the policy's word for runner/local: whose scheduled rotation may
// start now, the longest overdue first, and when to ask again.
func (a *App) Schedule(ctx context.Context, now rotation.Instant) (due []engine.Request, next time.Duration, err error) {
	if a.Config() == nil || a.Trusted() != nil {
		return nil, 0, a.Trusted()
	}
	all, err := a.Standings(ctx)
	if err != nil {
		return nil, 0, err
	}
	var ripe []Standing
	sooner := func(at time.Time) {
		if left := at.Sub(now.Wall); left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	for _, s := range all {
		if !s.InConfig || s.Schedule.Next.IsZero() || len(s.Known.OpenOf(rotation.KindRotation)) > 0 || s.Known.RolledBack >= 2 {
			continue
		}
		if !s.Schedule.Ripe {
			sooner(s.Schedule.Next)
			continue
		}
		if again, ok := a.notBefore(ctx, s); ok && again.After(now.Wall) {
			sooner(again)
			continue
		}
		ripe = append(ripe, s)
	}
	return requests(ripe), next, nil
}

func requests(ripe []Standing) []engine.Request {
	byUrgency(ripe)
	out := make([]engine.Request, 0, len(ripe))
	for _, s := range ripe {
		out = append(out, engine.Request{Credential: s.Name, Mode: rotation.Scheduled, Actor: "schedule",
			Reason: string(s.Schedule.State)})
	}
	return out
}

// notBefore: the last rotation went wrong, so the next one waits.
func (a *App) notBefore(ctx context.Context, s Standing) (time.Time, bool) {
	if s.Known.LastStatus == "" || s.Known.LastStatus == rotation.Done {
		return time.Time{}, false
	}
	records, err := a.Journal.History(ctx, s.Name, 5)
	if err != nil {
		return time.Time{}, false
	}
	for _, r := range records {
		if r.Kind == rotation.KindRotation {
			return r.Created.Wall.Add(afterFailure), true
		}
	}
	return time.Time{}, false
}

// firstSeen says when serve first met the credentials: a fleet that was never
// rotated is spread over a day instead of all starting at once. Without that
// memory, or without serve, they are due at once.
func (a *App) firstSeen() map[string]time.Time {
	seen := map[string]time.Time{}
	if text, err := os.ReadFile(filepath.Join(a.StateDir, seenFile)); err == nil {
		_ = json.Unmarshal(text, &seen) // damaged: nothing is remembered
	}
	return seen
}

const seenFile = "first-seen.json"

// meet remembers credentials that are new.
func (a *App) meet(now time.Time) {
	seen, grown := a.firstSeen(), false
	for _, c := range a.Config().Credentials {
		if _, ok := seen[c.Name]; !ok {
			seen[c.Name], grown = now.UTC().Truncate(time.Second), true
		}
	}
	if !grown {
		return
	}
	if text, err := json.Marshal(seen); err == nil {
		_ = renameio.WriteFile(filepath.Join(a.StateDir, seenFile), text, 0o600)
	}
}

// ServeSchedule is Schedule for a process that stays: it spreads credentials
// that are new to it.
func (a *App) ServeSchedule(ctx context.Context, now rotation.Instant) ([]engine.Request, time.Duration, error) {
	if a.Config() != nil {
		a.meet(now.Wall)
	}
	return a.Schedule(ctx, now)
}
