package dotenv

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/atomicfile"
)

// document is a .env file: its text and where the variables stand in it. All
// offsets are into src, so whatever is not edited stays byte by byte.
type document struct {
	file    string
	src     string
	entries []entry
}

// entry is one statement.
type entry struct {
	key        string
	line       int
	start, end int    // the statement, from `export` or the key to the end of the value
	from, to   int    // the value with its quotes
	quote      byte   // ' or " or 0
	value      string // what compose reads
	refers     bool   // the value refers to another variable
	foreign    bool   // ... to one that does not stand above it
	bare       bool   // KEY without =: taken from the caller's environment
}

const bom = "\ufeff"

// parser walks over src the way docker compose v2 does. The grammar is compose's
// own, not the shell's: a statement ends with its closing quote, so two may
// stand on one line; a quoted value may span lines; a # begins a comment only at
// the start of a statement or after a space in an unquoted value.
type parser struct {
	doc  *document
	pos  int
	seen map[string]entry
	line struct{ offset, number int } // where counting has got to
}

func parse(file string, content []byte) (*document, error) {
	doc := &document{file: file, src: string(content)}
	if i := bytes.IndexByte(content, 0); i >= 0 {
		return nil, doc.malformed(i, "holds a zero byte", "this is no text file; is it the right one?")
	}
	if !utf8.Valid(content) {
		return nil, doc.malformed(invalidAt(content), "is not UTF-8", "save the file as UTF-8")
	}
	p := &parser{doc: doc, seen: map[string]entry{}}
	if strings.HasPrefix(doc.src, bom) {
		p.pos = len(bom)
	}
	for p.toStatement() {
		e, err := p.statement()
		if err != nil {
			return nil, err
		}
		doc.entries = append(doc.entries, e)
		p.seen[e.key] = e
	}
	return doc, nil
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// malformed never shows the line's text, which may be a secret.
func (d *document) malformed(offset int, what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "%s:%d: %s", d.file, d.line(offset), what).WithHint(hint, args...)
}

func (d *document) line(offset int) int { return 1 + strings.Count(d.src[:offset], "\n") }

// toStatement skips white space and comments.
func (p *parser) toStatement() bool {
	for {
		rest := strings.TrimLeftFunc(p.doc.src[p.pos:], unicode.IsSpace)
		p.pos = len(p.doc.src) - len(rest)
		if rest == "" {
			return false
		}
		if rest[0] != '#' {
			return true
		}
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			p.pos = len(p.doc.src)
			return false
		}
		p.pos += end
	}
}

func (p *parser) statement() (entry, error) {
	p.line.number += strings.Count(p.doc.src[p.line.offset:p.pos], "\n")
	p.line.offset = p.pos
	e := entry{start: p.pos, line: p.line.number + 1}
	src := p.doc.src
	if after, ok := strings.CutPrefix(src[p.pos:], "export"); ok {
		if trimmed := strings.TrimLeftFunc(after, isBlank); len(trimmed) < len(after) {
			p.pos = len(src) - len(trimmed)
		}
	}
	stop, err := p.keyEnd()
	if err != nil {
		return e, err
	}
	e.key = strings.TrimRightFunc(src[p.pos:stop], unicode.IsSpace)
	e.from, e.to, e.end = stop, stop, p.pos+len(e.key)
	if stop == len(src) || src[stop] == '\n' {
		e.bare, e.from, e.to = true, e.end, e.end
		p.pos = stop
	}
	if e.key == "" || strings.ContainsFunc(e.key, unicode.IsSpace) {
		return e, p.doc.malformed(e.start, "a line that is not NAME=value", "write one variable a line; a comment begins with #")
	}
	if e.bare {
		return e, nil
	}
	p.pos = stop + 1
	err = p.readValue(&e)
	p.pos = e.end
	return e, err
}

// keyEnd is the offset of what ends the name: =, :, a line end or the file's.
func (p *parser) keyEnd() (int, error) {
	for i, r := range p.doc.src[p.pos:] {
		switch {
		case r == '=' || r == ':' || r == '\n':
			return p.pos + i, nil
		case isBlank(r), unicode.IsLetter(r), unicode.IsNumber(r), strings.ContainsRune("_.-[]", r):
		default:
			return 0, p.doc.malformed(p.pos, "a line that is not NAME=value",
				"names consist of letters, digits and _; a value with several lines needs quotes; a comment begins with #")
		}
	}
	return len(p.doc.src), nil
}

func (p *parser) readValue(e *entry) error {
	src := p.doc.src
	rest := strings.TrimLeftFunc(src[p.pos:], isBlank)
	at := len(src) - len(rest)
	if rest == "" || rest[0] != '\'' && rest[0] != '"' {
		raw, _, _ := strings.Cut(rest, "\n")
		raw, _, _ = strings.Cut(raw, " #")
		raw = strings.TrimRightFunc(raw, unicode.IsSpace)
		if raw == "" {
			at = p.pos // before the blanks, one of which may belong to the line end
		}
		e.from, e.to, e.end = at, at+len(raw), at+len(raw)
		e.value = p.expand(e, raw)
		return nil
	}
	e.quote = rest[0]
	length := quotedLength(rest)
	if length < 0 {
		return p.doc.malformed(at, "a quote that is never closed", "close the %c that stands on line %d", e.quote, p.doc.line(at))
	}
	e.from, e.to, e.end = at, at+length, at+length
	inner := unescapeQuote(rest[1:length-1], e.quote)
	if e.quote == '\'' {
		e.value = inner
		return nil
	}
	e.value = p.expand(e, unescape(inner))
	return nil
}

// quotedLength counts both quotes; -1 if the second is missing.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return -1
}

// unescapeQuote drops the backslash before the quote and keeps every other one.
func unescapeQuote(s string, quote byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if s[i+1] != quote {
				b.WriteByte('\\')
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var escapes = regexp.MustCompile(`\\(?:[abfnrtv$"\\]|0[0-9]{0,3})`)

// unescape leaves a dollar that was escaped as $$, for expand.
func unescape(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(m string) string {
		switch {
		case m == `\$`:
			return "$$"
		case m[1] == '0': // \0123 is Go's \123; what is no octal number loses its 0, in compose too
			m = `\` + m[2:]
		}
		r, _, _, err := strconv.UnquoteChar(m, '"')
		if err != nil {
			return m
		}
		return string(r)
	})
}

var reference = regexp.MustCompile(`\$(?:\$|[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\}|\{)`)

// expand replaces references by variables that stand above. If one refers to
// anything else the text comes back as it is and e is foreign.
func (p *parser) expand(e *entry, raw string) string {
	grown := 0
	out := reference.ReplaceAllStringFunc(raw, func(m string) string {
		if m == "$$" {
			return "$"
		}
		e.refers = true
		target, ok := p.seen[strings.Trim(m, "${}")]
		grown += len(target.value)
		e.foreign = e.foreign || !ok || target.bare || target.foreign || grown > atomicfile.Limit // A=$A$A, many times
		if e.foreign {
			return ""
		}
		return target.value
	})
	if e.foreign {
		return raw
	}
	return out
}

// isBlank is white space that does not end a line.
func isBlank(r rune) bool {
	return r != '\n' && (r == 0x85 || r == 0xA0 || r <= ' ' && unicode.IsSpace(r))
}
