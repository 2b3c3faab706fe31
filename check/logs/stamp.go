package logs

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The beginnings of lines that hold a time, and where in a line a time of a
// certain form stands in any case.
var (
	isoTime    = regexp.MustCompile(`^\W{0,2}(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?`)
	accessTime = regexp.MustCompile(`\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]`)
	syslogTime = regexp.MustCompile(`^(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) `)
	jsonTime   = regexp.MustCompile(`"(?:time|ts|timestamp|@timestamp)"\s*:\s*(?:"([^"]{10,40})"|(\d{10,19})(\.\d{1,9})?)`)
)

// stampLimit is how far into a line a time is looked for.
const stampLimit = 2048

// stamp finds the time of a log line. near is a time close to the line's: syslog
// writes no year.
func stamp(line []byte, near time.Time) (time.Time, bool) {
	line = line[:min(len(line), stampLimit)]
	if m := isoTime.FindSubmatch(line); m != nil {
		return iso(m)
	}
	if m := syslogTime.FindSubmatch(line); m != nil {
		return syslog(string(m[1]), near)
	}
	if len(line) > 0 && line[0] == '{' {
		if m := jsonTime.FindSubmatch(line); m != nil {
			return fromJSON(m)
		}
	}
	if m := accessTime.FindSubmatch(line); m != nil {
		t, err := time.Parse("02/Jan/2006:15:04:05 -0700", string(m[1]))
		return t, err == nil
	}
	return time.Time{}, false
}

// iso: date and time in digits; without a zone it is local.
func iso(m [][]byte) (time.Time, bool) {
	text := string(m[1]) + "-" + string(m[2]) + "-" + string(m[3]) + "T" + string(m[4]) + ":" + string(m[5]) + ":" + string(m[6])
	if len(m[7]) > 0 {
		text += "." + string(m[7])
	}
	switch zone := string(m[8]); {
	case zone == "":
		t, err := time.ParseInLocation("2006-01-02T15:04:05", text, time.Local)
		return t, err == nil
	case zone == "Z", zone == "UTC", zone == "GMT":
		text += "Z"
	default:
		zone = strings.Replace(zone, ":", "", 1)
		text += zone[:3] + ":" + zone[3:]
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// syslog takes the year that brings the line closest before near.
func syslog(text string, near time.Time) (time.Time, bool) {
	near = near.In(time.Local)
	t, err := time.ParseInLocation("2006 Jan _2 15:04:05", strconv.Itoa(near.Year())+" "+text, time.Local)
	if err == nil && t.After(near.AddDate(0, 0, 1)) {
		t = t.AddDate(-1, 0, 0)
	}
	return t, err == nil
}

// fromJSON: a quoted time, or seconds, milliseconds or nanoseconds since 1970.
func fromJSON(m [][]byte) (time.Time, bool) {
	if len(m[1]) > 0 {
		inner := isoTime.FindSubmatch(m[1])
		if inner == nil {
			return time.Time{}, false
		}
		return iso(inner)
	}
	n, err := strconv.ParseInt(string(m[2]), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	switch {
	case n < 1e11:
		fraction, _ := strconv.ParseFloat("0"+string(m[3]), 64)
		return time.Unix(n, int64(fraction*1e9)), true
	case n < 1e14:
		return time.UnixMilli(n), true
	case n < 1e17:
		return time.UnixMicro(n), true
	}
	return time.Unix(0, n), true
}
