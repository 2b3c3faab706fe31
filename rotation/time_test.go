package rotation

import (
	"testing"
	"time"
)

var start = Instant{Wall: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Boot: time.Hour, BootID: "a"}

func TestGuardedWait(t *testing.T) {
	at := func(wall, boot time.Duration, id string) Instant {
		return Instant{Wall: start.Wall.Add(wall), Boot: boot, BootID: id}
	}
	clock := func(d time.Duration) *time.Time { o := start.Wall.Add(d); return &o }
	w := Wait{Since: start, For: 48 * time.Hour, Guarded: true, Witness: start.Wall}
	for name, c := range map[string]struct {
		now     Instant
		latest  time.Duration
		outside *time.Time
		wait    Wait
		want    Ending
	}{
		"same boot, early":                {now: at(47*time.Hour, 48*time.Hour, "a"), want: NotOver},
		"same boot, passed":               {now: at(48*time.Hour, 49*time.Hour, "a"), want: Over},
		"same boot, clock set forward":    {now: at(500*time.Hour, 2*time.Hour, "a"), want: NotOver},
		"same boot, clock set back":       {now: at(-500*time.Hour, 49*time.Hour, "a"), want: Over},
		"rebooted, clocks agree":          {now: at(49*time.Hour, 0, "b"), outside: clock(49 * time.Hour), want: Over},
		"rebooted, no outside clock":      {now: at(49*time.Hour, 0, "b"), want: StartOver},
		"rebooted, wall clock ahead":      {now: at(49*time.Hour, 0, "b"), outside: clock(24 * time.Hour), want: StartOver},
		"rebooted, wall clock behind":     {now: at(2*time.Hour, 0, "b"), outside: clock(49 * time.Hour), want: NotOver},
		"rebooted, before what was noted": {now: at(49*time.Hour, 0, "b"), latest: 50 * time.Hour, outside: clock(49 * time.Hour), want: NotOver},
		"rebooted, begun on a wrong clock": {now: at(49*time.Hour, 0, "b"), outside: clock(49 * time.Hour),
			wait: Wait{Since: start, For: 48 * time.Hour, Guarded: true, Witness: start.Wall.Add(25 * time.Hour)}, want: NotOver},
		"rebooted, begun without witness": {now: at(49*time.Hour, 0, "b"), outside: clock(49 * time.Hour),
			wait: Wait{Since: start, For: 48 * time.Hour, Guarded: true}, want: StartOver},
		"rebooted, nothing at stake": {now: at(49*time.Hour, 0, "b"),
			wait: Wait{Since: start, For: 48 * time.Hour}, want: Over},
	} {
		if c.wait.For == 0 {
			c.wait = w
		}
		if got := c.wait.Check(c.now, start.Wall.Add(c.latest), c.outside); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestLabels(t *testing.T) {
	for _, l := range []Label{
		{"abc123", 1, "db", 1, 1},
		{"abc123", 99, "a-very-long-credential-name-indeed", 9999, 99},
		{"abc123", 3, "Grossbuchstaben.und.Punkte", 12, 2},
	} {
		text := l.String()
		if len(text) > MaxLabel {
			t.Errorf("%s is %d long", text, len(text))
		}
		for _, c := range text {
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				t.Errorf("%s contains %q", text, c)
			}
		}
		g, a, ok := Numbers(text, l.Prefix())
		if !ok || g != l.Generation || a != l.Attempt {
			t.Errorf("%s reads back as %d %d %v", text, g, a, ok)
		}
	}
	one := Label{"abc123", 1, "db", 1, 1}
	other := Label{"abc123", 1, "db-replica", 1, 1}
	if _, _, ok := Numbers(other.String(), one.Prefix()); ok {
		t.Error("a label is taken for that of a credential whose name it begins with")
	}
	if _, _, ok := Numbers(one.String(), (Label{"abc123", 2, "db", 1, 1}).Prefix()); ok {
		t.Error("a label of an earlier epoch counts as this epoch's")
	}
}
