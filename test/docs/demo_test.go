package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// counts differ from run to run; what must be 0 is still compared.
var counts = regexp.MustCompile(`\b[1-9]\d*\b`)

// TestDemo: what the pages show of the demo is what it prints.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes half a minute")
	}
	var out string
	for _, page := range written(t) {
		for _, b := range blocks(t, page) {
			if _, ok := b.order("demo"); !ok {
				continue
			}
			if out == "" {
				out = demo(t)
			}
			rest := out
			for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
				line = counts.ReplaceAllString(plain(line), "N")
				_, after, found := strings.Cut(rest, line+"\n")
				if !found {
					t.Fatalf("%s:%d: the demo does not print, at this place\n%s", page, b.line, line)
				}
				rest = after
			}
		}
	}
	if out == "" {
		t.Error("no page shows the demo")
	}
}

func demo(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), "rotor"), "demo", "--crash")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	text, err := cmd.CombinedOutput()
	t.Logf("%s", text)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "no PostgreSQL") && os.Getenv("ROTOR_TEST_REQUIRE") != "all" {
		t.Skip("needs PostgreSQL: the demo went without")
	}
	return counts.ReplaceAllString(plain(string(text)), "N")
}
