package policy

import "time"

// date is a day without a time or a zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// plus moves by whole days; it never meets a clock change.
func (d date) plus(days int) date {
	return dateOf(time.Date(d.year, d.month, d.day+days, 0, 0, 0, 0, time.UTC))
}

func (d date) before(o date) bool {
	if d.year != o.year {
		return d.year < o.year
	}
	if d.month != o.month {
		return d.month < o.month
	}
	return d.day < o.day
}

func (d date) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()
}

// months moves by calendar months; a day that the month lacks becomes its last.
func (d date) months(n int) date {
	first := time.Date(d.year, d.month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return date{first.Year(), first.Month(), min(d.day, last)}
}

// at is the instant at which clocks in l show d and the time of day. Where the
// clock is put forward over it, it is the instant of the change; where the
// clock shows it twice, the first. time.Date promises neither.
func (d date) at(ofDay time.Duration, l *time.Location) time.Time {
	t := time.Date(d.year, d.month, d.day, 0, 0, 0, int(ofDay), l)
	want := time.Date(d.year, d.month, d.day, 0, 0, 0, int(ofDay), time.UTC)
	start, end := t.ZoneBounds()
	switch shown := naive(t); {
	case shown.Before(want) && !end.IsZero():
		return end.In(l)
	case shown.After(want) && !start.IsZero():
		return start.In(l)
	case start.IsZero():
		return t
	}
	_, before := start.Add(-time.Nanosecond).In(l).Zone()
	_, now := t.Zone()
	earlier := t.Add(-time.Duration(before-now) * time.Second)
	if before > now && earlier.Before(start) {
		return earlier.In(l)
	}
	return t
}

// naive reads t's clock as if it were UTC's.
func naive(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// ofDay is the time of day that t's clock shows.
func ofDay(t time.Time) time.Duration {
	n := naive(t)
	return n.Sub(time.Date(n.Year(), n.Month(), n.Day(), 0, 0, 0, 0, time.UTC))
}
