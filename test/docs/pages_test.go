package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// written lists the pages that people write, from the root of the tree.
func written(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			rel, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, filepath.ToSlash(rel))
		}
	}
	if len(out) < 8 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

// block is a fenced block of a page.
type block struct {
	page     string
	line     int // of its first line of text, from 1
	language string
	text     string
	orders   []string // "skip WHY", "file NAME": see main_test.go
}

var (
	fence = regexp.MustCompile("^(`{3,})([a-z]*)$")
	order = regexp.MustCompile(`^<!-- test: (.+?) -->$`)
	known = regexp.MustCompile(`^(skip .+|file \S+|fresh|world (nova|legacy|doubles)|config (nova|legacy)|checkout|tree|needs (vault|sqlite3|jq)|unit|demo|exit \d+)$`)
)

func read(t testing.TB, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks splits a page. Orders stand in comments right above a block.
func blocks(t testing.TB, page string) []block {
	t.Helper()
	var out []block
	var orders []string
	var open *block
	mark := ""
	for i, line := range strings.Split(read(t, page), "\n") {
		m := fence.FindStringSubmatch(line)
		o := order.FindStringSubmatch(line)
		switch {
		case open != nil && line == mark:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case m != nil:
			open, mark = &block{page: page, line: i + 2, language: m[2], orders: orders}, m[1]
			orders = nil
		case o != nil:
			orders = append(orders, o[1])
			if !known.MatchString(o[1]) {
				t.Errorf("%s:%d: no such order for the test: %s", page, i+1, o[1])
			}
		case strings.TrimSpace(line) != "" && len(orders) > 0:
			t.Errorf("%s:%d: an order for the test stands above no block", page, i)
			orders = nil
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block does not end", page, open.line)
	}
	return out
}

// order gives the rest of an order that begins with the word.
func (b block) order(word string) (string, bool) {
	for _, o := range b.orders {
		if o == word {
			return "", true
		}
		if rest, ok := strings.CutPrefix(o, word+" "); ok {
			return rest, true
		}
	}
	return "", false
}

func (b block) runs() bool {
	_, skip := b.order("skip")
	return !skip && (b.language == "sh" || b.language == "console")
}
