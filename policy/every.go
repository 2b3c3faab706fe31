package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

// Every is a schedule: a calendar word, a number of days, a span or a cron line.
// The zero Every is never.
type Every struct {
	text   string
	months int
	days   int
	span   time.Duration
	cron   string
}

var words = map[string]Every{
	"never":     {},
	"daily":     {days: 1},
	"weekly":    {days: 7},
	"monthly":   {months: 1},
	"quarterly": {months: 3},
	"annually":  {months: 12},
}

// Words lists the calendar words, shortest first.
func Words() []string {
	return []string{"daily", "weekly", "monthly", "quarterly", "annually", "never"}
}

// shortest is the smallest schedule that leaves room for a rotation at all.
const shortest = time.Minute

// ParseEvery reads a schedule: one of Words, "90d", "2w", "12h" or the five
// fields of a cron line.
func ParseEvery(text string) (Every, error) {
	text = strings.Join(strings.Fields(text), " ")
	if e, ok := words[strings.ToLower(text)]; ok {
		e.text = strings.ToLower(text)
		return e, nil
	}
	if strings.Contains(text, " ") {
		return parseCron(text)
	}
	if n, unit, ok := wholeDays(text); ok {
		if n < 1 || n*unit > 3660 {
			return Every{}, fmt.Errorf("a number of days must lie between 1 and 3660")
		}
		return Every{text: text, days: n * unit}, nil
	}
	span, err := ParseSpan(text)
	if err != nil {
		return Every{}, fmt.Errorf("not a schedule; write %s, a span like 90d or 12h, or the five fields of a cron line", strings.Join(Words(), ", "))
	}
	if span < shortest {
		return Every{}, fmt.Errorf("a schedule must leave at least a minute")
	}
	return Every{text: text, span: span}, nil
}

func parseCron(text string) (Every, error) {
	if n := len(strings.Fields(text)); n != 5 {
		return Every{}, fmt.Errorf("a cron line has five fields (minute hour day month weekday), this has %d", n)
	}
	if !gronx.IsValid(text) {
		return Every{}, fmt.Errorf("not a cron line; write it like \"30 3 1 * *\" (minute hour day month weekday)")
	}
	e := Every{text: text, cron: text}
	if _, ok := e.tick(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC); !ok {
		return Every{}, fmt.Errorf("this cron line never comes")
	}
	return e, nil
}

// IsNever says whether time alone never makes it due.
func (e Every) IsNever() bool {
	return e.months == 0 && e.days == 0 && e.span == 0 && e.cron == ""
}

// IsZero says whether nothing was given; unlike IsNever it is false for the
// word never.
func (e Every) IsZero() bool { return e.text == "" }

// IsCron says whether the times are fixed by a cron line and not by the age of
// the value.
func (e Every) IsCron() bool { return e.cron != "" }

func (e Every) String() string {
	if e.text == "" {
		return "never"
	}
	return e.text
}

// MarshalText gives what ParseEvery reads.
func (e Every) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText is ParseEvery.
func (e *Every) UnmarshalText(text []byte) (err error) {
	*e, err = ParseEvery(string(text))
	return err
}

// after is the end of the interval that begins at last; ok is false for never.
// Days and months keep the time of day on the clock of l, whatever it was
// changed by in between.
func (e Every) after(last time.Time, l *time.Location) (end time.Time, ok bool) {
	local := last.In(l)
	switch {
	case e.cron != "":
		return e.tick(local, l)
	case e.months > 0:
		end = dateOf(local).months(e.months).at(ofDay(local), l)
	case e.days > 0:
		end = dateOf(local).plus(e.days).at(ofDay(local), l)
	case e.span > 0:
		end = local.Add(e.span)
	}
	return end, !end.IsZero()
}

// tick is the first time of the cron line after t. It is searched on a clock
// that is never changed, so that a yearly 02:30 is not lost when that hour is
// skipped, nor daily 02:30 taken twice.
func (e Every) tick(t time.Time, l *time.Location) (time.Time, bool) {
	from := naive(t.In(l))
	for range 3 { // a time in a skipped hour may map to t itself
		next, err := gronx.NextTickAfter(e.cron, from, false)
		if err != nil {
			return time.Time{}, false
		}
		if at := dateOf(next).at(ofDay(next), l); at.After(t) {
			return at, true
		}
		from = next
	}
	return time.Time{}, false
}
