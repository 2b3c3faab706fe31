package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

// places are where somebody may paste a secret: at references, at a template,
// behind a mistyped key, in a block that is wrong otherwise.
var places = []string{
	"version: 1\nstores: {v: {type: vaultkv, mount: m, token: %s}}\n",
	"version: 1\nstores:\n  v:\n    type: vaultkv\n    mount: m\n    token: %s\n",
	"version: 1\nstores:\n  v:\n    type: vaultkv\n    mount: m\n    tokn: %s # the old one\n    mont: x\n",
	"version: 2\nstores:\n  v: {type: vaultkv, mount: [m], token: %s}\n",
	"version: 1\ncredentials:\n  c:\n    owner: P\n    every: never\n    provider: {type: postgres, admin: %s}\n    targets: []\n",
	"version: 1\nchecks:\n  c: {type: http, url: 5, bearer: %s, headers: {authorization: %[1]s}}\n",
	"version: 1\nstores: {v: {type: vaultkv, mount: m}}\ncredentials:\n  c:\n    owner: P\n    every: never\n    provider: {type: generated}\n    targets: [{store: v, path: p, key: k, value: %s}]\n",
	"version: 1\nstores:\n  v:\n    type: vaultkv\n    mount: m\n    token:\n      - %s\n",
	"version: 1\nstate: {postgres: %s, workers: many}\n",
	"version: 1\nstores:\n  v:\n    type: vaultkv\n    token: %s\n    token: %[1]s\n",
}

// spoken collects everything that an error says.
func spoken(t *testing.T, err error) string {
	t.Helper()
	var list *Errors
	if !errors.As(err, &list) {
		t.Fatalf("a %T", err)
	}
	asJSON, _ := json.Marshal(list.Problems)
	return strings.Join([]string{err.Error(), Explain(err), fault.HintOf(err), fmt.Sprintf("%+v", list.Problems), string(asJSON)}, "\n")
}

func FuzzNoSecretIsRepeated(f *testing.F) {
	for _, s := range [][2]string{
		{"", ""}, {"sk-", ""}, {"postgres://u:", "@host/db"}, {"a: ", ""}, {"*", ""}, {"&", " x"}, {"!", " x"}, {"# ", ""}, {"env:", ""},
		{"v:", "#k"}, {"v:a#", ""}, {"\"", "\""}, {"'", ""}, {"x\n  y", "\nz"}, {"|\n      ", ""}, {"{{", "}}"}, {"{{.a}}", ""}, {"\t", "\\"}, {"- ", ""}, {"? ", ""},
		{"\"a\n  ", "\""}, {"v", ":#"}, {"<<: ", ""}, {"=", "é"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if _, what, _ := parseRef(strings.TrimSpace(before+marker+after), "/", []string{"v"}); what == "" {
			return // a reference; those may be shown
		}
		texts := []string{}
		if quoted, err := json.Marshal(before + marker + after); err == nil {
			texts = append(texts, string(quoted))
		}
		// unquoted, as long as it cannot become a key or a field of its own
		if !strings.ContainsAny(before+after, ",{}[]\n\r\u0085\u2028\u2029") && !strings.Contains(before+after, "<<") {
			texts = append(texts, before+marker+after)
		}
		if !strings.ContainsAny(before+after, "\n\r\u0085\u2028\u2029") {
			texts = append(texts, "|\n        "+before+marker+after+"\n        "+marker, ">-\n        "+marker+after)
		}
		for _, text := range texts {
			for _, place := range places {
				body := fmt.Sprintf(place, text)
				_, err := Parse("rotor.yaml", []byte(body), stubKinds())
				if err == nil {
					continue // it is something harmless after all
				}
				if said := spoken(t, err); strings.Contains(said, "MARKER") {
					t.Fatalf("of\n%s\nis said\n%s", body, said)
				}
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("version: 1\nstores: {a: {type: file, path: x}}\ncredentials: {b: {<<: [*x, {a: 1}]}}"))
	f.Add([]byte("a: &a [*a, *a]\nb: &b [*a,*a]\n? x\n: y\n- z"))
	f.Add([]byte("version: !!int 1\ncredentials:\n  a: |\n   x\n  \"b\\x1b[2J\": >-\n   y\n---\n...\n"))
	f.Add([]byte("version: 0x1\ndefaults: {window: [~], grace: 1e9, every: 0b1}\nstate: {workers: .inf}"))
	f.Add([]byte(strings.Repeat("[", 200)))
	f.Add([]byte(strings.Repeat("- ", 200)))
	f.Add([]byte(strings.Repeat("? ", 200) + "a"))
	f.Add([]byte("\xff\xfe\x00v\x00e"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Parse("/x/rotor.yaml", body, stubKinds())
		if err != nil {
			said := spoken(t, err)
			if c != nil || said == "" || fault.KindOf(err) != fault.BadConfig || strings.ContainsAny(err.Error(), "\x1b\x00\r") {
				t.Fatalf("%v with %q", c, said)
			}
			return
		}
		view, err := View(c, false)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("/x/rotor.yaml", view, stubKinds())
		if err != nil {
			t.Fatalf("the view\n%s\nof\n%s\ndoes not read back: %s", view, body, Explain(err))
		}
		mustBeSame(t, c, again)
	})
}
