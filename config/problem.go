package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
)

// Pos is a place in a file; lines and columns count from 1, columns in
// characters. The zero Pos is no place.
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one mistake.
type Problem struct {
	Pos  Pos    `json:"pos"`
	What string `json:"what"`
	Hint string `json:"hint,omitempty"`
	// Lines are the source around the place, texts that might be secret replaced
	// by "…"; the last one is the line of Pos. Caret is the column there after
	// replacement, 0 if it is lost.
	Lines []Line `json:"lines,omitempty"`
	Caret int    `json:"caret,omitempty"`
}

// Line is one line of a snippet.
type Line struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

func (p Problem) String() string { return p.Pos.String() + ": " + p.What }

// Errors lists all mistakes of one file, in its order. Its kind is
// fault.BadConfig, its hint the first one's.
type Errors struct{ Problems []Problem }

// Error has one line for each mistake: "rotor.yaml:12:5: what".
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the fault.
func (e *Errors) Unwrap() error {
	f := fault.New(fault.BadConfig, "config")
	for _, p := range e.Problems {
		if p.Hint != "" {
			return f.WithHint("%s", p.Hint)
		}
	}
	return f
}

// Explain renders an error for people: each mistake with its snippet and hint.
// Errors that are not of a file are rendered by their text and hint.
func Explain(err error) string {
	var list *Errors
	if !errors.As(err, &list) {
		if hint := fault.HintOf(err); hint != "" {
			return err.Error() + "\n  hint: " + hint + "\n"
		}
		return err.Error() + "\n"
	}
	var b strings.Builder
	for i, p := range list.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.explain(&b)
	}
	return b.String()
}

func (p Problem) explain(b *strings.Builder) {
	fmt.Fprintf(b, "%s\n", p)
	for i, l := range p.Lines {
		mark := " "
		if i == len(p.Lines)-1 {
			mark = ">"
		}
		fmt.Fprintf(b, " %s %4d | %s\n", mark, l.Number, l.Text)
	}
	if p.Caret > 0 {
		fmt.Fprintf(b, "        | %s^\n", strings.Repeat(" ", p.Caret-1))
	}
	if p.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", p.Hint)
	}
}

// shownAtOnce is how many mistakes of a file are told; nobody reads more.
const shownAtOnce = 100

// tidy sorts problems by place, drops repetitions (an anchor used twice) and
// counts those that are too many.
func tidy(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return a.Pos == b.Pos && a.What == b.What })
	if more := len(problems) - shownAtOnce; more > 0 {
		last := Problem{Pos: problems[shownAtOnce].Pos, What: fmt.Sprintf("and %d more mistakes from here on", more)}
		problems = append(problems[:shownAtOnce:shownAtOnce], last)
	}
	return problems
}
