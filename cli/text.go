package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// tell writes words for people, to stderr.
func (s *shell) tell(text string, args ...any) { fmt.Fprintf(s.err, text, args...) }

// say writes data, to stdout.
func (s *shell) say(text string, args ...any) { fmt.Fprintf(s.out, text, args...) }

type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	dim    colour = "2"
	bold   colour = "1"
)

// paint colours words on stderr; they must be clear without it.
func (s *shell) paint(c colour, text string) string { return paint(s.colored(s.errTTY), c, text) }

// tint colours words on stdout.
func (s *shell) tint(c colour, text string) string { return paint(s.colored(s.outTTY), c, text) }

func paint(on bool, c colour, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// colored: --color, NO_COLOR, CLICOLOR_FORCE, TERM=dumb, and whether anybody
// looks.
func (s *shell) colored(tty bool) bool {
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case s.color == "always":
		return true
	case s.color == "never" || os.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return tty && os.Getenv("TERM") != "dumb"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// span is a length of time in its two largest units.
func span(d time.Duration) string {
	switch d = d.Abs(); { // just under 48h is 48h
	case d >= 47*time.Hour:
		d = d.Round(time.Hour)
	case d >= time.Hour:
		d = d.Round(time.Minute)
	case d >= time.Minute:
		d = d.Round(time.Second)
	}
	switch {
	case d >= 48*time.Hour:
		days := d / (24 * time.Hour)
		return fmt.Sprintf("%dd", days)
	case d >= time.Hour:
		h, m := d/time.Hour, d%time.Hour/time.Minute
		if m == 0 || h >= 10 {
			return fmt.Sprintf("%dh", h)
		}
		return fmt.Sprintf("%dh%dm", h, m)
	case d >= time.Minute:
		m, sec := d/time.Minute, d%time.Minute/time.Second
		if sec == 0 || m >= 10 {
			return fmt.Sprintf("%dm", m)
		}
		return fmt.Sprintf("%dm%ds", m, sec)
	case d >= time.Second:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// ago places a time before or after now.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return "in " + span(d)
	default:
		return span(d) + " ago"
	}
}

// table writes columns as wide as their content; the last one is not padded.
// Cells may be coloured.
func table(w io.Writer, indent string, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], visible(c))
		}
	}
	for _, r := range rows {
		line := indent
		for i, c := range r {
			line += c
			if i < len(r)-1 {
				line += strings.Repeat(" ", widths[i]-visible(c)+2)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// visible is a text's width without escapes.
func visible(text string) int {
	n := utf8.RuneCountInString(text)
	for {
		i := strings.Index(text, "\x1b[")
		if i < 0 {
			return n
		}
		end := strings.IndexByte(text[i:], 'm')
		if end < 0 {
			return n
		}
		n -= end + 1
		text = text[i+end+1:]
	}
}
