package userlist

import (
	"strings"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
)

// document is an auth_file: its text and where the users stand in it. All offsets
// are into src, so whatever is not edited stays byte by byte.
type document struct {
	file    string
	src     string
	entries []entry
	stop    int // where PgBouncer stops reading: len(src), or a line without users behind it
}

// entry is one line.
type entry struct {
	user, value string
	start, end  int // the whole line with its end
	from, to    int // the value with its quotes
}

// spaces is what C's isspace skips between lines.
const spaces = " \t\n\v\f\r"

// parse reads as PgBouncer 1.18 does (load_auth_file in its loader.c), and refuses
// what that reads differently from what a person sees.
func parse(file, src string) (*document, error) {
	d := &document{file: file, src: src, stop: len(src)}
	if i := strings.IndexByte(src, 0); i >= 0 {
		return nil, d.malformed(i, "holds a zero byte, at which PgBouncer stops reading", "this is no text file; is it the right one?")
	}
	for pos := d.skip(0); pos < len(src); pos = d.skip(pos) {
		switch src[pos] {
		case ';':
			pos = d.lineEnd(pos)
			continue
		case '"':
		default:
			if strings.IndexByte(src[pos:], '"') < 0 {
				d.stop = strings.LastIndexByte(src[:pos], '\n') + 1
				return d, nil
			}
			return nil, d.foreign(pos)
		}
		e, err := d.entry(pos)
		if err != nil {
			return nil, err
		}
		d.entries = append(d.entries, e)
		pos = e.end
	}
	return d, nil
}

func (d *document) skip(pos int) int {
	return len(d.src) - len(strings.TrimLeft(d.src[pos:], spaces))
}

// lineEnd is the offset behind the line's \n.
func (d *document) lineEnd(pos int) int {
	if i := strings.IndexByte(d.src[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(d.src)
}

// entry reads the line whose first quote is at pos.
func (d *document) entry(pos int) (entry, error) {
	e := entry{start: strings.LastIndexByte(d.src[:pos], '\n') + 1, end: d.lineEnd(pos)}
	line := d.src[:e.end]
	user, next, ok := quoted(line, pos)
	if !ok {
		return e, d.malformed(pos, "a quote that is never closed", torn)
	}
	gap := strings.IndexByte(line[next:], '"')
	if gap < 0 {
		return e, d.malformed(pos, "a user without a password", torn)
	}
	e.from = next + gap
	value, to, ok := quoted(line, e.from)
	if !ok {
		return e, d.malformed(pos, "a quote that is never closed", torn)
	}
	e.user, e.value, e.to = user, value, to
	if strings.ContainsRune(value, '"') && strings.ContainsRune(line[to:], '"') || strings.Contains(line[to:], "\r\"") {
		return e, d.malformed(pos, "two lines in one",
			"somebody added a line to a file without a final newline, which changed the password of the user before it; part the lines")
	}
	if !utf8.ValidString(user) || !utf8.ValidString(value) {
		return e, d.malformed(pos, "a user or password that is not UTF-8", "save the file as UTF-8")
	}
	return e, nil
}

const torn = "every line is \"user\" \"password\"; a quote in either is written twice. Was the file cut off? PgBouncer would lock out this user and all below"

// quoted reads the text whose opening quote is at pos; next is behind the closing one.
func quoted(line string, pos int) (text string, next int, ok bool) {
	for i := pos + 1; i < len(line); i++ {
		if line[i] != '"' {
			continue
		}
		if i+1 < len(line) && line[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(line[pos+1:i], `""`, `"`), i + 1, true
	}
	return "", 0, false
}

func (d *document) foreign(pos int) error {
	switch {
	case pos == 0 && strings.HasPrefix(d.src, "\ufeff"):
		return d.malformed(pos, "begins with a byte order mark, at which PgBouncer stops reading", "save the file as UTF-8 without it")
	case d.src[pos] == '#':
		return d.malformed(pos, "a comment that PgBouncer does not know: it stops reading here", "comments begin with ;")
	}
	return d.malformed(pos, "a line that PgBouncer does not know: it stops reading here", torn)
}

// malformed never shows the line's text, which may be a secret.
func (d *document) malformed(offset int, what, hint string) error {
	return fault.New(fault.BadConfig, "%s:%d: %s", d.file, d.line(offset), what).WithHint("%s", hint)
}

func (d *document) line(offset int) int { return 1 + strings.Count(d.src[:offset], "\n") }
