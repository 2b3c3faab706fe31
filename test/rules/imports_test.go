// Package rules tests the shape of the tree itself: who may import whom, where a
// value may be revealed, what stands in the documents.
package rules

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/agenticverz/rotor/"

var root = filepath.Join("..", "..")

// rooms says what each room may import of ours. An implementation (a folder in a
// room) may import its room, what its room may import, and internal. app may
// import everything; test/, exams and test files are exempt.
var rooms = map[string][]string{
	"rotation": {},
	"secret":   {"fault"}, // references and templates report in kinds, like every room
	"fault":    {},
	"audit":    {},
	"policy":   {"rotation"},
	"journal":  {"rotation", "audit", "fault"},
	"provider": {"internal/registry", "rotation", "secret", "fault"},
	"store":    {"internal/registry", "secret", "fault"},
	"consumer": {"internal/registry", "secret", "fault"},
	"check":    {"internal/registry", "secret", "fault"},
	"engine":   {"rotation", "secret", "fault", "journal", "provider", "store", "consumer", "check", "audit", "internal/seeded"},
	"runner":   {"engine", "journal", "policy", "rotation", "secret", "fault"}, // secret: Supply hands a value on
	"config":   {"policy", "rotation", "secret", "fault"},
	"cli":      {"app", "config", "rotation", "policy", "audit", "secret", "fault", "journal", "docs/reference"},
	"docs":     {},
	"doubles":  {}, // vendors' behaviour: knows nothing of Rotor
	"cmd":      {"cli", "doubles", "doubles/all"},
}

// exceptions, each with its reason.
var exceptions = map[string][]string{
	"cli": {"internal/demo"}, // the demo is a story told by the command line; nothing else uses it
}

func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && skipped(d.Name()) {
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, _ := filepath.Rel(root, file)
		seen++
		checkImports(t, filepath.ToSlash(rel), imports(t, file))
		return nil
	})
	if err != nil || seen < 100 {
		t.Fatalf("read %d files: %v", seen, err)
	}
}

func skipped(dir string) bool {
	return dir == "testdata" || dir == ".git" || dir == "bin" || dir == "dist" || dir == "node_modules"
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if ours, ok := strings.CutPrefix(p, module); ok {
			out = append(out, ours)
		}
	}
	return out
}

func checkImports(t *testing.T, file string, ours []string) {
	t.Helper()
	dir := path.Dir(file)
	room, _, implementation := strings.Cut(dir, "/")
	allowed, known := rooms[room]
	switch {
	case room == "app" || room == "test" || room == "internal" || strings.HasSuffix(dir, "test"):
		return // internal serves everybody; its own imports are looked at below
	case !known:
		t.Errorf("%s: the room %q is not in the table", file, room)
		return
	}
	for _, i := range ours {
		within := i == room || strings.HasPrefix(i, room+"/") && strings.HasSuffix(dir, "/all")
		fine := within || slices.Contains(allowed, i) || slices.Contains(exceptions[dir], i) ||
			implementation && strings.HasPrefix(i, "internal/") && !strings.HasSuffix(i, "test")
		if !fine && i != dir {
			t.Errorf("%s imports %s", file, i)
		}
	}
}

// TestTheTableItself: a rule that lets everything through is no rule.
func TestTheTableItself(t *testing.T) {
	probe := &testing.T{}
	checkImports(probe, "store/dotenv/x.go", []string{"consumer"})
	if !probe.Failed() {
		t.Error("a side room may import another one")
	}
	probe = &testing.T{}
	checkImports(probe, "engine/x.go", []string{"store/memory"})
	if !probe.Failed() {
		t.Error("the engine may import an implementation")
	}
}
