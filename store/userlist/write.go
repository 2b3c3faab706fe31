package userlist

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// What PgBouncer 1.18 takes. Names and values count as written, with doubled
// quotes: a longer one ends its reading of the file. A password of more than
// maxPassword bytes is read but never accepted. Newer versions take more.
const (
	maxUser     = 127
	maxValue    = 2047
	maxPassword = 1024
)

// apply returns the file's text after edit, nil if it stays, and proves it by
// parsing it again: what is set reads as it was given, and every other line is as
// it was.
func (d *document) apply(edit store.Edit) ([]byte, error) {
	for _, user := range edit.Delete {
		if _, both := edit.Set[user]; both {
			return nil, fault.New(fault.BadConfig, "user %q is to be set and deleted at once", user)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(edit.Set)) {
		if err := d.fits(user, edit.Set[user].Reveal()); err != nil {
			return nil, err
		}
	}
	out := d.splice(edit)
	if out == d.src {
		return nil, nil // not even a file is made
	}
	return []byte(out), d.prove(out, edit)
}

// fits says whether PgBouncer would read user and value as they are.
func (d *document) fits(user, value string) error {
	switch {
	case user == "":
		return fault.New(fault.BadConfig, "a user without a name").WithHint("the target's key is the user name, {{.username}} say")
	case strings.ContainsAny(user, "\x00\n\r") || !utf8.ValidString(user) || len(quote(user)) > maxUser+2:
		return fault.New(fault.BadConfig, "%.80q cannot be a user of PgBouncer", user).
			WithHint("names are one line of UTF-8, at most %d bytes long", maxUser)
	case strings.ContainsAny(value, "\x00\n\r") || !utf8.ValidString(value):
		return unwritable(user, "it is not one line of UTF-8", "choose a value of letters and digits")
	case len(quote(value)) > maxValue+2 || len(value) > maxPassword:
		return unwritable(user, "it is too long", "PgBouncer takes passwords of at most %d bytes", maxPassword)
	}
	return d.sameForm(user, value)
}

// sameForm keeps passwords and SCRAM secrets apart: PgBouncer 1.18 goes on using the
// keys of an old SCRAM secret after a password was read in its place, and no server
// connection can be opened until it is restarted.
func (d *document) sameForm(user, value string) error {
	fresh := formOf(value)
	if fresh == broken {
		return unwritable(user, "it is not a whole SCRAM secret", "PgBouncer would take it for a password; write {{.password}} or {{.verifier}} as the target's value")
	}
	held := none
	for _, e := range d.entries {
		if e.user == user {
			held = formOf(e.value)
		}
	}
	if held == none || fresh == none || fresh == held || held == broken {
		return nil
	}
	return fault.New(fault.BadConfig, "user %q has %s and would get %s", user, held, fresh).
		WithHint("PgBouncer mixes the two forms up until it is restarted: let the target's value be what stands there ({{.password}} or {{.verifier}}), or change it once by hand and restart PgBouncer")
}

func unwritable(user, why, hint string, args ...any) error {
	return fault.New(fault.Rejected, "the value of user %q cannot be written: %s", user, why).WithHint(hint, args...)
}

func quote(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// splice makes the new text: lines stay where they are, new users come last.
func (d *document) splice(edit store.Edit) string {
	var b strings.Builder
	missing := edit.Set.Clone()
	at := 0
	for _, e := range d.entries {
		v, set := edit.Set[e.user]
		delete(missing, e.user)
		switch {
		case slices.Contains(edit.Delete, e.user):
			b.WriteString(d.src[at:e.start])
			at = e.end
		case set && v.Reveal() != e.value:
			b.WriteString(d.src[at:e.from] + quote(v.Reveal()))
			at = e.to
		}
	}
	b.WriteString(d.src[at:d.stop])
	return d.grow(b.String(), missing) + d.src[d.stop:]
}

// grow adds one line for each user, with the file's own line ends.
func (d *document) grow(text string, missing secret.Set) string {
	eol := "\n"
	if i := strings.IndexByte(d.src, '\n'); i > 0 && d.src[i-1] == '\r' {
		eol = "\r\n"
	}
	for _, user := range missing.Names() {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += eol
		}
		text += quote(user) + " " + quote(missing[user].Reveal()) + eol
	}
	return text
}

// prove is the last look before the file is touched.
func (d *document) prove(text string, edit store.Edit) error {
	after, err := parse(d.file, text)
	if err != nil {
		return fault.Wrap(fault.Rejected, "the edited file would not be readable", err)
	}
	read := map[string]string{}
	for _, e := range after.entries {
		read[e.user] = e.value
	}
	for user, v := range edit.Set {
		if got, ok := read[user]; !ok || got != v.Reveal() {
			return unwritable(user, "the file would read back differently", "choose a value of letters and digits")
		}
	}
	for _, user := range edit.Delete {
		if _, ok := read[user]; ok {
			return fault.New(fault.Rejected, "user %q cannot be removed", user).WithHint("look at the file")
		}
	}
	if !slices.Equal(d.untouched(edit), after.untouched(edit)) {
		return fault.New(fault.Rejected, "the edit would change other users of %s", d.file).WithHint("look at the file")
	}
	return nil
}

// untouched lists the lines of the users that edit does not name.
func (d *document) untouched(edit store.Edit) []string {
	var out []string
	for _, e := range d.entries {
		if _, set := edit.Set[e.user]; !set && !slices.Contains(edit.Delete, e.user) {
			out = append(out, strings.TrimRight(d.src[e.start:e.end], "\r\n"))
		}
	}
	return out
}
