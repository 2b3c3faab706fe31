package config

import (
	"regexp"
	"slices"
	"strings"
)

const masked = "…"

// snippets fills in the Lines of all problems. It is called last, when it is
// known which texts are harmless.
func (s *source) snippets() {
	unsafe := s.unsafe()
	s.byLine = map[int][]*node{}
	for _, n := range s.scalars {
		s.byLine[n.pos.Line] = append(s.byLine[n.pos.Line], n)
	}
	for i := range s.problems {
		p := &s.problems[i]
		if p.Pos.Line < 1 || p.Pos.Line > len(s.lines) || p.Pos.File != s.file {
			continue
		}
		for n := max(1, p.Pos.Line-1); n <= p.Pos.Line; n++ {
			if n == p.Pos.Line || strings.TrimSpace(s.lines[n-1]) != "" {
				text, caret := s.show(n, p.Pos.Col, unsafe)
				p.Lines, p.Caret = append(p.Lines, Line{n, text}), caret
			}
		}
	}
}

// unsafe lists the texts that must not be shown, longest first.
func (s *source) unsafe() []string {
	seen := map[string]bool{}
	for _, n := range s.scalars {
		if n.harmless {
			continue
		}
		for _, part := range strings.Fields(n.text) {
			seen[part] = true
		}
		seen[strings.TrimSpace(n.text)] = true
	}
	delete(seen, "")
	out := make([]string, 0, len(seen))
	for t := range seen {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

var leadingKey = regexp.MustCompile(`^\s*(?:- +)?["']?[A-Za-z_][A-Za-z0-9_.-]{0,40}["']?\s*:(?:\s|$)`)

// show gives a line of the file with every text replaced that was not read as
// harmless, and where a column of the file went; 0 if it is lost. Where it
// cannot tell texts from structure it shows the first key alone.
func (s *source) show(number, col int, unsafe []string) (string, int) {
	line := strings.TrimRight(s.lines[number-1], " \t\r")
	if s.root == nil || s.murky[number] || !s.starts[number] || len(line) > 400 {
		return bare(line, col)
	}
	if c, ok := s.comments[number]; ok {
		cut := strings.LastIndex(line, "#"+strings.TrimRight(c, " \t\r"))
		if cut < 0 {
			return bare(line, col)
		}
		line = strings.TrimRight(line[:cut], " \t")
	}
	runes := []rune(line)
	caret := col
	for _, n := range s.hidden(number) {
		from, to, ok := n.span(runes)
		if !ok {
			return bare(line, col)
		}
		runes = append(runes[:from:from], append([]rune(masked), runes[to:]...)...)
		if from+1 < col {
			caret -= to - from - 1
		}
	}
	shown := string(runes)
	for _, t := range unsafe { // the end of a text that began on another line
		if len(t) >= 4 && strings.Contains(shown, t) {
			return bare(line, col)
		}
	}
	if caret < 1 || caret > len(runes) {
		caret = 0
	}
	return printable(shown), caret
}

// hidden lists the scalars of a line that must not be shown, from the right.
func (s *source) hidden(number int) []*node {
	var out []*node
	for _, n := range s.byLine[number] {
		if !n.harmless && (n.text != "" || n.broken) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *node) int { return b.pos.Col - a.pos.Col })
	return out
}

// span finds a scalar's text on its line, without quotes; ok is false if it
// does not stand there as it reads.
func (n *node) span(line []rune) (from, to int, ok bool) {
	from, text := n.pos.Col-1, []rune(n.text)
	if n.broken || from < 0 || from >= len(line) {
		return 0, 0, false
	}
	if line[from] == '"' || line[from] == '\'' {
		from++
	}
	to = from + len(text)
	return from, to, to <= len(line) && string(line[from:to]) == n.text
}

// bare keeps a line's indentation and first key.
func bare(line string, col int) (string, int) {
	key := strings.TrimRight(leadingKey.FindString(line), " \t")
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	shown := indent + masked
	switch {
	case strings.TrimSpace(line) == "":
		shown = ""
	case key != "" && strings.TrimSpace(line[len(key):]) == "":
		shown = key
	case key != "":
		shown = key + " " + masked
	}
	shown = printable(strings.ReplaceAll(shown, "\t", " "))
	if length := len([]rune(shown)); col > length || key == "" && col > len(indent)+1 {
		return shown, 0
	}
	return shown, col
}
