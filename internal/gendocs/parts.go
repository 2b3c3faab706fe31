package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/store/vaultkv"
)

// rooms in the order of the pages.
var rooms = []string{"providers", "stores", "consumers", "checks"}

// part is one type of a room.
type part struct {
	room, name, summary, doc, evidence string
	options                            func() any
}

func parts() []part {
	var out []part
	for _, t := range app.Providers().All() {
		out = append(out, part{"providers", t.Name, t.Summary, t.Doc, t.Evidence, t.NewOptions})
	}
	for _, t := range app.Stores().All() {
		out = append(out, part{"stores", t.Name, t.Summary, t.Doc, t.Evidence, t.NewOptions})
	}
	for _, t := range app.Consumers().All() {
		out = append(out, part{"consumers", t.Name, t.Summary, t.Doc, t.Evidence, t.NewOptions})
	}
	for _, t := range app.Checks().All() {
		out = append(out, part{"checks", t.Name, t.Summary, t.Doc, t.Evidence, t.NewOptions})
	}
	return out
}

func partPage(c *comments, p part) (string, error) {
	t := reflect.TypeOf(p.options()).Elem()
	all, err := rows(c, t, "")
	if err != nil {
		return "", err
	}
	about := strings.TrimRight(strings.TrimLeft(p.doc, "\n"), " \n")
	if about == "" {
		// no page of its own yet: the package comment says what it is for
		if about, err = c.aboutPackage(t.PkgPath()); err != nil {
			return "", err
		}
		about = sentences(about)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n# %s: `%s`\n\n%s. Tested against: **%s**.\n\n%s\n\n## Options\n\n%s", generated,
		strings.TrimSuffix(upper(p.room), "s"), p.name, p.summary, p.evidence, about, table(all))
	if p.room == "stores" && p.name == "vaultkv" {
		fmt.Fprintf(&b, "\n## The least policy\n\nFor one path, `app-prod`, below the mount `secret`:\n\n```hcl\n%s```\n", vaultkv.Policy("secret", "app-prod"))
	}
	return b.String(), nil
}

// sentences drops the opening "Package x is" of a package comment.
func sentences(about string) string {
	words := strings.SplitN(about, " ", 4)
	if len(words) == 4 && words[0] == "Package" && words[2] == "is" {
		return upper(words[3])
	}
	return about
}

func indexPage() string {
	var b strings.Builder
	b.WriteString(generated + `
# Reference

Written from the program; a test fails when a page is stale.

- [Command line](cli.md) and [exit codes](exit-codes.md)
- [rotor.yaml](config.md) and its [JSON Schema](rotor.schema.json)
- [Plans](plans.md): the order of the steps, for every strategy

`)
	b.WriteString(matrix(""))
	return b.String()
}

// levels says in words what the evidence is worth.
const levels = `*Real server in CI*: ` + "`make test`" + ` starts the real program and talks to it. *Real files*: to the real
file system. *Vendor's document*, *double*: to something that behaves as the vendor's document says, not
to the vendor. *Nothing outside*: there is no other side that could answer.
`

// matrix is the support matrix; up leads from its page to docs/reference.
func matrix(up string) string {
	var b strings.Builder
	b.WriteString("| | type | what it is | its tests run against |\n|---|---|---|---|\n")
	for _, p := range parts() {
		fmt.Fprintf(&b, "| %s | [`%s`](%s%s/%s.md) | %s | %s |\n", strings.TrimSuffix(p.room, "s"), p.name, up, p.room, p.name, cell(p.summary), p.evidence)
	}
	b.WriteString("\n" + levels)
	return b.String()
}

const (
	from = "<!-- generated: support -->\n"
	to   = "<!-- /generated -->\n"
)

// readme is README.md with a fresh support matrix.
func readme(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	head, rest, ok := bytes.Cut(text, []byte(from))
	_, tail, ok2 := bytes.Cut(rest, []byte(to))
	if !ok || !ok2 {
		return nil, fmt.Errorf("README.md lacks the lines %q and %q", strings.TrimSpace(from), strings.TrimSpace(to))
	}
	return []byte(string(head) + from + matrix("docs/reference/") + to + string(tail)), nil
}
