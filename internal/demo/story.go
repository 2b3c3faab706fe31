package demo

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// story is what the user reads. It never holds a value: what it is given are
// names, counts and the words of programs that do not print values either.
type story struct {
	began time.Time

	mu  sync.Mutex
	out *bufio.Writer
}

func newStory(out io.Writer) *story { return &story{began: time.Now(), out: bufio.NewWriter(out)} }

func (s *story) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.out.WriteString(text)
	_ = s.out.Flush() // the reader is a person: each line at once
}

// section begins a part: its title, and in a few words why to look.
func (s *story) section(title string, why ...string) {
	s.print("\n" + title + "\n" + strings.Repeat("─", len([]rune(title))) + "\n")
	for _, line := range why {
		s.print(line + "\n")
	}
	s.print("\n")
}

// say is one line of ours.
func (s *story) say(format string, args ...any) {
	s.print(fmt.Sprintf("  "+format+"\n", args...))
}

// command shows what would be typed.
func (s *story) command(text string) { s.print("  $ " + text + "\n") }

// printed is a line that a program printed.
func (s *story) printed(line string) { s.print("  │ " + line + "\n") }

// fact is one line of a small table: what was looked at, what was seen.
func (s *story) fact(what, format string, args ...any) {
	s.print(fmt.Sprintf("  %-34s %s\n", what, fmt.Sprintf(format, args...)))
}

// table prints rows in columns.
func (s *story) table(rows [][]string) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, "  "+strings.Join(row, "\t"))
	}
	_ = t.Flush() // a strings.Builder takes everything
	s.print(b.String())
}

func (s *story) elapsed() string { return seconds(time.Since(s.began)) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
