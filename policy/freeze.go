package policy

import (
	"fmt"
	"strings"
	"time"
)

// Freeze is a span of days, both ends included, in which no scheduled rotation
// starts. Without a year it returns every year.
type Freeze struct {
	text     string
	from, to date // year 0: every year
}

// ParseFreeze reads "2026-12-24", "2026-12-20..2027-01-03" or, for every year,
// "12-20..01-03".
func ParseFreeze(text string) (Freeze, error) {
	text = strings.TrimSpace(text)
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	from, okFrom := parseDate(strings.TrimSpace(first))
	to, okTo := parseDate(strings.TrimSpace(last))
	f := Freeze{text: text, from: from, to: to}
	switch {
	case !okFrom || !okTo:
		return Freeze{}, fmt.Errorf("not a freeze; write it like 2026-12-20..2027-01-03, or 12-20..01-03 for every year")
	case (from.year == 0) != (to.year == 0):
		return Freeze{}, fmt.Errorf("a freeze has a year at both ends or at neither")
	case from.year != 0 && to.before(from):
		return Freeze{}, fmt.Errorf("a freeze ends before it begins")
	case from.year == 0 && date{2027, to.month, to.day}.plus(1) == (date{2027, from.month, from.day}),
		from.year == 0 && from == date{0, 1, 1} && to == date{0, 12, 31}:
		return Freeze{}, fmt.Errorf("a freeze of the whole year; write every: never or paused: true instead")
	}
	return f, nil
}

func parseDate(text string) (date, bool) {
	if t, err := time.Parse("2006-01-02", text); err == nil && t.Year() > 0 {
		return dateOf(t), true
	}
	// 2024 was a leap year, so that 02-29 is a day
	if t, err := time.Parse("2006-01-02", "2024-"+text); err == nil {
		return date{0, t.Month(), t.Day()}, true
	}
	return date{}, false
}

func (f Freeze) String() string { return f.text }

// MarshalText gives what ParseFreeze reads.
func (f Freeze) MarshalText() ([]byte, error) { return []byte(f.text), nil }

// UnmarshalText is ParseFreeze.
func (f *Freeze) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFreeze(string(text))
	return err
}

// thaw is the first instant after the freeze, if t lies in it.
func (f Freeze) thaw(t time.Time, l *time.Location) (time.Time, bool) {
	today := dateOf(t.In(l))
	from, to := f.from, f.to
	if from.year != 0 {
		return to.plus(1).at(0, l), !today.before(from) && !to.before(today)
	}
	for _, year := range []int{today.year - 1, today.year} {
		from = date{year, f.from.month, f.from.day}.plus(0) // plus(0): 02-29 may be 03-01
		to = date{year, f.to.month, f.to.day}
		if to.before(from) {
			to.year++
		}
		if to = to.plus(0); !today.before(from) && !to.before(today) {
			return to.plus(1).at(0, l), true
		}
	}
	return time.Time{}, false
}
