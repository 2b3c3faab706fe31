package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReferenceIsFresh: the generated pages say what the program says.
func TestReferenceIsFresh(t *testing.T) {
	program := filepath.Join(t.TempDir(), "gendocs")
	build := exec.Command("go", "build", "-o", program, "./internal/gendocs")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check := exec.Command(program, "-check")
	check.Dir = root
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	staleIsNoticed(t, program)
}

// staleIsNoticed: a check that finds nothing in a changed copy is none.
func staleIsNoticed(t *testing.T, program string) {
	copied := copyTree(t)
	page := filepath.Join(copied, "docs", "reference", "exit-codes.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	stale := strings.Replace(string(text), "| 5 |", "| 9 |", 1)
	extra := filepath.Join(copied, "docs", "reference", "stores", "gone.md")
	if err := os.WriteFile(page, []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(extra, []byte("a store that is gone"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := exec.Command(program, "-check", "-root", copied)
	out, err := check.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "exit-codes.md") || !strings.Contains(string(out), "gone.md") {
		t.Errorf("a stale and a needless page: %v\n%s", err, out)
	}
}
