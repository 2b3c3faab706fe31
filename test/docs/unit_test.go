package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnits: systemd understands the units that the pages show.
func TestUnits(t *testing.T) {
	seen := 0
	for _, page := range written(t) {
		for _, b := range blocks(t, page) {
			if _, ok := b.order("unit"); !ok {
				continue
			}
			seen++
			verifyUnit(t, b)
		}
	}
	if seen == 0 {
		t.Error("no page shows a unit")
	}
}

func verifyUnit(t *testing.T, b block) {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze")
	}
	file := filepath.Join(t.TempDir(), "rotor.service")
	text := strings.ReplaceAll(b.text, "/usr/local/bin/rotor", filepath.Join(bin(t), "rotor"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "verify", "--man=no", file).CombinedOutput()
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "rotor.service") { // it also complains of the machine's own units
			t.Errorf("%s:%d: %s", b.page, b.line, line)
		}
	}
	if err != nil && !strings.Contains(string(out), "service") {
		t.Errorf("%s:%d: %v: %s", b.page, b.line, err, out)
	}
}
