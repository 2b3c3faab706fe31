package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
)

const module = "github.com/agenticverz/rotor/"

// comments reads the doc comments of our own packages.
type comments struct {
	root     string
	packages map[string]*doc.Package // by import path
}

func (c *comments) load(path string) (*doc.Package, error) {
	if p, ok := c.packages[path]; ok {
		return p, nil
	}
	dir, ours := strings.CutPrefix(path, module)
	if !ours {
		return nil, fmt.Errorf("%s is not ours", path)
	}
	files, err := filepath.Glob(filepath.Join(c.root, filepath.FromSlash(dir), "*.go"))
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	p, err := doc.NewFromFiles(set, parsed, path, doc.AllDecls)
	if err != nil {
		return nil, err
	}
	if c.packages == nil {
		c.packages = map[string]*doc.Package{}
	}
	c.packages[path] = p
	return p, nil
}

// aboutPackage is the package comment.
func (c *comments) aboutPackage(path string) (string, error) {
	p, err := c.load(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(p.Doc), nil
}

// field is the comment of a struct's field, on one line; "" if there is none.
func (c *comments) field(t reflect.Type, name string) (string, error) {
	p, err := c.load(t.PkgPath())
	if err != nil {
		return "", err
	}
	for _, one := range p.Types {
		if one.Name != t.Name() {
			continue
		}
		for _, spec := range one.Decl.Specs {
			s, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType)
			if !ok || spec.(*ast.TypeSpec).Name.Name != t.Name() {
				continue
			}
			return commentOf(s, name), nil
		}
	}
	return "", nil
}

// commentOf: a field without a comment may be spoken of in the one above it.
func commentOf(s *ast.StructType, name string) string {
	above := ""
	for _, f := range s.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		if text == "" && len(f.Names) > 0 && strings.Contains(above, f.Names[0].Name) {
			text = above
		}
		for _, n := range f.Names {
			if n.Name == name {
				return strings.Join(strings.Fields(text), " ")
			}
		}
		above = text
	}
	return ""
}
