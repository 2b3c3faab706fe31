package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestStates(t *testing.T) {
	quarterly := mustPolicy(t, "quarterly", "UTC", nil, nil)
	never := mustPolicy(t, "never", "UTC", nil, nil)
	onExpiry := never
	onExpiry.On = []Occasion{Expiry}
	paused := quarterly
	paused.Paused = true
	weekdays := mustPolicy(t, "quarterly", "UTC", []string{"Mon-Fri 09:00-17:00"}, nil)
	cron := mustPolicy(t, "0 3 1 * *", "UTC", nil, nil)

	at := func(text string) time.Time { return mustTime(t, text) }
	rotated := Facts{Name: "database", Rotated: at("2026-01-15T10:00:00Z")} // limit 2026-04-15T10:00
	expires := Facts{Name: "key", Rotated: at("2026-01-01T00:00:00Z"), Expires: at("2026-12-31T00:00:00Z")}
	for _, c := range []struct {
		name string
		p    Policy
		f    Facts
		now  string
		want State
		ripe bool
	}{
		{"young", quarterly, rotated, "2026-02-01T00:00:00Z", OK, false},
		{"in its last week", quarterly, rotated, "2026-04-09T00:00:00Z", DueSoon, false},
		{"at its limit", quarterly, rotated, "2026-04-15T10:00:00Z", Due, true},
		{"a day later", quarterly, rotated, "2026-04-16T10:00:01Z", Overdue, true},
		{"waits for its window", weekdays, Facts{Name: "x", Rotated: at("2026-01-18T10:00:00Z")}, "2026-04-19T12:00:00Z", Due, false}, // a Sunday
		{"window missed", weekdays, Facts{Name: "x", Rotated: at("2026-01-18T10:00:00Z")}, "2026-04-21T12:00:00Z", Overdue, true},
		{"paused", paused, rotated, "2026-12-01T00:00:00Z", Paused, false},
		{"exempt", never, rotated, "2036-12-01T00:00:00Z", Never, false},
		{"exempt and never rotated", never, Facts{}, "2036-12-01T00:00:00Z", Never, false},
		{"never rotated, just met", quarterly, Facts{Name: "x"}, "2026-12-01T00:00:00Z", NeverRotated, true},
		{"never rotated, met long ago", quarterly, Facts{Name: "x", Since: at("2026-11-01T00:00:00Z")}, "2026-12-01T00:00:00Z", NeverRotated, true},
		{"cron, before its tick", cron, rotated, "2026-01-31T23:00:00Z", DueSoon, false},
		{"cron, after its tick", cron, rotated, "2026-02-01T03:00:00Z", Due, true},
		{"cron, missed while Rotor was down", cron, rotated, "2026-05-10T12:00:00Z", Overdue, true},
		{"expiry is far", onExpiry, expires, "2026-06-01T00:00:00Z", OK, false},
		{"a week before expiry", onExpiry, expires, "2026-12-24T00:00:00Z", Due, true},
		{"expired", onExpiry, expires, "2026-12-31T00:00:00Z", Overdue, true},
		{"expiry does not move an exempt one", never, expires, "2027-06-01T00:00:00Z", Never, false},
		{"expiry comes before the schedule", quarterly, Facts{Name: "x", Rotated: at("2026-01-01T00:00:00Z"), Expires: at("2026-01-31T00:00:00Z")}, "2026-01-24T00:00:00Z", Due, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.p.Due(c.f, at(c.now))
			if got.State != c.want || got.Ripe != c.ripe {
				t.Errorf("got %+v, want %s, ripe %v", got, c.want, c.ripe)
			}
		})
	}
}

func TestNeighbourKeepsItsDistance(t *testing.T) {
	p := mustPolicy(t, "daily", "UTC", nil, nil)
	p.Spacing = time.Hour
	now := mustTime(t, "2026-07-01T10:00:00Z")
	f := Facts{Name: "x", Rotated: now.Add(-48 * time.Hour), Neighbour: now.Add(-20 * time.Minute)}
	got := p.Due(f, now)
	if got.Ripe || !got.Next.Equal(now.Add(40*time.Minute)) {
		t.Errorf("got %+v, want a start in 40 minutes", got)
	}
}

func TestFleetIsSpreadBeforeTheLimit(t *testing.T) {
	p := mustPolicy(t, "quarterly", "UTC", nil, nil)
	last := mustTime(t, "2026-01-15T10:00:00Z")
	seen := map[time.Time]bool{}
	first, final := last.AddDate(1, 0, 0), last
	for i := range 200 {
		s := p.Due(Facts{Name: fmt.Sprintf("credential-%d", i), Rotated: last}, last)
		if s.Due.After(s.Limit) || s.Limit.Sub(s.Due) >= 24*time.Hour {
			t.Fatalf("due %v does not lie in the day before the limit %v", s.Due, s.Limit)
		}
		seen[s.Due] = true
		if s.Due.Before(first) {
			first = s.Due
		}
		if s.Due.After(final) {
			final = s.Due
		}
	}
	if len(seen) < 195 || final.Sub(first) < 22*time.Hour {
		t.Errorf("200 credentials are due at %d times within %v", len(seen), final.Sub(first))
	}
	a := p.Due(Facts{Name: "a", Rotated: last}, last)
	if b := p.Due(Facts{Name: "a", Rotated: last}, last.Add(time.Hour)); !a.Due.Equal(b.Due) {
		t.Error("the spread of one credential moves")
	}
	cron := mustPolicy(t, "0 3 1 * *", "UTC", nil, nil)
	if s := cron.Due(Facts{Name: "a", Rotated: last}, last); !s.Due.Equal(mustTime(t, "2026-02-01T03:00:00Z")) {
		t.Errorf("a cron line is moved to %v", s.Due)
	}
}

func TestPolicyGoesThroughJSON(t *testing.T) {
	p := mustPolicy(t, "30 3 1 * *", "Europe/Berlin", []string{"Mon-Fri 09:00-17:00", "22:00-04:00 UTC"}, []string{"12-20..01-03"})
	p.On, p.Paused, p.Spacing = []Occasion{Expiry}, true, time.Hour
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Policy
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if p.Zone.String() != back.Zone.String() {
		t.Errorf("zone %v became %v", p.Zone, back.Zone)
	}
	p.Zone, back.Zone = Zone{}, Zone{}
	if !reflect.DeepEqual(p, back) {
		t.Errorf("%+v became %+v", p, back)
	}
}

var (
	everies = []string{"daily", "weekly", "monthly", "quarterly", "annually", "90d", "12h", "2w", "30 2 * * *", "0 9 1 */3 *", "15 4 * * SUN"}
	zones   = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "America/Santiago"}
	windows = []string{"Mon-Fri 09:00-17:00", "Sat,Sun 22:00-04:00", "02:00-03:00", "00:00-24:00", "Tue 23:30-00:15 America/New_York", "Sun 01:30-02:30 Europe/Berlin"}
	freezes = []string{"12-20..01-03", "2027-03-01..2027-05-31", "02-29", "2026-07-04", "06-01..10-31"}
)

// Ten years of any policy: each start follows the one before, lies in a window
// and in no freeze, and is late only because of them.
func TestTenYears(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := mustPolicy(t, rapid.SampledFrom(everies).Draw(r, "every"), rapid.SampledFrom(zones).Draw(r, "zone"),
			rapid.SliceOfNDistinct(rapid.SampledFrom(windows), 0, 3, rapid.ID[string]).Draw(r, "windows"),
			rapid.SliceOfNDistinct(rapid.SampledFrom(freezes), 0, 3, rapid.ID[string]).Draw(r, "freezes"))
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 365*24*3600).Draw(r, "start")) * time.Second)
		end := now.AddDate(10, 0, 0)
		if p.Every.String() == "12h" {
			end = now.AddDate(1, 0, 0) // half-days for ten years only cost time
		}
		f := Facts{Name: rapid.String().Draw(r, "name"), Rotated: now}
		for turns := 0; now.Before(end); turns++ {
			if turns > 10*366*24 {
				r.Fatal("time stands still")
			}
			s := p.Due(f, now)
			if s.Due.Before(f.Rotated) || s.Limit.Before(s.Due) || !s.Limit.After(f.Rotated) {
				r.Fatalf("rotated %v, due %v, limit %v", f.Rotated, s.Due, s.Limit)
			}
			if s.Next.Before(s.Due) || s.Next.Before(now) {
				r.Fatalf("next %v before due %v or now %v", s.Next, s.Due, now)
			}
			mustBeOpen(r, p, s.Next)
			if open, _ := p.Next(s.Due); now.Before(open) && !s.Next.Equal(open) {
				r.Fatalf("next %v, but it may start at %v already", s.Next, open)
			}
			if again := p.Due(f, s.Next); !again.Ripe || again.State != Due && again.State != Overdue {
				r.Fatalf("at its own next start it is %+v", again)
			}
			f.Rotated, now = s.Next, s.Next
		}
	})
}

// mustBeOpen asks the texts of windows and freezes in its own, dumb way.
func mustBeOpen(r *rapid.T, p Policy, at time.Time) {
	r.Helper()
	for _, f := range p.Freezes {
		local := at.In(p.Zone.Location())
		today, yearly := local.Format("2006-01-02"), local.Format("01-02")
		from, to := f.text, f.text
		if len(f.text) > 10 {
			from, to = f.text[:len(f.text)/2-1], f.text[len(f.text)/2+1:]
		}
		in := from <= today && today <= to
		if f.from.year == 0 {
			in = from <= yearly && yearly <= to
			if to < from {
				in = from <= yearly || yearly <= to
			}
		}
		if in {
			r.Fatalf("%v lies in the freeze %s", at, f)
		}
	}
	if len(p.Windows) == 0 {
		return
	}
	for _, w := range p.Windows {
		zone := p.Zone
		if !w.zone.IsZero() {
			zone = w.zone
		}
		local := at.In(zone.Location())
		clock := ofDay(local)
		today, yesterday := w.days[local.Weekday()], w.days[(local.Weekday()+6)%7]
		switch {
		case w.from < w.to && today && clock >= w.from && clock < w.to,
			w.to <= w.from && today && clock >= w.from,
			w.to <= w.from && yesterday && clock < w.to:
			return
		}
	}
	r.Fatalf("%v lies in none of %v", at, p.Windows)
}

func TestForecast(t *testing.T) {
	p := mustPolicy(t, "quarterly", "UTC", nil, nil)
	now := mustTime(t, "2026-01-15T10:00:00Z")
	starts := p.Forecast(Facts{Name: "x", Rotated: now}, now, now.AddDate(10, 0, 0))
	if len(starts) != 40 { // early by up to a day each, so never fewer
		t.Errorf("ten years hold %d quarters", len(starts))
	}
	p.Every = Every{}
	if starts := p.Forecast(Facts{Name: "x"}, now, now.AddDate(10, 0, 0)); len(starts) != 0 {
		t.Errorf("never starts at %v", starts)
	}
}
