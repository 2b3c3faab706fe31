package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\[[^\]\n]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?)\s*$`)
	code    = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`")
)

// everyPage also lists the generated ones.
func everyPage(t *testing.T) []string {
	out := written(t)
	err := filepath.WalkDir(filepath.Join(root, "docs", "reference"), func(file string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".md") {
			rel, _ := filepath.Rel(root, file)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLinks: links between pages lead to files and headings that exist.
func TestLinks(t *testing.T) {
	seen := 0
	for _, page := range everyPage(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil || u.Scheme != "" {
				if err != nil || u.Scheme != "https" && u.Scheme != "mailto" {
					t.Errorf("%s: %s", page, m[1])
				}
				continue
			}
			seen++
			to := page
			if u.Path != "" {
				to = path.Join(path.Dir(page), u.Path)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if u.Fragment != "" && !anchors(read(t, to))[u.Fragment] {
				t.Errorf("%s: %s: there is no such heading", page, m[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d links were looked at", seen)
	}
}

// anchors are made of headings as GitHub does.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
				return r
			}
			return -1
		}, m[1]))
		out[name] = true
	}
	return out
}

var fenced = regexp.MustCompile("(?ms)^```.*?^```")

var target = regexp.MustCompile("`make ([a-z]+)`|^make ([a-z]+)$")

// TestMakeTargets: what a page tells people to make exists.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range written(t) {
		for _, line := range strings.Split(read(t, page), "\n") {
			for _, m := range target.FindAllStringSubmatch(line, -1) {
				if name := m[1] + m[2]; !regexp.MustCompile(`(?m)^` + name + `:`).Match(makefile) {
					t.Errorf("%s: make %s does not exist", page, name)
				}
			}
		}
	}
}

// banned are words that promise instead of saying.
var banned = regexp.MustCompile(`(?i)\b(seamless|effortless|blazing|powerful|robust|cutting[- ]edge|world[- ]class|simply|just works|revolutionary|leverage|utili[sz]e)\b`)

func TestTone(t *testing.T) {
	for _, page := range written(t) {
		for i, line := range strings.Split(read(t, page), "\n") {
			if word := banned.FindString(line); word != "" {
				t.Errorf("%s:%d: %q promises instead of saying", page, i+1, word)
			}
		}
	}
}
