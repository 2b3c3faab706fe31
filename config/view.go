package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/agenticverz/rotor/policy"
)

// View renders the configuration in force as a rotor.yaml that reads back the
// same: defaults filled in, anchors resolved. With origin each line that was not
// spelled out where it stands says where it came from.
func View(c *Config, origin bool) ([]byte, error) {
	v := &viewer{c: c, origin: origin}
	v.line(0, "version: 1", "")
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range c.Sections {
			if !yield(n) {
				return
			}
		}
	}) {
		v.value(0, name, name, reflect.ValueOf(c.Sections[name]))
	}
	v.parts("stores", c.Stores)
	v.parts("consumers", c.Consumers)
	v.parts("checks", c.Checks)
	if len(c.Credentials) > 0 {
		v.line(0, "credentials:", "")
	}
	for _, cred := range c.Credentials {
		v.credential(cred)
	}
	return []byte(v.out.String()), v.err
}

type viewer struct {
	c      *Config
	origin bool
	out    strings.Builder
	err    error
}

// line writes one line; path is where the file may have said it.
func (v *viewer) line(indent int, text, path string) {
	fmt.Fprintf(&v.out, "%s%s", strings.Repeat("  ", indent), text)
	if v.origin && path != "" {
		fmt.Fprintf(&v.out, "  # %s", v.from(path))
	}
	v.out.WriteByte('\n')
}

// from names the origin of a key: its own line, the defaults block, or Rotor.
func (v *viewer) from(path string) string {
	if at, ok := v.c.origins[path]; ok {
		return fmt.Sprintf("%s:%d", filepath.Base(at.File), at.Line)
	}
	if strings.HasPrefix(path, "credentials.") {
		key := path[strings.LastIndex(path, ".")+1:]
		if at, ok := v.c.origins["defaults."+key]; ok {
			return fmt.Sprintf("defaults, %s:%d", filepath.Base(at.File), at.Line)
		}
	}
	return "built in"
}

func (v *viewer) parts(section string, parts []Part) {
	if len(parts) > 0 {
		v.line(0, section+":", "")
	}
	for _, p := range parts {
		path := section + "." + p.Name
		v.line(1, v.scalar(p.Name)+":", path)
		v.line(2, "type: "+v.scalar(p.Type), path+".type")
		v.fields(2, path, reflect.ValueOf(p.Options))
	}
}

func (v *viewer) credential(c Credential) {
	path := "credentials." + c.Name
	v.line(1, v.scalar(c.Name)+":", path)
	shape := credentialShape{termsShape: shapeOf(c.Policy), Note: c.Note, On: c.Policy.On, Paused: c.Policy.Paused, Consumers: c.Consumers, Checks: c.Checks}
	shape.Owner = c.Owner
	v.fields(2, path, reflect.ValueOf(shape.termsShape))
	v.text(2, path, "note", c.Note)
	v.list(2, path, "on", c.Policy.On)
	if c.Policy.Paused {
		v.line(2, "paused: true", path+".paused")
	}
	v.line(2, "provider:", path+".provider")
	v.line(3, "type: "+v.scalar(c.Provider.Type), path+".provider.type")
	v.fields(3, path+".provider", reflect.ValueOf(c.Provider.Options))
	if len(c.Acceptors) > 0 {
		v.line(2, "acceptors:", path+".acceptors")
	}
	for i, a := range c.Acceptors {
		at := fmt.Sprintf("%s.acceptors[%d]", path, i)
		v.line(3, "- consumer: "+v.scalar(a.Consumer), at)
		v.targets(4, at, a.Targets)
	}
	v.targets(2, path, c.Targets)
	v.list(2, path, "consumers", c.Consumers)
	v.list(2, path, "checks", c.Checks)
}

func (v *viewer) targets(indent int, path string, targets []Target) {
	if len(targets) > 0 {
		v.line(indent, "targets:", path+".targets")
	}
	for i, t := range targets {
		at := fmt.Sprintf("%s.targets[%d]", path, i)
		v.line(indent+1, "- store: "+v.scalar(t.Store), at)
		v.text(indent+2, at, "path", t.Path)
		v.text(indent+2, at, "key", t.Key)
		if t.Template != nil {
			v.text(indent+2, at, "value", t.Template.String())
		}
	}
}

func (v *viewer) text(indent int, path, key, text string) {
	if text != "" {
		v.line(indent, key+": "+v.scalar(text), path+"."+key)
	}
}

func (v *viewer) list(indent int, path, key string, list any) {
	if reflect.ValueOf(list).Len() > 0 {
		v.value(indent, key, path+"."+key, reflect.ValueOf(list))
	}
}

// fields writes a struct's fields in the order of their declaration. Zero ones
// are left out, because they say nothing, unless the file says them or they
// stand against a default.
func (v *viewer) fields(indent int, path string, s reflect.Value) {
	if s = reflect.Indirect(s); s.Kind() != reflect.Struct {
		return
	}
	all := fieldsOf(s.Type())
	order := names(all, nil)
	slices.SortFunc(order, func(a, b string) int { return all[a].order - all[b].order })
	for _, name := range order {
		f, err := s.FieldByIndexErr(all[name].index)
		if err != nil {
			continue
		}
		_, said := v.c.origins[join(path, name)]
		_, terms := s.Interface().(termsShape)
		if !f.IsZero() || said && !nothing(f) || terms && f.Type() == durationType {
			v.value(indent, name, join(path, name), f)
		}
	}
}

// value writes a key, quoted already where it must be, and what belongs to it.
func (v *viewer) value(indent int, key, path string, f reflect.Value) {
	f = unwrap(f)
	if text, ok := textOf(f); ok {
		v.line(indent, key+": "+v.scalar(text), path)
		return
	}
	switch f.Kind() {
	case reflect.Struct:
		v.line(indent, key+":", path)
		v.fields(indent+1, path, f)
	case reflect.Map:
		v.line(indent, key+":", path)
		for _, k := range slices.SortedFunc(slices.Values(f.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }) {
			v.value(indent+1, v.scalar(k.String()), join(path, k.String()), f.MapIndex(k))
		}
	default:
		v.line(indent, key+": "+v.inline(f), path)
	}
}

// inline writes lists and plain scalars in flow style.
func (v *viewer) inline(f reflect.Value) string {
	if text, ok := textOf(f); ok {
		return v.scalar(text)
	}
	var x any = f.Interface()
	if f.Kind() == reflect.Slice {
		items := make([]any, f.Len())
		for i := range items {
			items[i] = f.Index(i).Interface()
			if text, ok := textOf(unwrap(f.Index(i))); ok {
				items[i] = text
			}
		}
		x = items
	}
	return v.scalar(x)
}

// scalar writes one value on one line, quoted where YAML wants it.
func (v *viewer) scalar(x any) string {
	if text, ok := x.(string); ok {
		if plainText(text) {
			return text
		}
		x = text
	}
	b, err := yaml.MarshalWithOptions(x, yaml.Flow(true), yaml.JSON())
	if err != nil {
		v.err = err
	}
	return strings.TrimSpace(string(b))
}

// nothing says whether a value has no form in YAML but null.
func nothing(f reflect.Value) bool {
	switch f.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return f.IsNil()
	case reflect.Struct: // a schedule or zone that was not given
		text, ok := textOf(f)
		return !ok || text == ""
	}
	return false
}

func unwrap(f reflect.Value) reflect.Value {
	for f.Kind() == reflect.Interface || f.Kind() == reflect.Pointer && !f.IsNil() {
		f = f.Elem()
	}
	return f
}

// textOf gives the text of types that have one of their own in rotor.yaml.
func textOf(f reflect.Value) (string, bool) {
	if !f.IsValid() || !f.CanInterface() {
		return "", false
	}
	switch x := f.Interface().(type) {
	case time.Duration:
		return policy.FormatSpan(x), true
	case interface{ MarshalText() ([]byte, error) }:
		b, err := x.MarshalText()
		return string(b), err == nil
	}
	if f.Kind() == reflect.String {
		return f.String(), true
	}
	return "", false
}

// plainText says whether a text needs no quotes, on the safe side.
func plainText(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	for _, r := range text {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '/' || r == '.' || r >= '0' && r <= '9') {
			return false
		}
	}
	first := text[0]
	letter := first >= 'a' && first <= 'z' || first >= 'A' && first <= 'Z'
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf":
		return false
	}
	return letter
}
