package dotenv

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// FuzzEdit: whatever the file and the value, an edit is refused or it sets
// exactly the value, and every other statement keeps its bytes.
func FuzzEdit(f *testing.F) {
	for _, file := range []string{
		"", "A=1\n", "A", "\ufeffexport A = '1' # c\r\nB: \"x\\\"y\\0123\"\n", "A='x\ny' B=\"${A}$$\"", "A= #x\nA=\nB=$A", "#A=1\n\n\r\n", "A=\\'\nB='\\''\n",
	} {
		f.Add(file, "A", `it's "x" $y \`, false)
		f.Add(file, "B", "plain", true)
	}
	f.Add("A=xy\n"+strings.Repeat("A=$A$A\n", 60), "B", "x", false) // must not need 2^60 bytes
	f.Fuzz(func(t *testing.T, file, key, value string, remove bool) {
		doc, err := parse("f", []byte(file))
		if err != nil {
			return
		}
		for i, e := range doc.entries {
			if e.start > e.from || e.from > e.to || e.to > e.end || i > 0 && doc.entries[i-1].end > e.start {
				t.Fatalf("entry %d overlaps", i)
			}
		}
		change := store.Edit{Set: secret.Set{key: secret.New(value)}}
		if remove {
			change = store.Edit{Delete: []string{key}}
		}
		out, err := doc.apply(change) // proves itself; here only what it cannot prove
		if err != nil || out == nil {
			return
		}
		if !utf8.Valid(out) {
			t.Fatal("not UTF-8 any more")
		}
		after, err := parse("f", out)
		if err != nil {
			t.Fatalf("unreadable afterwards: %v", err)
		}
		again, err := after.apply(change)
		if err != nil || again != nil {
			t.Fatalf("the same edit twice: %v\n%q\n%q", err, out, again)
		}
	})
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`A=x`: "x", `A= x # c`: "x", `A=x#y`: "x#y", `A='x # y' # c`: "x # y", `A="a\tb\\n\"\$X\q"`: "a\tb\\n\"$X\\q",
		`A='a\tb\'c'`: `a\tb'c`, `A="\0101\08"`: `A\8`, "A='1'\nA=2": "2", "B=1\nA=x${B}$B": "x11", `A=pa$$w`: "pa$w", `A=100$`: "100$",
		`A=$1`: "$1", `A=${NO}x`: "${NO}x", "A=\"x\ny\"": "x\ny", "A:  y": "y", "export\tA=z": "z", "exportA=q\nA=r": "r", "A=": "", "A=''": "",
	} {
		doc, err := parse("f", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if e := doc.entries[len(doc.entries)-1]; e.key != "A" || e.value != want {
			t.Errorf("%q: %s = %q, want %q", text, e.key, e.value, want)
		}
	}
}
