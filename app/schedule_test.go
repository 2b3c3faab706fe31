package app_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/rotation"
)

func TestScheduleFollowsThePolicyAndTheJournal(t *testing.T) {
	folder(t, map[string]string{".env": "API_TOKEN=old-value-0123456789\n", "rotor.yaml": plain})
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	clock := func() rotation.Instant {
		return rotation.Instant{Wall: now, Boot: now.Sub(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)), BootID: "b"}
	}
	a := open(t, app.Options{Now: clock})
	ctx := context.Background()
	due := func() []engine.Request {
		t.Helper()
		reqs, _, err := a.Schedule(ctx, clock())
		if err != nil {
			t.Fatal(err)
		}
		return reqs
	}
	if got := due(); len(got) != 1 || got[0].Mode != rotation.Scheduled {
		t.Fatalf("never rotated: %v", got)
	}
	rep, err := a.Inline().Start(ctx, due()[0])
	if err != nil || rep.Record.Status != rotation.Done {
		t.Fatalf("%v %v", rep.Record.Status, err)
	}
	_, next, err := a.Schedule(ctx, clock())
	if err != nil || len(due()) != 0 || next < 88*24*time.Hour || next > 90*24*time.Hour {
		t.Errorf("just rotated: due %v, next in %v", due(), next)
	}
	now = now.AddDate(0, 3, 0)
	if len(due()) != 1 {
		t.Fatal("a quarter later it is not due")
	}
	// one that went wrong is not tried again at once
	if err := os.WriteFile(".env", []byte("API_TOKEN=\"torn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rep, err = a.Inline().Start(ctx, due()[0]); err != nil || rep.Record.Status != rotation.Failed {
		t.Fatalf("%v %v", rep.Record.Status, err)
	}
	if _, next, err = a.Schedule(ctx, clock()); err != nil || len(due()) != 0 || next != time.Hour {
		t.Errorf("after a failure: due %v, next in %v, %v", due(), next, err)
	}
	now = now.Add(time.Hour)
	if len(due()) != 1 {
		t.Error("an hour later it is not tried again")
	}
}

func TestServeSpreadsWhatIsNew(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\ndefaults: {owner: Platform, every: quarterly}\nstores:\n  dotenv: {type: dotenv, path: .env}\ncredentials:\n")
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		b.WriteString("  " + n + ":\n    provider: {type: generated}\n    targets: [{store: dotenv, key: K" + n + "}]\n")
	}
	folder(t, map[string]string{"rotor.yaml": b.String()})
	now := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	a := open(t, app.Options{Now: func() rotation.Instant { return rotation.Instant{Wall: now, Boot: time.Hour, BootID: "b"} }})
	reqs, next, err := a.ServeSchedule(t.Context(), a.Now())
	if err != nil || len(reqs) == 6 || next <= 0 {
		t.Fatalf("at once: %d, next %v, %v", len(reqs), next, err)
	}
	now = now.Add(24 * time.Hour)
	if reqs, _, err = a.ServeSchedule(t.Context(), a.Now()); err != nil || len(reqs) != 6 {
		t.Errorf("a day later: %d of 6, %v", len(reqs), err)
	}
}
