package dotenv

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

var (
	name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
	// plain text means the same to every reader in every quoting.
	plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)
)

// apply returns the file's text after edit, nil if it stays, and proves it by parsing it again:
// what is set reads as it was given, what is not mentioned is as it was.
func (d *document) apply(edit store.Edit) ([]byte, error) {
	pieces, err := d.pieces(edit)
	if err != nil {
		return nil, err
	}
	out := d.splice(pieces)
	missing := secret.Set{}
	for key, v := range edit.Set {
		if !d.has(key) {
			missing[key] = v
		}
	}
	out, err = d.grow(out, missing)
	if err != nil {
		return nil, err
	}
	if out == d.src {
		return nil, nil // not even a file is made
	}
	return []byte(out), d.prove(out, edit)
}

func (d *document) has(key string) bool {
	return slices.ContainsFunc(d.entries, func(e entry) bool { return e.key == key && !e.bare })
}

// piece replaces src[from:to].
type piece struct {
	from, to int
	text     string
}

func (d *document) pieces(edit store.Edit) ([]piece, error) {
	for _, key := range edit.Delete {
		if _, both := edit.Set[key]; both {
			return nil, fault.New(fault.BadConfig, "variable %s is to be set and deleted at once", key)
		}
	}
	var out []piece
	for _, e := range d.entries {
		v, set := edit.Set[e.key]
		switch {
		case slices.Contains(edit.Delete, e.key):
			out = append(out, d.removal(e))
		case set && e.foreign:
			return nil, fault.New(fault.BadConfig, "%s:%d: %s takes its value from a variable that is not in this file", d.file, e.line, e.key).
				WithHint("Rotor could not put it back; write the value itself, or quote it with ' if the $ belongs to it")
		case set && !e.bare && (e.refers || v.Reveal() != e.value):
			text, err := encode(e.key, v.Reveal(), &e)
			if err != nil {
				return nil, err
			}
			out = append(out, piece{e.from, e.to, text})
		}
	}
	return out, nil
}

// removal takes the whole line if the statement is alone on it, with a comment
// behind it, else the statement.
func (d *document) removal(e entry) piece {
	from, to := e.start, e.end
	lineStart := strings.LastIndexByte(d.src[:from], '\n') + 1
	if lineStart == 0 && strings.HasPrefix(d.src, bom) {
		lineStart = len(bom)
	}
	lineEnd := len(d.src)
	if i := strings.IndexByte(d.src[to:], '\n'); i >= 0 {
		lineEnd = to + i + 1
	}
	behind := strings.TrimSpace(d.src[to:lineEnd])
	if strings.TrimSpace(d.src[lineStart:from]) == "" && (behind == "" || behind[0] == '#') {
		return piece{lineStart, lineEnd, ""}
	}
	return piece{from, to, ""}
}

func (d *document) splice(pieces []piece) string {
	var b strings.Builder
	at := 0
	for _, p := range pieces { // in the order of the file, without overlap
		b.WriteString(d.src[at:p.from])
		b.WriteString(p.text)
		at = p.to
	}
	b.WriteString(d.src[at:])
	return b.String()
}

// grow appends new variables, one a line, with the file's own line ends.
func (d *document) grow(text string, set secret.Set) (string, error) {
	eol := "\n"
	if i := strings.IndexByte(d.src, '\n'); i > 0 && d.src[i-1] == '\r' {
		eol = "\r\n"
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		if !name.MatchString(key) {
			return "", fault.New(fault.BadConfig, "%q cannot be the name of a variable", key).
				WithHint("names consist of letters, digits and _ and do not begin with a digit")
		}
		value, err := encode(key, set[key].Reveal(), nil)
		if err != nil {
			return "", err
		}
		if text != "" && text != bom && !strings.HasSuffix(text, "\n") {
			text += eol
		}
		text += key + "=" + value + eol
	}
	return text, nil
}

// encode writes value so that compose reads exactly it. Plain values keep the
// quoting that stands there; else single quotes, in which nothing means
// anything; else double quotes with escapes.
func encode(key, value string, old *entry) (string, error) {
	switch {
	case strings.ContainsRune(value, 0) || !utf8.ValidString(value):
		return "", unwritable(key, "it is not UTF-8 text", "encode it, in base64 say, and decode it in the application")
	case old != nil && old.to > old.from && plain.MatchString(value):
		if old.quote == 0 {
			return value, nil
		}
		return string(old.quote) + value + string(old.quote), nil
	case !strings.ContainsAny(value, "'\r") && trailingBackslashes(value)%2 == 0:
		return "'" + value + "'", nil
	case strings.ContainsRune(value, '`'):
		return "", unwritable(key, "compose and a shell would read it differently",
			"a value with both ' or a final backslash and ` has no safe form in a .env file; choose another value or a store of type file")
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\r", `\r`).Replace(value) + `"`, nil
}

// trailingBackslashes: an odd number would escape the closing quote.
func trailingBackslashes(s string) int { return len(s) - len(strings.TrimRight(s, `\`)) }

func unwritable(key, why, hint string) error {
	return fault.New(fault.Rejected, "variable %s cannot be written: %s", key, why).WithHint("%s", hint)
}

// prove is the last look before the file is touched.
func (d *document) prove(text string, edit store.Edit) error {
	after, err := parse(d.file, []byte(text))
	if err != nil {
		return fault.Wrap(fault.Rejected, "the edited file would not be readable", err)
	}
	read := map[string]string{}
	for _, e := range after.entries {
		if !e.bare {
			read[e.key] = e.value
		}
	}
	for key, v := range edit.Set {
		if got, ok := read[key]; !ok || got != v.Reveal() {
			return unwritable(key, "the file would read back differently", "choose a value without quotes, backslashes and $")
		}
	}
	for _, key := range edit.Delete {
		if _, ok := read[key]; ok {
			return fault.New(fault.Rejected, "variable %s cannot be removed", key)
		}
	}
	if !slices.Equal(untouched(d, edit), untouched(after, edit)) {
		return fault.New(fault.Rejected, "the edit would change other variables of %s", d.file)
	}
	return nil
}

// untouched lists the raw statements of the variables that edit does not name.
func untouched(d *document, edit store.Edit) []string {
	var out []string
	for _, e := range d.entries {
		if _, set := edit.Set[e.key]; !set && !slices.Contains(edit.Delete, e.key) {
			out = append(out, d.src[e.start:e.end])
		}
	}
	return out
}
