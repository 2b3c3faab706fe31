package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is a part of the week in which a rotation may start.
type Window struct {
	text     string
	days     [7]bool       // by the day on which it opens
	from, to time.Duration // of the day; to <= from ends on the next day
	zone     Zone          // zero: the policy's
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWindow reads "Mon-Fri 09:00-17:00 Europe/Berlin". Days ("Sat,Sun",
// "Fri-Mon") and zone may be left out; "22:00-04:00" runs over midnight and
// belongs to the day on which it opens.
func ParseWindow(text string) (Window, error) {
	parts := strings.Fields(text)
	w := Window{text: strings.Join(parts, " "), days: [7]bool{true, true, true, true, true, true, true}}
	if len(parts) > 0 && !strings.Contains(parts[0], ":") {
		if err := w.parseDays(parts[0]); err != nil {
			return Window{}, err
		}
		parts = parts[1:]
	}
	if len(parts) == 0 || len(parts) > 2 {
		return Window{}, fmt.Errorf("not a window; write it like Mon-Fri 09:00-17:00 Europe/Berlin")
	}
	from, to, ok := strings.Cut(parts[0], "-")
	if !ok {
		return Window{}, fmt.Errorf("a window has two times, like 09:00-17:00")
	}
	var err error
	if w.from, err = parseClock(from); err != nil {
		return Window{}, err
	}
	if w.to, err = parseClock(to); err != nil {
		return Window{}, err
	}
	if w.from == w.to || w.from == day {
		return Window{}, fmt.Errorf("a window must be open for some time; for a whole day write 00:00-24:00")
	}
	if len(parts) == 2 {
		w.zone, err = ParseZone(parts[1])
	}
	return w, err
}

func (w *Window) parseDays(text string) error {
	w.days = [7]bool{}
	for _, part := range strings.Split(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, okA := dayNumber(first)
		b, okB := dayNumber(last)
		if !okA || !okB {
			return fmt.Errorf("a day is written Mon, Tue, Wed, Thu, Fri, Sat or Sun")
		}
		for d := a; ; d = (d + 1) % 7 {
			w.days[d] = true
			if d == b {
				break
			}
		}
	}
	return nil
}

func dayNumber(text string) (int, bool) {
	for i, name := range dayNames {
		if text == name {
			return i, true
		}
	}
	return 0, false
}

// parseClock reads "HH:MM"; 24:00 is the end of the day.
func parseClock(text string) (time.Duration, error) {
	h, m, ok := strings.Cut(text, ":")
	hours, errH := strconv.ParseUint(h, 10, 8)
	minutes, errM := strconv.ParseUint(m, 10, 8)
	if !ok || len(h) > 2 || len(m) != 2 || errH != nil || errM != nil || minutes > 59 || hours*60+minutes > 24*60 {
		return 0, fmt.Errorf("a time of day is written like 09:00")
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, nil
}

func (w Window) String() string { return w.text }

// MarshalText gives what ParseWindow reads.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.text), nil }

// UnmarshalText is ParseWindow.
func (w *Window) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWindow(string(text))
	return err
}

// opening is the first instant from t on at which the window is open. A window
// that a clock change swallows whole is passed over, hence two weeks.
func (w Window) opening(t time.Time, zone Zone) (time.Time, bool) {
	if !w.zone.IsZero() {
		zone = w.zone
	}
	l := zone.Location()
	today := dateOf(t.In(l))
	for offset := -1; offset <= 15; offset++ {
		d := today.plus(offset)
		if !w.days[d.weekday()] {
			continue
		}
		last := d
		if w.to <= w.from {
			last = d.plus(1)
		}
		from, to := d.at(w.from, l), last.at(w.to, l)
		if from.Before(to) && t.Before(to) {
			if t.After(from) {
				return t, true
			}
			return from, true
		}
	}
	return time.Time{}, false
}
