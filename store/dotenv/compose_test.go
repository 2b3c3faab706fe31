package dotenv_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// compose asks docker compose itself what it reads in the .env file of dir. It
// says so in a file that it would itself read again, with every $ doubled.
func compose(t *testing.T, dir string, keys []string) map[string]string {
	t.Helper()
	project := testserver.Docker(t)
	var yaml strings.Builder
	yaml.WriteString("services:\n  a:\n    image: none\n    environment:\n")
	for _, key := range keys {
		fmt.Fprintf(&yaml, "      %s: ${%s}\n", key, key)
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(yaml.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := project.Command(t.Context(), "compose", "-p", project.Name, "config", "--format", "json")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker compose config: %v", err)
	}
	var answer struct {
		Services map[string]struct{ Environment map[string]string }
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	read := answer.Services["a"].Environment
	for key := range read {
		read[key] = strings.ReplaceAll(read[key], "$$", "$")
	}
	return read
}

func TestComposeReadsWhatIsWritten(t *testing.T) {
	s, file := open(t, "# by hand\nexport T0=plain\r\nT1=\"quoted\" # c\nT2='single'\nT3=\nT4=x T5\n")
	texts := []string{
		"plain", "pa$$word$x#y", "a b # c", " lead and trail ", "it's", `say "hi"`, `both ' and "`, `back\slash\n`, `end\`, `end\\`, `\'`, `'\`,
		"two\nlines", "it's\ntwo\r\nlines\r\n", "tab\there", "${HOME}", "$T1'", "'$$'", "#", "=", "", "é✓🔑", "{\"a\": [1]}", "`id`", "$(id)", "\\$", "\\\\$'",
		strings.Repeat("0123456789", 2000),
	}
	e := store.Edit{Set: secret.Set{}}
	keys := make([]string, len(texts))
	for i, text := range texts {
		keys[i] = fmt.Sprintf("T%d", i)
		e.Set[keys[i]] = secret.New(text)
	}
	if err := edit(t, s, e); err != nil {
		t.Fatal(err)
	}
	read := compose(t, filepath.Dir(file), keys)
	for i, text := range texts {
		if got, ok := read[keys[i]]; !ok || got != text {
			t.Errorf("%q: compose reads %q", text, got)
		}
	}
}

func TestGetReadsWhatComposeReads(t *testing.T) {
	s, file := open(t, strings.Join([]string{
		"A=x # c", "B= y", "C='a\\'b'", `D="q\"\$A\t$A"`, "E=pa$$w", "F=${A}-${E}", "G=\"two\nlines\"", "H: yaml", "export I=\"x\" J='y'", "K=a#b", "L=", "A2=$1", "N='$A'", "O=1", "O=2", "P=\"\\0101\"",
	}, "\n")+"\r\n")
	set, _, err := s.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	for key, want := range compose(t, filepath.Dir(file), keys) {
		if got := set[key].Reveal(); got != want {
			t.Errorf("%s: %q, compose reads %q", key, got, want)
		}
	}
}
