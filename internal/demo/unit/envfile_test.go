package unit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadEnv(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	text := "\n# comment\nA=1\nexport B = 'two # words' # comment\r\nC=\"x=y\"\nD=\nE=''\nF=a#b # c\nA=3\nURL='postgres://a:b@h/d?x=$y'\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEnv(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "3", "B": "two # words", "C": "x=y", "D": "", "E": "", "F": "a#b", "URL": "postgres://a:b@h/d?x=$y"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"A", "A B=1", "1A=2", "=x", "A='x", "A='x'y", `A="$B"`, "A=$B", "A=`id`", `A=\x`, "A=it's", "A='\x00'"} {
		if _, err := parseEnv(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := ReadEnv(path + "x"); err == nil {
		t.Error("a missing file is empty")
	}
}

func FuzzParseEnv(f *testing.F) {
	for _, s := range []string{"A=1\n", "export A='b' #c", "A=\"x\"\r\n\r\nB=", "A='", "\x00=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseEnv(text)
		if err != nil && values != nil {
			t.Error("values and an error")
		}
		for name, value := range values {
			if !variable.MatchString(name) || strings.ContainsAny(value, "\x00\n") {
				t.Errorf("%q: %q", name, value)
			}
			// what was read can be written down and read again
			if !strings.Contains(value, "'") {
				again, err := parseEnv(name + "='" + value + "'")
				if err != nil || again[name] != value {
					t.Errorf("%q became %q, %v", value, again[name], err)
				}
			}
		}
	})
}
