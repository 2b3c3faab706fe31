package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/policy"
)

var durationType = reflect.TypeFor[time.Duration]()

// single says whether one item may stand for a list of them.
func single(item reflect.Type) bool {
	return item.PkgPath() == reflect.TypeFor[policy.Policy]().PkgPath()
}

// scalar decodes into Go's basic types. Numbers are no texts and texts no
// numbers: what YAML makes of 0123, 1e3 or no surprises too many people.
func (d *decoder) scalar(n *node, path string, v reflect.Value) bool {
	d.nodes[path] = n
	n.harmless = d.own
	if v.Type() == durationType {
		if !n.scalar() {
			return d.wrong(n, text)
		}
		span, err := policy.ParseSpan(n.text)
		if err != nil {
			d.problem(n.pos, err.Error(), "")
			return false
		}
		v.SetInt(int64(span))
	} else if !assign(n, v) {
		want := wanted(v.Kind())
		if want == text && n.scalar() {
			d.problem(n.pos, fmt.Sprintf("this must be text, not %s", n.shape), "put it in quotes")
			return false
		}
		if want == number && n.shape == number {
			d.problem(n.pos, "this number is too large, negative or not whole", "")
			return false
		}
		hint := ""
		if want == truth && n.shape == text {
			hint = "write true or false"
		} else if want == number && n.shape == text && strings.Trim(n.text, "0123456789.") == "" {
			hint = "remove the quotes"
		}
		d.problem(n.pos, fmt.Sprintf("this must be %s, not %s", want, n.shape), hint)
		return false
	}
	n.harmless = !(strings.Contains(n.text, "://") && strings.Contains(n.text, "@"))
	return true
}

func wanted(k reflect.Kind) shape {
	switch k {
	case reflect.String:
		return text
	case reflect.Bool:
		return truth
	}
	return number
}

func assign(n *node, v reflect.Value) bool {
	switch k := v.Kind(); {
	case k == reflect.String && n.shape == text:
		v.SetString(n.text)
		return true
	case k == reflect.Bool && n.shape == truth:
		b, ok := n.value.(bool)
		v.SetBool(b)
		return ok
	case n.shape != number:
		return false
	case v.CanInt():
		var i int64
		switch x := n.value.(type) {
		case int64:
			i = x
		case uint64:
			if i = int64(x); i < 0 {
				return false
			}
		default:
			return false
		}
		if v.OverflowInt(i) {
			return false
		}
		v.SetInt(i)
	case v.CanUint():
		u, ok := n.value.(uint64)
		if !ok || v.OverflowUint(u) {
			return false
		}
		v.SetUint(u)
	case v.CanFloat():
		return assignFloat(n, v)
	default:
		return false
	}
	return true
}

func assignFloat(n *node, v reflect.Value) bool {
	switch x := n.value.(type) {
	case float64:
		v.SetFloat(x)
	case int64:
		v.SetFloat(float64(x))
	case uint64:
		v.SetFloat(float64(x))
	default:
		return false
	}
	return true
}

// textual decodes types that read themselves; numbers are given as written.
func (d *decoder) textual(n *node, path string, v reflect.Value) bool {
	d.nodes[path] = n
	if !n.scalar() {
		return d.wrong(n, text)
	}
	n.harmless = d.own
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
		what := "this cannot be read"
		if d.own {
			what = err.Error()
		}
		d.problem(n.pos, what, "")
		return false
	}
	n.harmless = true
	return true
}

// field is where a key goes.
type field struct {
	index []int
	enum  []string
	order int
}

var fieldCache sync.Map // reflect.Type -> map[string]field

// fieldsOf lists a struct's fields by their yaml names, embedded ones included.
func fieldsOf(t reflect.Type) map[string]field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.(map[string]field)
	}
	out := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() && !f.Anonymous || name == "-" || f.Anonymous && name == "" || strings.Contains(rest, "inline") {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if _, twice := out[name]; !twice && reachable(t, f.Index) {
			out[name] = field{index: f.Index, enum: enumOf(f.Tag.Get("jsonschema")), order: len(out)}
		}
	}
	fieldCache.Store(t, out)
	return out
}

// reachable says whether a promoted field is inlined in YAML: all structs on
// the way to it are embedded without a name of their own.
func reachable(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" || f.Type.Kind() != reflect.Struct {
			return false
		}
		t = f.Type
	}
	return true
}

func enumOf(tag string) []string {
	var out []string
	for _, part := range strings.Split(tag, ",") {
		if word, ok := strings.CutPrefix(part, "enum="); ok {
			out = append(out, word)
		}
	}
	return out
}

func names(fields map[string]field, more []string) []string {
	out := append([]string(nil), more...)
	for name := range fields {
		out = append(out, name)
	}
	return out
}
