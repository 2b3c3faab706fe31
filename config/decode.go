package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// decoder writes nodes into Go values, strictly, and goes on after a mistake.
// It exists beside the library's own strict mode because that one stops at the
// first mistake and quotes the source.
type decoder struct {
	*source
	origins map[string]Pos   // of keys and items, by path
	nodes   map[string]*node // of scalars, by path
	budget  int
	own     bool // the present struct is config's, not an implementation's
}

// later is a block that is decoded when its type is known.
type later struct{ node *node }

var (
	laterType = reflect.TypeFor[later]()
	textType  = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlTypes = []reflect.Type{
		reflect.TypeFor[yaml.BytesUnmarshaler](), reflect.TypeFor[yaml.InterfaceUnmarshaler](),
		reflect.TypeFor[yaml.BytesUnmarshalerContext](), reflect.TypeFor[yaml.InterfaceUnmarshalerContext](),
	}
)

// into decodes n into v; skip lists keys that are somebody else's.
func (d *decoder) into(n *node, path string, v any, skip ...string) bool {
	return d.value(n, path, reflect.ValueOf(v).Elem(), skip...)
}

// value reports whether all of n was understood.
func (d *decoder) value(n *node, path string, v reflect.Value, skip ...string) bool {
	if d.budget--; d.budget < 0 {
		if d.budget == -1 {
			d.problem(n.pos, "the file is too large once its aliases are followed", "")
		}
		return false
	}
	if v.Type() == laterType {
		v.Set(reflect.ValueOf(later{n}))
		return true
	}
	if n.shape == empty {
		return true // as if the key were absent
	}
	switch k := v.Kind(); {
	case k == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.value(n, path, v.Elem())
	case v.CanAddr() && v.Addr().Type().Implements(textType):
		return d.textual(n, path, v)
	case v.CanAddr() && slices.ContainsFunc(yamlTypes, v.Addr().Type().Implements):
		d.problem(n.pos, "an option of a type that config cannot read", "this is a mistake in Rotor; please report it")
		return false
	case k == reflect.Struct:
		return d.structure(n, path, v, skip)
	case k == reflect.Map:
		return d.table(n, path, v)
	case k == reflect.Slice:
		return d.list(n, path, v)
	case k == reflect.Interface:
		v.Set(reflect.ValueOf(plain(n)))
		return true
	}
	return d.scalar(n, path, v)
}

// structure fills fields by their yaml names.
func (d *decoder) structure(n *node, path string, v reflect.Value, skip []string) bool {
	if n.shape != block {
		return d.wrong(n, block)
	}
	fields := fieldsOf(v.Type())
	known := names(fields, skip)
	ok := true
	for _, p := range n.pairs {
		if slices.Contains(skip, p.key) {
			p.name.harmless = true
			continue
		}
		f, found := fields[p.key]
		if !found {
			ok = false
			d.unknown(p, known, path)
			continue
		}
		p.name.harmless = true
		at := join(path, p.key)
		d.origins[at] = p.pos
		field, err := v.FieldByIndexErr(f.index)
		if err != nil { // an embedded pointer that nobody set
			d.problem(p.pos, "an option of a type that config cannot read", "this is a mistake in Rotor; please report it")
			ok = false
			continue
		}
		good := d.value(p.value, at, field)
		ok = ok && good && d.allowed(p.value, f, field)
	}
	return ok
}

func (d *decoder) unknown(p pair, known []string, path string) {
	p.name.harmless = showable(p.key, known)
	if path == "" && strings.HasPrefix(p.key, "x-") {
		return // a place for anchors, as in compose files
	}
	what := "unknown key"
	if p.name.harmless {
		what = fmt.Sprintf("unknown key %q", p.key)
	}
	if path != "" {
		what += " in " + path
	}
	d.problem(p.pos, what, meant(p.key, known))
}

// allowed checks a field's enumeration.
func (d *decoder) allowed(n *node, f field, v reflect.Value) bool {
	if len(f.enum) == 0 || v.Kind() != reflect.String || n.shape == empty || slices.Contains(f.enum, v.String()) {
		return true
	}
	word := "this word"
	if showable(v.String(), f.enum) {
		word = fmt.Sprintf("%q", v.String())
	}
	d.problem(n.pos, word+" is not one of "+strings.Join(f.enum, ", "), meant(v.String(), f.enum))
	return false
}

func (d *decoder) table(n *node, path string, v reflect.Value) bool {
	if n.shape != block {
		return d.wrong(n, block)
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.pairs)))
	}
	ok := true
	for _, p := range n.pairs {
		p.name.harmless = d.own && nameForm.MatchString(p.key) || showable(p.key, nil)
		at := join(path, p.key)
		d.origins[at] = p.pos
		item := reflect.New(v.Type().Elem()).Elem()
		ok = d.value(p.value, at, item) && ok
		if p.value.scalar() && !d.own {
			p.value.harmless = false // headers and the like: anything may stand there
		}
		v.SetMapIndex(reflect.ValueOf(p.key).Convert(v.Type().Key()), item)
	}
	return ok
}

func (d *decoder) list(n *node, path string, v reflect.Value) bool {
	items := n.items
	if n.scalar() && single(v.Type().Elem()) {
		items = []*node{n} // window: "Mon-Fri 09:00-17:00" without brackets
	} else if n.shape != list {
		return d.wrong(n, list)
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	ok := true
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.origins[at] = item.pos
		if item.shape == empty {
			d.problem(item.pos, "an empty item in a list", "")
			ok = false
			continue
		}
		ok = d.value(item, at, out.Index(i)) && ok
	}
	v.Set(out)
	return ok
}

func (d *decoder) wrong(n *node, want shape) bool {
	d.problem(n.pos, fmt.Sprintf("this must be %s, not %s", want, n.shape), "")
	return false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// plain gives a node as the types that encoding/json would make.
func plain(n *node) any {
	switch n.shape {
	case block:
		out := map[string]any{}
		for _, p := range n.pairs {
			out[p.key] = plain(p.value)
		}
		return out
	case list:
		out := make([]any, 0, len(n.items))
		for _, i := range n.items {
			out = append(out, plain(i))
		}
		return out
	case number, truth:
		return n.value
	case text:
		return n.text
	}
	return nil
}
