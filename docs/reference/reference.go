// Package reference holds the generated pages, so that the program can show them.
//
// What surprises: the pages are made from the program that shows them. `make
// generate` writes them, and a test fails when one is stale.
package reference

import (
	"embed"
	"strings"
)

//go:embed providers/*.md
var pages embed.FS

// Provider is the page of a provider, without the line that says who wrote it; "" if
// it was not generated yet.
func Provider(name string) string {
	text, err := pages.ReadFile("providers/" + name + ".md")
	if err != nil {
		return ""
	}
	_, page, _ := strings.Cut(string(text), "-->\n")
	return strings.TrimSpace(page)
}
