package exec

import (
	"regexp"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/secret"
)

// longWord is what a key looks like that Rotor does not know: a vendor's answer, quoted
// by a program in a message, may hold one that was made a moment ago.
var longWord = regexp.MustCompile(`[A-Za-z0-9+=_~-]{20,}`)

const cutOut = "[redacted]"

// words is what a program says of a failure, fit to be kept and shown: one line, no
// known value in any form, and no long word with a digit in it but ids and labels that
// are shown anyway.
func (c call) words(text string) string {
	text = c.scrubbed(strings.Join(strings.Fields(printable(text)), " "))
	text = longWord.ReplaceAllStringFunc(text, func(word string) string {
		known := func(public string) bool { return strings.Contains(public, word) }
		if !strings.ContainsAny(word, "0123456789") || slices.ContainsFunc(c.public, known) {
			return word
		}
		return cutOut
	})
	switch {
	case text == "":
		return "(nothing)"
	case len(text) > 300:
		return strings.ToValidUTF8(text[:300], "") + " …"
	}
	return text
}

// prose is text for a person: notes, instructions, who uses a value. It may have lines
// and long words.
func (c call) prose(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(printable(line), " ")
	}
	text = c.scrubbed(strings.Join(lines, "\n"))
	if len(text) > 4000 {
		return strings.ToValidUTF8(text[:4000], "") + " …"
	}
	return text
}

func (c call) scrubbed(text string) string { return secret.NewScrubber(c.hide...).Scrub(text) }

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// shows says whether a text that is kept and shown holds one of the values.
func shows(text string, values []secret.Value) bool {
	return secret.NewScrubber(values...).Scrub(text) != text
}
