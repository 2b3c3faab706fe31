package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// longest keeps sums of a few spans far from the end of time.Duration.
const longest = 36500 * day

// ParseSpan reads a length of time: "48h", "90d", "2w", "1h30m". A day is 24
// hours here; see Every for calendar days. A bare number is refused: nobody
// can tell its unit.
func ParseSpan(text string) (time.Duration, error) {
	bad := fmt.Errorf("not a length of time; write it like 30s, 5m, 48h, 90d or 2w")
	n, unit, ok := wholeDays(text)
	if ok {
		if n > int(longest/day)/unit {
			return 0, fmt.Errorf("more than a hundred years")
		}
		return time.Duration(n*unit) * day, nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || text == "0" || text == "+0" || text == "-0":
		return 0, bad
	case d < 0:
		return 0, fmt.Errorf("a length of time cannot be negative")
	case d > longest:
		return 0, fmt.Errorf("more than a hundred years")
	}
	return d, nil
}

// wholeDays reads "90d" and "2w": the number, and the days of its unit.
func wholeDays(text string) (n, unit int, ok bool) {
	digits, unit := strings.TrimSuffix(text, "d"), 1
	if digits == text {
		digits, unit = strings.TrimSuffix(text, "w"), 7
	}
	if digits == text || digits == "" || len(digits) > 6 || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, unit, err == nil
}

// FormatSpan is the shortest text that ParseSpan reads back: "90d", "36h", "5m".
// Exactly a day or two is written in hours, as people do for grace.
func FormatSpan(d time.Duration) string {
	if d > 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
