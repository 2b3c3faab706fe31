package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"sort"
	"strings"
)

// Encodings lists the forms in which a leaked value would be met: raw, URL,
// JSON, base64 in its three alignments, base64url, hex. Values under six bytes
// have no forms: they would match everywhere.
func Encodings(v Value) []string {
	raw := v.Reveal()
	if len(raw) < 6 {
		return nil
	}
	quoted, _ := json.Marshal(raw)
	forms := []string{raw, url.QueryEscape(raw), url.PathEscape(raw), string(quoted[1 : len(quoted)-1]),
		hex.EncodeToString([]byte(raw)), strings.ToUpper(hex.EncodeToString([]byte(raw)))}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			forms = append(forms, inner(enc, raw, shift))
		}
	}
	return unique(forms)
}

// inner is the part of a base64 text that depends on raw alone when shift
// unknown bytes stand before it and any bytes behind it.
func inner(enc *base64.Encoding, raw string, shift int) string {
	text := enc.EncodeToString(append(make([]byte, shift), raw...))
	from := []int{0, 2, 3}[shift] // characters that mix in the bytes before
	whole := (shift + len(raw)) / 3 * 4
	if whole <= from {
		return ""
	}
	return text[from:whole]
}

func unique(in []string) []string {
	seen := map[string]bool{}
	out := in[:0]
	for _, s := range in {
		if len(s) >= 6 && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// Scrubber replaces known values, in all Encodings, by [redacted]. It is the
// last net around errors and the output of child programs, not the method: the
// method is that nothing but a Value carries a secret. Safe for concurrent use.
type Scrubber struct{ replace *strings.Replacer }

// NewScrubber knows the given values; public ones are left alone.
func NewScrubber(values ...Value) *Scrubber {
	var forms []string
	for _, v := range values {
		if !v.IsPublic() {
			forms = append(forms, Encodings(v)...)
		}
	}
	// longest first, so that a value which contains another goes whole
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, redacted)
	}
	return &Scrubber{replace: strings.NewReplacer(pairs...)}
}

// Scrub returns text without the known values. A nil Scrubber knows none.
func (s *Scrubber) Scrub(text string) string {
	if s == nil {
		return text
	}
	return s.replace.Replace(text)
}
