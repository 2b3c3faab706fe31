package policy

import (
	"strings"
	"testing"
	"time"
)

func mustTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func mustZone(t *testing.T, name string) Zone {
	t.Helper()
	z, err := ParseZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func mustEvery(t *testing.T, text string) Every {
	t.Helper()
	e, err := ParseEvery(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return e
}

func TestEveryEndsOnTheCalendar(t *testing.T) {
	for _, c := range []struct{ every, zone, last, want string }{
		{"quarterly", "UTC", "2026-01-15T10:00:00Z", "2026-04-15T10:00:00Z"},
		{"quarterly", "UTC", "2025-11-30T10:00:00Z", "2026-02-28T10:00:00Z"}, // clamped
		{"monthly", "UTC", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z"},   // leap year
		{"monthly", "UTC", "2026-12-31T10:00:00Z", "2027-01-31T10:00:00Z"},
		{"annually", "UTC", "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z"},
		{"weekly", "UTC", "2026-12-28T10:00:00Z", "2027-01-04T10:00:00Z"},
		{"90d", "UTC", "2026-01-01T10:00:00Z", "2026-04-01T10:00:00Z"},
		{"2w", "UTC", "2026-01-01T10:00:00Z", "2026-01-15T10:00:00Z"},
		{"12h", "UTC", "2026-01-01T10:00:00Z", "2026-01-01T22:00:00Z"},
		// the clock of Berlin goes forward on 2026-03-29 and back on 2026-10-25
		{"daily", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00"},
		{"daily", "Europe/Berlin", "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00"}, // 02:30 does not exist
		{"daily", "Europe/Berlin", "2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"}, // exists twice: the first
		{"quarterly", "Europe/Berlin", "2026-01-15T09:00:00+01:00", "2026-04-15T09:00:00+02:00"},
		{"24h", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"}, // a span is exact
		{"daily", "America/New_York", "2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"daily", "America/New_York", "2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00"},
		// cron
		{"30 3 1 * *", "UTC", "2026-01-15T10:00:00Z", "2026-02-01T03:30:00Z"},
		{"0 0 31 * *", "UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"},
		{"30 2 29 3 *", "Europe/Berlin", "2025-06-01T00:00:00Z", "2026-03-29T03:00:00+02:00"}, // a yearly tick is not lost to the gap
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		{"0 9 * * MON", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-06T09:00:00-04:00"},
	} {
		t.Run(c.every+" "+c.last, func(t *testing.T) {
			got, ok := mustEvery(t, c.every).after(mustTime(t, c.last), mustZone(t, c.zone).Location())
			if want := mustTime(t, c.want); !ok || !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNeverHasNoEnd(t *testing.T) {
	for _, e := range []Every{{}, mustEvery(t, "never"), mustEvery(t, " Never ")} {
		if end, ok := e.after(mustTime(t, "2026-01-01T00:00:00Z"), time.UTC); ok || !e.IsNever() {
			t.Errorf("%v ends at %v", e, end)
		}
	}
	if mustEvery(t, "never").IsZero() || !(Every{}).IsZero() {
		t.Error("the word never must be told from nothing said")
	}
}

func TestEveryRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                "not a schedule",
		"hourly":          "not a schedule",
		"90":              "not a schedule",
		"0d":              "between 1 and 3660",
		"9999d":           "between 1 and 3660",
		"30s":             "at least a minute",
		"-3h":             "not a schedule",
		"1 2 3":           "has five fields",
		"* * * * * *":     "has five fields",
		"61 * * * *":      "not a cron line",
		"0 0 30 2 *":      "never comes",
		"99999999999999d": "not a schedule",
	} {
		if e, err := ParseEvery(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want an error with %q", text, e, err, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"48h": 48 * time.Hour, "2d": 48 * time.Hour, "90d": 90 * day, "2w": 14 * day, "1h30m": 90 * time.Minute, "0s": 0, "5m": 5 * time.Minute,
	} {
		got, err := ParseSpan(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if back, err := ParseSpan(FormatSpan(got)); err != nil || back != got {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, FormatSpan(got), back, err)
		}
	}
	for _, text := range []string{"", "5", "0", "-1h", "1y", "d", "40000d", "1e9h", "99999999w", "2d3h"} {
		if got, err := ParseSpan(text); err == nil {
			t.Errorf("%q reads as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{90 * day: "90d", 2 * day: "48h", 5 * time.Minute: "5m", 90 * time.Second: "1m30s", 36 * time.Hour: "36h", 0: "0s"} {
		if got := FormatSpan(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"quarterly", "90d", "12h", "*/5 3 1 * *", "Mon-Fri 09:00-17:00 Europe/Berlin", "22:00-04:00", "12-20..01-03", "2026-12-24", "0 0 L * 5#2", "02-29"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if e, err := ParseEvery(text); err == nil {
			again, err := ParseEvery(e.String())
			if err != nil || again != e {
				t.Fatalf("%q is written %q, which reads as %v, %v", text, e, again, err)
			}
			if end, ok := e.after(from, time.UTC); ok && !end.After(from) {
				t.Fatalf("%q ends before it begins: %v", text, end)
			}
		}
		if w, err := ParseWindow(text); err == nil {
			if at, ok := w.opening(from, Zone{}); !ok || at.Before(from) {
				t.Fatalf("window %q opens at %v, %v", text, at, ok)
			}
		}
		if z, err := ParseFreeze(text); err == nil {
			if end, in := z.thaw(from, time.UTC); in && !end.After(from) {
				t.Fatalf("freeze %q ends at %v", text, end)
			}
		}
	})
}
