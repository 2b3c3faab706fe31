package userlist

import (
	"maps"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// reads is what PgBouncer 1.18 makes of a file: load_auth_file of its loader.c,
// written down again.
func reads(src string) map[string]string {
	users := map[string]string{}
	src, _, _ = strings.Cut(src, "\x00")
	at := func(i int) byte {
		if i < len(src) {
			return src[i]
		}
		return 0
	}
	quoteAt := func(i int, start bool) int {
		for {
			for at(i) != 0 && at(i) != '"' {
				i++
			}
			if at(i) == '"' && at(i+1) == '"' && !start {
				i += 2
				continue
			}
			return i
		}
	}
	line := func(i int) int {
		for at(i) != 0 && at(i) != '\n' {
			i++
		}
		return i
	}
	for p := 0; at(p) != 0; {
		for at(p) != 0 && strings.IndexByte(spaces, at(p)) >= 0 {
			p++
		}
		if at(p) == ';' {
			p = line(p)
			continue
		}
		if at(p) != '"' {
			break
		}
		var field [2]string
		for i := range field {
			p = quoteAt(p, true)
			end := quoteAt(p+1, false)
			if at(p) == 0 || at(end) == 0 || end-p-1 >= []int{128, 2048}[i] {
				return users
			}
			field[i] = strings.ReplaceAll(src[p+1:end], `""`, `"`)
			p = end + 1
		}
		users[field[0]] = field[1]
		p = line(p)
	}
	return users
}

// FuzzEdit: whatever the file and the value, an edit is refused, or PgBouncer reads
// exactly what was set and what it read before.
func FuzzEdit(f *testing.F) {
	for _, file := range []string{
		"", "\"a\" \"1\"\n", `"a" "1"`, "; c\r\n\t\"a\"  \"1\" x \"y\"\r\n\"b\" \"\"\n", "\"a\" \"1\"\"b\" \"2\"", "\"a\"\n\"b\" \"c\"", "\"a\" \"1\"\n# x\n",
		"\"a\" \"p\"\"\"\n\"a\" \"\"\"\"\n", "\"\" \"x\"\v\n\f\"a\"\"1\"",
	} {
		f.Add(file, "a", `x"y`, false)
		f.Add(file, "b", "plain", true)
	}
	f.Fuzz(func(t *testing.T, file, user, value string, remove bool) {
		doc, err := parse("f", file)
		if err != nil {
			return
		}
		before := reads(file)
		for _, e := range doc.entries {
			if len(quote(e.user)) > maxUser+2 || len(quote(e.value)) > maxValue+2 {
				return // newer versions of PgBouncer read it
			}
		}
		held := map[string]string{}
		for _, e := range doc.entries {
			held[e.user] = e.value
		}
		if !maps.Equal(held, before) {
			t.Fatalf("PgBouncer reads %q, we read %q", before, held)
		}
		change := store.Edit{Set: secret.Set{user: secret.New(value)}}
		if remove {
			change = store.Edit{Delete: []string{user}}
		}
		out, err := doc.apply(change)
		if err != nil {
			return
		}
		if out == nil {
			out = []byte(file)
		}
		if before[user] = value; remove {
			delete(before, user)
		}
		if after := reads(string(out)); !maps.Equal(after, before) {
			t.Fatalf("PgBouncer reads %q, want %q", after, before)
		}
		again, err := parse("f", string(out))
		if err != nil {
			t.Fatal(err)
		}
		if more, err := again.apply(change); err != nil || more != nil {
			t.Fatalf("the same edit twice: %v", err)
		}
	})
}
