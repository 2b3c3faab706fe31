// Package secret holds the type of every secret value in Rotor, sets of them,
// references to where one is read, fingerprints, sealing and scrubbing.
//
// What surprises: a Value prints as [redacted] in every verb, in JSON, YAML and
// slog, even from an unexported field; the only ways out are Reveal, whose call
// sites are on a tested allow-list, and this package's own Seal, Template and
// Scrubber.
package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
)

// Value is one secret string, or one public field of a secret (a user name).
// The zero Value is empty. Values are immutable and safe to share.
//
// It is built on *string: a type built on []byte or string leaks through fmt
// from an unexported field, where methods cannot be called.
type Value struct {
	text   *string
	public bool
}

const redacted = "[redacted]"

// New makes a secret value. The empty string gives the zero Value.
func New(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{text: &s}
}

// Public makes a field that belongs to a secret but is none: a user name, a key
// id. It prints as it is.
func Public(s string) Value {
	v := New(s)
	v.public = true
	return v
}

// AsPublic is the same text as a public field.
func (v Value) AsPublic() Value {
	v.public = true
	return v
}

// Reveal returns the text. Every call site is on the list of
// reveal_allowlist_test.go.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero says whether there is no text.
func (v Value) IsZero() bool { return v.text == nil }

// IsPublic says whether v may be shown.
func (v Value) IsPublic() bool { return v.public }

// Len is the length of the text in bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal compares in time that does not depend on the texts' content.
func (v Value) Equal(o Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(o.Reveal())) == 1
}

// String is the text of a public value and [redacted] of any other.
func (v Value) String() string {
	if v.public || v.text == nil {
		return v.Reveal()
	}
	return redacted
}

// GoString keeps %#v from walking into the pointer.
func (v Value) GoString() string { return "secret.Value(" + v.String() + ")" }

// Format covers every verb, %x and %q included.
func (v Value) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = fmt.Fprintf(f, "%q", v.String())
		return
	}
	_, _ = io.WriteString(f, v.String())
}

// MarshalText serves JSON, YAML and text encoders.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// LogValue serves slog.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// Set is one credential's value: named fields, some of them public.
type Set map[string]Value

// Clone returns a copy that shares no map.
func (s Set) Clone() Set {
	return maps.Clone(s)
}

// Equal compares field by field; absent and empty differ.
func (s Set) Equal(o Set) bool {
	if len(s) != len(o) {
		return false
	}
	for k, v := range s {
		w, ok := o[k]
		if !ok || !v.Equal(w) {
			return false
		}
	}
	return true
}

// Agrees says whether the secret fields that both sets have are equal, and that
// there is one: what is known of a value from before Rotor may be a part of it.
func (s Set) Agrees(o Set) bool {
	both := false
	for name, v := range s {
		w, ok := o[name]
		if !ok || v.public || w.public {
			continue
		}
		if both = true; !v.Equal(w) {
			return false
		}
	}
	return both
}

// Names lists the fields in order.
func (s Set) Names() []string { return slices.Sorted(maps.Keys(s)) }

// Secrets lists the non-public, non-empty values, for scrubbing.
func (s Set) Secrets() []Value {
	var out []Value
	for _, v := range s {
		if !v.public && v.text != nil {
			out = append(out, v)
		}
	}
	return out
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Random makes a value of n letters and digits from crypto/rand: no character
// needs escaping in a DSN, a .env file, SASLprep or a shell. n >= 22 gives 128
// bits.
func Random(n int) Value {
	out := make([]byte, 0, n)
	buf := make([]byte, n+16)
	for len(out) < n {
		_, _ = rand.Read(buf) // never fails (Go 1.24)
		for _, b := range buf {
			if b < 248 && len(out) < n { // 248 = 4*62: no modulo bias
				out = append(out, alphabet[b%62])
			}
		}
	}
	return New(string(out))
}
