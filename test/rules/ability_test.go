package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asserted is an ability of a provider taken from its type.
var asserted = regexp.MustCompile(`\.\(provider\.[A-Z]`)

// TestAbilitiesAreAskedFor: a provider may have methods for what it cannot do; who
// wants an ability asks with provider.As.
func TestAbilitiesAreAskedFor(t *testing.T) {
	asks := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipped(d.Name()) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if asserted.Match(text) {
			t.Errorf("%s asserts an ability of a provider: use provider.As", file)
		}
		asks += strings.Count(string(text), "provider.As[")
		return err
	})
	if err != nil || asks < 20 {
		t.Errorf("%d asked for: %v", asks, err)
	}
}
