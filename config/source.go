package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// largest is far above the twenty thousand credentials that Rotor is measured
// with.
const largest = 64 << 20

// source is a file's text with what is known about its lines.
type source struct {
	file     string
	lines    []string
	root     *node
	scalars  []*node
	byLine   map[int][]*node
	starts   map[int]bool // lines on which something starts
	comments map[int]string
	murky    map[int]bool // lines with anchors, aliases, tags: their names may be anything
	problems []Problem
}

func (s *source) problem(at Pos, what, hint string) {
	s.problems = append(s.problems, Problem{Pos: at, What: printable(what), Hint: printable(hint)})
}

// printable keeps control characters of a file from reaching a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// read parses YAML. After a syntax error root is nil.
func read(file string, body []byte) *source {
	s := &source{file: file, starts: map[int]bool{}, comments: map[int]string{}, murky: map[int]bool{}}
	start := Pos{File: file, Line: 1, Col: 1}
	if len(body) > largest {
		s.problem(start, "the file is larger than 64 MB", "")
		return s
	}
	s.lines = strings.Split(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")
	f, err := s.parse(body)
	if err != nil {
		at, what := s.syntax(err)
		s.problem(at, what, syntaxHint(what, s.lines))
		return s
	}
	var docs []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentType && d.Body.Type() != ast.CommentGroupType {
			docs = append(docs, d.Body)
		}
	}
	r := &reader{file: file, anchors: map[string]*node{}, starts: s.starts, problem: s.problem}
	switch {
	case len(docs) == 0:
		s.problem(start, "the file is empty", "rotor init writes one to begin with")
		return s
	case len(docs) > 1:
		s.problem(r.read(docs[1], 0).pos, "the file holds more than one YAML document", "remove the line ---")
	}
	s.root = r.read(docs[0], 0)
	s.scalars = r.scalars
	return s
}

// parse guards the parser: it is recursive, and its recursion has no bound.
func (s *source) parse(body []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, errors.New("not readable as YAML")
		}
	}()
	tokens := lexer.Tokenize(string(body))
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			s.comments[t.Position.Line] = t.Value
		case token.AnchorType, token.AliasType, token.TagType, token.MappingKeyType, token.DirectiveType:
			s.murky[t.Position.Line] = true
		}
	}
	if t := tooDeep(tokens); t != nil {
		return nil, &yaml.SyntaxError{Message: "nested too deeply", Token: t}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

func tooDeep(tokens token.Tokens) *token.Token {
	depth, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			inLine++ // "- - - -" nests as well
		}
		if depth > deepest || inLine > deepest && depth == 0 || t.Position.Column > 1000 && t.Type == token.SequenceEntryType {
			return t
		}
	}
	return nil
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']{2,}'`)

// syntax gives place and words of a parser's error, without anything it quotes.
func (s *source) syntax(err error) (Pos, string) {
	at := Pos{File: s.file, Line: 1, Col: 1}
	var e yaml.Error
	if !errors.As(err, &e) {
		return at, "not readable as YAML"
	}
	if t := e.GetToken(); t != nil && t.Position != nil {
		at.Line, at.Col = max(1, t.Position.Line), max(1, t.Position.Column)
	}
	what := strings.ReplaceAll(e.GetMessage(), "'\t'", "tab")
	return at, "not YAML: " + quoted.ReplaceAllString(what, "…")
}

func syntaxHint(what string, lines []string) string {
	for i, l := range lines {
		if indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]; strings.Contains(indent, "\t") {
			return fmt.Sprintf("line %d is indented with a tab; YAML wants spaces", i+1)
		}
	}
	switch {
	case strings.Contains(what, "not allowed in this context"), strings.Contains(what, "non-map value"):
		return "look at the indentation, and for a colon or # in a text that is not in quotes"
	case strings.Contains(what, "must be specified"), strings.Contains(what, "not found"):
		return "look for a bracket or comma that is missing"
	}
	return ""
}
