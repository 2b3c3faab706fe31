package policy

import (
	"strings"
	"testing"
)

func mustPolicy(t *testing.T, every, zone string, windows, freezes []string) Policy {
	t.Helper()
	p := Default()
	p.Every, p.Zone = mustEvery(t, every), mustZone(t, zone)
	for _, text := range windows {
		w, err := ParseWindow(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		p.Windows = append(p.Windows, w)
	}
	for _, text := range freezes {
		f, err := ParseFreeze(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		p.Freezes = append(p.Freezes, f)
	}
	return p
}

func TestNextPermittedStart(t *testing.T) {
	office := []string{"Mon-Fri 09:00-17:00 Europe/Berlin"}
	night := []string{"Fri 22:00-04:00"}
	for _, c := range []struct {
		name, zone       string
		windows, freezes []string
		from, want       string
	}{
		{"no window", "UTC", nil, nil, "2026-07-01T03:00:00Z", "2026-07-01T03:00:00Z"},
		{"inside", "UTC", office, nil, "2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"},
		{"at its first instant", "UTC", office, nil, "2026-07-01T07:00:00Z", "2026-07-01T07:00:00Z"},
		{"its end is outside", "UTC", office, nil, "2026-07-01T15:00:00Z", "2026-07-02T07:00:00Z"},
		{"over the weekend", "UTC", office, nil, "2026-07-03T16:00:00Z", "2026-07-06T07:00:00Z"},
		{"winter time", "UTC", office, nil, "2026-12-01T04:00:00Z", "2026-12-01T08:00:00Z"},
		{"over midnight, next day", "UTC", night, nil, "2026-07-04T03:00:00Z", "2026-07-04T03:00:00Z"},
		{"over midnight, after it", "UTC", night, nil, "2026-07-04T04:00:00Z", "2026-07-10T22:00:00Z"},
		{"days across the week's end", "UTC", []string{"Sat-Mon 00:00-24:00"}, nil, "2026-07-05T12:00:00Z", "2026-07-05T12:00:00Z"},
		{"the earlier of two windows", "UTC", []string{"Thu 10:00-11:00", "Wed 22:00-23:00"}, nil, "2026-07-01T12:00:00Z", "2026-07-01T22:00:00Z"},
		{"a window that the clock change swallows", "Europe/Berlin", []string{"Sun 02:00-03:00"}, nil, "2026-03-28T12:00:00Z", "2026-04-05T00:00:00Z"},
		{"freeze, both days included", "UTC", nil, []string{"2026-12-20..2027-01-03"}, "2026-12-20T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"before a freeze", "UTC", nil, []string{"2026-12-20..2027-01-03"}, "2026-12-19T23:59:59Z", "2026-12-19T23:59:59Z"},
		{"every year, across its end", "UTC", nil, []string{"12-20..01-03"}, "2031-01-02T10:00:00Z", "2031-01-04T00:00:00Z"},
		{"one day of every year", "UTC", nil, []string{"02-29"}, "2028-02-29T10:00:00Z", "2028-03-01T00:00:00Z"},
		{"a freeze in the policy's zone", "Europe/Berlin", nil, []string{"2026-07-01"}, "2026-06-30T22:30:00Z", "2026-07-01T22:00:00Z"},
		{"window after freeze", "UTC", office, []string{"2026-07-01..2026-07-03"}, "2026-07-01T10:00:00Z", "2026-07-06T07:00:00Z"},
		{"two freezes that touch", "UTC", nil, []string{"2026-07-03..2026-07-04", "2026-07-01..2026-07-02"}, "2026-07-01T10:00:00Z", "2026-07-05T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustPolicy(t, "daily", c.zone, c.windows, c.freezes)
			got, ok := p.Next(mustTime(t, c.from))
			if want := mustTime(t, c.want); !ok || !got.Equal(want) {
				t.Errorf("got %v (%v), want %v", got.UTC(), ok, want)
			}
		})
	}
}

func TestPolicyThatNeverOpensIsRefused(t *testing.T) {
	p := mustPolicy(t, "daily", "UTC", nil, []string{"01-01..06-30", "07-01..12-31"})
	if err := p.Check(); err == nil {
		t.Error("two freezes cover the year, but the policy passes")
	}
	p.Every = Every{}
	if err := p.Check(); err != nil {
		t.Errorf("a policy of never needs no opening: %v", err)
	}
	if err := mustPolicy(t, "daily", "UTC", []string{"Sun 02:00-03:00"}, []string{"12-20..01-03"}).Check(); err != nil {
		t.Error(err)
	}
}

func TestWindowRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "not a window", "Mon-Fri": "not a window", "Monday 09:00-17:00": "a day is written",
		"09:00": "two times", "09:00-09:00": "open for some time", "24:00-03:00": "open for some time",
		"9-17": "a day is written", "25:00-26:00": "time of day", "09:60-10:00": "time of day",
		"09:00-17:00 Mars/Base": "no time zone", "09:00-17:00 Local": "named like", "Mon 09:00-17:00 UTC extra": "not a window",
	} {
		if w, err := ParseWindow(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want an error with %q", text, w, err, want)
		}
	}
}

func TestFreezeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "not a freeze", "Christmas": "not a freeze", "2026-02-30": "not a freeze",
		"2026-12-20..01-03": "at both ends", "2027-01-03..2026-12-20": "ends before",
		"01-01..12-31": "whole year", "07-01..06-30": "whole year",
	} {
		if f, err := ParseFreeze(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want an error with %q", text, f, err, want)
		}
	}
}
