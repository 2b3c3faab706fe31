package postgres

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzScript: what is shown reads back as what was meant, and nothing else is taken.
func FuzzScript(f *testing.F) {
	f.Add("nova_aos", "app.items", "x")
	f.Add(`other "db`, `"a;b"`, "COMMIT;")
	f.Add("a\nb", `\\connect "x"`, `\connect "x`)
	f.Fuzz(func(t *testing.T, database, object, line string) {
		var s script
		s.add(database, "ALTER TABLE "+object+" OWNER TO x", "GRANT SELECT ON "+object+" TO x")
		s.add(database, "DO "+literal(object))
		back, err := parseScript(s.lines())
		if database == "" || strings.ContainsRune(database, 0) {
			return // no server has one
		}
		if err != nil || !reflect.DeepEqual(back, s) || !s.within(back) {
			t.Fatalf("%q reads back as %q, %v", s.lines(), back, err)
		}
		if got, err := parseScript(append(s.lines(), line)); err == nil {
			for _, st := range got[len(got)-1].statements {
				if !ours(st) {
					t.Fatalf("%q was taken", st)
				}
			}
			if again := got.lines(); len(got) == len(s) && !slices.Contains([]string{"BEGIN;", "COMMIT;"}, line) && !slices.Contains(again, line) {
				t.Fatalf("%q was lost", line)
			}
		}
	})
}

// FuzzSplitNames reads back what the server would write.
func FuzzSplitNames(f *testing.F) {
	f.Add("public", "$user")
	f.Add("Odd, Schema", `a"b`)
	f.Add(" ", ",")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			return
		}
		text := ident(a) + ", " + ident(b)
		if got := splitNames(text); !slices.Equal(got, []string{a, b}) {
			t.Fatalf("%s reads as %q", text, got)
		}
		splitNames(a) // whatever it is
	})
}

func TestSettingsAreQuoted(t *testing.T) {
	for _, c := range [][3]string{
		{"search_path", `"$user", public`, "'$user', 'public'"},
		{"search_path", `""`, "''"},
		{"search_path", "", "''"},
		{"search_path", `app,"Odd, ""one"""`, `'app', 'Odd, "one"'`},
		{"statement_timeout", "40s", "'40s'"},
		{"work_mem", "it's", "'it''s'"},
	} {
		if got := settingValue(c[0], c[1]); got != c[2] {
			t.Errorf("%s = %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	for name, want := range map[string]string{"statement_timeout": "statement_timeout", "DateStyle": `"DateStyle"`, "app.tenant": `"app"."tenant"`, "role": "role", "my.select": `"my"."select"`} {
		if got := variable(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
