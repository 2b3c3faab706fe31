package load

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Phase is what happened in one part of the time.
type Phase struct {
	Name       string
	OK, Failed int
	Reasons    map[string]int // of the failed ones
	Took       time.Duration
	// Longest is the longest time without a good answer that ended, or was still
	// lasting, in this phase; it counts from the phase's beginning at the earliest.
	Longest time.Duration
	Slowest time.Duration // the longest that one request took, well or not
	// Window is from the beginning of the first failed request to the end of the
	// last one.
	Window time.Duration
}

// Result is the whole record. Phases without a request are left out.
type Result struct {
	All    Phase // Longest is not cut at the borders of phases
	Phases []Phase
}

// Reason is one cause of failed requests.
type Reason struct {
	Text  string
	Count int
}

// Causes lists the reasons, most frequent first.
func (p Phase) Causes() []Reason {
	var out []Reason
	for text, n := range p.Reasons {
		out = append(out, Reason{text, n})
	}
	slices.SortFunc(out, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	return out
}

// WriteTable prints one line a phase, and the reasons below it.
func (r Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "served\tfailed\tlongest without an answer\t  ")
	for _, p := range append(slices.Clone(r.Phases), r.All) {
		fmt.Fprintf(t, "%d\t%d\t%d ms\t  %s\n", p.OK, p.Failed, p.Longest.Milliseconds(), p.Name)
		for _, c := range p.Causes() {
			fmt.Fprintf(t, "\t%d\t\t    %s\n", c.Count, c.Text)
		}
	}
	return t.Flush()
}

// counting is a phase that may still be running.
type counting struct {
	Phase
	began, good time.Time // good: the last good answer
	broke       time.Time // the first failed request began; zero: none
	closed      bool
}

func newCounting(name string, now time.Time) counting {
	return counting{Phase: Phase{Name: name, Reasons: map[string]int{}}, began: now, good: now}
}

func (c *counting) add(why string, began, now time.Time) {
	c.Slowest = max(c.Slowest, now.Sub(began))
	if why != "" {
		c.Failed++
		c.Reasons[why]++
		if c.broke.IsZero() || began.Before(c.broke) {
			c.broke = began
		}
		c.Window = max(c.Window, now.Sub(c.broke))
		return
	}
	c.OK++
	if c.closed { // it began here and ended in a later phase
		return
	}
	c.Longest = max(c.Longest, now.Sub(c.good))
	c.good = now
}

func (c *counting) close(now time.Time) {
	if !c.closed {
		c.closed = true
		c.Longest = max(c.Longest, now.Sub(c.good))
		c.Took = now.Sub(c.began)
	}
}

func (c *counting) phase() Phase {
	p := c.Phase
	p.Reasons = maps.Clone(p.Reasons)
	return p
}
