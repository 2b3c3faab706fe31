package local

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/rotation"
)

const (
	remindAgain = 24 * time.Hour // of the same record
	remindLook  = time.Hour
)

// remind writes into the log, once a day each, which records wait for a person: a
// question that was asked weeks ago is forgotten otherwise. It says how long it will
// be until the next look.
func (t *turn) remind(ctx context.Context, now rotation.Instant) time.Duration {
	if t.once { // its caller is told at the end
		return 0
	}
	if now.Boot < t.lookedAt+remindLook && t.lookedAt > 0 {
		return t.lookedAt + remindLook - now.Boot
	}
	open, err := t.o.Inline.Journal.Unfinished(ctx)
	if err != nil {
		return remindLook // whoever looks for work reports it
	}
	t.lookedAt = now.Boot
	still := map[string]time.Duration{}
	for _, r := range open {
		if r.Status != rotation.Asking && r.Status != rotation.Stuck {
			continue
		}
		last, told := t.reminded[r.ID]
		if told && now.Boot < last+remindAgain {
			still[r.ID] = last
			continue
		}
		still[r.ID] = now.Boot
		since, why := t.asked(ctx, r)
		t.o.Log.WarnContext(ctx, "waits for a person", "credential", r.Credential, "rotation", r.ID,
			"status", r.Status, "for", now.Wall.Sub(since).Round(time.Minute).String(), "note", why)
	}
	t.reminded = still
	return remindLook
}

// asked says since when a record waits for a person, and for what.
func (t *turn) asked(ctx context.Context, r rotation.Record) (since time.Time, why string) {
	_, events, err := t.o.Inline.Journal.Load(ctx, r.ID)
	if err != nil || len(events) == 0 {
		return r.Created.Wall, ""
	}
	last := events[len(events)-1]
	return last.At.Wall, last.Note
}
