package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestConfigurations: every rotor.yaml of the pages is valid. A block without
// version: is a part: it replaces the same sections of the page's first whole one.
func TestConfigurations(t *testing.T) {
	seen := 0
	for _, page := range written(t) {
		var whole yaml.MapSlice
		for _, b := range blocks(t, page) {
			if b.language != "yaml" {
				continue
			}
			if _, skip := b.order("skip"); skip {
				continue
			}
			var part yaml.MapSlice
			if err := yaml.UnmarshalWithOptions([]byte(b.text), &part, yaml.UseOrderedMap()); err != nil {
				t.Errorf("%s:%d: %v", page, b.line, err)
				continue
			}
			text := b.text
			if has(part, "version") {
				if whole == nil {
					whole = part
				}
			} else {
				text = merged(t, b, whole, part)
			}
			seen++
			validate(t, b, text)
		}
	}
	if seen < 10 {
		t.Errorf("only %d configurations were looked at", seen)
	}
}

func has(m yaml.MapSlice, key string) bool {
	_, ok := m.ToMap()[key]
	return ok
}

// merged puts the sections of part over those of whole. Stores, consumers and
// checks are added to; credentials are replaced, so that none clash.
func merged(t *testing.T, b block, whole, part yaml.MapSlice) string {
	t.Helper()
	if whole == nil {
		t.Fatalf("%s:%d: a part of a rotor.yaml, but the page has no whole one above it", b.page, b.line)
	}
	out := yaml.MapSlice{}
	for _, section := range whole {
		for _, p := range part {
			if p.Key != section.Key {
				continue
			}
			have, ok := section.Value.(yaml.MapSlice)
			more, ok2 := p.Value.(yaml.MapSlice)
			if ok && ok2 && p.Key != "credentials" {
				section.Value = append(append(yaml.MapSlice{}, without(have, more)...), more...)
			} else {
				section.Value = p.Value
			}
		}
		out = append(out, section)
	}
	for _, p := range part {
		if !has(whole, p.Key.(string)) {
			out = append(out, p)
		}
	}
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatalf("%s:%d: %v", b.page, b.line, err)
	}
	return string(text)
}

func without(have, more yaml.MapSlice) yaml.MapSlice {
	var out yaml.MapSlice
	for _, h := range have {
		if !has(more, h.Key.(string)) {
			out = append(out, h)
		}
	}
	return out
}

func validate(t *testing.T, b block, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rotor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin(t), "rotor"), "config", "validate", "--config", file)
	cmd.Env = []string{"HOME=" + filepath.Dir(file)}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s:%d: %v\n%s\n%s", b.page, b.line, err, out, text)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "warning") && !strings.Contains(line, "used by") && !strings.Contains(line, "not used") && !strings.Contains(line, "nobody") {
			t.Errorf("%s:%d: %s", b.page, b.line, line)
		}
	}
}
