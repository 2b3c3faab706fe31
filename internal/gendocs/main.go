// Gendocs writes the reference pages under docs/reference, the JSON Schema, and
// the support matrix in README.md, from the program itself: its registries, the
// comments of its options, its help texts, its plans.
//
//	go run ./internal/gendocs           write what changed   (make generate)
//	go run ./internal/gendocs -check    name what is stale and exit 1
//
// What surprises: for the command line it runs itself as rotor and reads the help
// that a user would read, so that a page cannot say anything else.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/agenticverz/rotor/cli"
)

//go:generate go run . -root ../..

// asRotor in the environment makes this program be rotor.
const asRotor = "ROTOR_GENDOCS_IS_ROTOR"

// reference is the folder that is wholly generated.
const reference = "docs/reference"

func main() {
	if os.Getenv(asRotor) != "" {
		os.Exit(cli.Main(context.Background(), os.Args[1:]))
	}
	root := flag.String("root", ".", "the folder of go.mod")
	check := flag.Bool("check", false, "change nothing; exit 1 if something is stale")
	flag.Parse()
	stale, err := run(*root, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(2)
	}
	for _, path := range stale {
		fmt.Fprintln(os.Stderr, path)
	}
	if *check && len(stale) > 0 {
		fmt.Fprintln(os.Stderr, "gendocs: stale; write them anew with: make generate")
		os.Exit(1)
	}
}

// run lists what differs from what is on the disk and, unless it only checks,
// makes it so. Pages of things that are gone are removed.
func run(root string, check bool) ([]string, error) {
	pages, err := all(root)
	if err != nil {
		return nil, err
	}
	var stale []string
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		have, err := os.ReadFile(filepath.Join(root, path))
		if err == nil && bytes.Equal(have, pages[path]) {
			continue
		}
		stale = append(stale, path)
		if check {
			continue
		}
		if err := write(filepath.Join(root, path), pages[path]); err != nil {
			return nil, err
		}
	}
	left, err := leftovers(root, pages)
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if !check {
			if err := os.Remove(filepath.Join(root, path)); err != nil {
				return nil, err
			}
		}
	}
	return append(stale, left...), nil
}

func write(path string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644)
}

// leftovers are files of the reference folder that nothing generates any more.
func leftovers(root string, pages map[string][]byte) ([]string, error) {
	var out []string
	err := filepath.WalkDir(filepath.Join(root, reference), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() || filepath.Ext(path) == ".go" { // which holds the pages
			return err
		}
		rel, err := filepath.Rel(root, path)
		if _, ours := pages[filepath.ToSlash(rel)]; !ours && err == nil {
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	return out, err
}

// all makes every page, by its path from the root.
func all(root string) (map[string][]byte, error) {
	c := &comments{root: root}
	pages := map[string][]byte{}
	for path, make := range map[string]func() (string, error){
		"cli.md":            cliPage,
		"exit-codes.md":     exitCodesPage,
		"config.md":         func() (string, error) { return configPage(c) },
		"plans.md":          func() (string, error) { return plansPage(), nil },
		"README.md":         func() (string, error) { return indexPage(), nil },
		"rotor.schema.json": func() (string, error) { return schema(c) },
	} {
		text, err := make()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		pages[reference+"/"+path] = []byte(text)
	}
	for _, p := range parts() {
		text, err := partPage(c, p)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", p.room, p.name, err)
		}
		pages[fmt.Sprintf("%s/%s/%s.md", reference, p.room, p.name)] = []byte(text)
	}
	readme, err := readme(root)
	pages["README.md"] = readme
	return pages, err
}
