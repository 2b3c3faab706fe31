package exec

import (
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// FuzzAnswer: whatever a program prints, a yes is a yes in the agreed form, and no error
// shows a value.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{`{"ok": true}`, `{"ok":false}`, `{}`, `null`, `{"error":{"kind":"rejected","message":"no"}}`,
		`{"error":{"kind":"denied","message":"fuzz-value-1a2b3c4d","retry-after":1e300}}`, `{"ok":true,"ok":false}`, "\ufeff{}", `{"ok":true}]`} {
		f.Add(text)
	}
	p, err := New(Options{Program: []string{"/bin/rotor-provider-fuzz"}, Can: []string{"find"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	const value = "fuzz-value-1a2b3c4d"
	f.Fuzz(func(t *testing.T, text string) {
		c := call{Method: "verify", hide: []secret.Value{secret.New(value)}}
		var got done
		err := p.understand("fuzz: verify", c, bounded{text: []byte(text)}, &got)
		if err == nil {
			return
		}
		if said := err.Error() + fault.HintOf(err); strings.Contains(said, value) || strings.ContainsAny(said, "\n\x00\x1b") {
			t.Errorf("%q", said)
		}
		if d := fault.RetryAfterOf(err); d < 0 || d > longestWait {
			t.Errorf("retry after %s", d)
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("no such key", "id-1")
	f.Add("sk-9aK3jd82Lq04MzXw81Bv\nand more", "")
	f.Fuzz(func(t *testing.T, text, public string) {
		c := call{public: []string{public}, hide: []secret.Value{secret.New("fuzz-value-1a2b3c4d")}}
		got := c.words(text)
		if strings.Contains(got, "fuzz-value-1a2b3c4d") || strings.ContainsAny(got, "\n\r\x00\x1b") || len(got) > 310 {
			t.Errorf("%q", got)
		}
		if strings.Contains(c.prose(text), "fuzz-value-1a2b3c4d") {
			t.Errorf("prose of %q", text)
		}
	})
}
