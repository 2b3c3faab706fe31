package all_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/all"
	"github.com/agenticverz/rotor/secret"
)

// TestTypesAreComplete: what the generated pages and the JSON Schema are made of.
func TestTypesAreComplete(t *testing.T) {
	for _, typ := range all.Registry().All() {
		t.Run(typ.Name, func(t *testing.T) {
			if typ.Summary == "" || strings.HasSuffix(typ.Summary, ".") || typ.Evidence == "" {
				t.Errorf("Summary %q, Evidence %q", typ.Summary, typ.Evidence)
			}
			for _, part := range []string{"**Rights.**", "**Strategy.**", "**A person must", "**Limits.**", `**What "dead" proves.**`} {
				if !strings.Contains(typ.Doc, part) {
					t.Errorf("Doc lacks %s", part)
				}
			}
			tagsOf(t, typ.NewOptions())
		})
	}
}

func tagsOf(t *testing.T, opts any) {
	s := reflect.TypeOf(opts)
	if s.Kind() != reflect.Pointer || s.Elem().Kind() != reflect.Struct {
		t.Fatalf("NewOptions gives %v, want a pointer to a struct", s)
	}
	for i := range s.Elem().NumField() {
		f := s.Elem().Field(i)
		yaml, json := f.Tag.Get("yaml"), f.Tag.Get("json")
		if yaml == "" || yaml != json || strings.ContainsAny(yaml, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Errorf("%s: yaml %q, json %q; want the same kebab-case", f.Name, yaml, json)
		}
	}
}

// TestASecretLeftOut: who forgets the option that refers to the secret is told how to
// write it.
func TestASecretLeftOut(t *testing.T) {
	for _, typ := range all.Registry().All() {
		if typ.Refs == nil {
			continue
		}
		refs := typ.Refs(typ.NewOptions())
		_, err := typ.New(typ.NewOptions(), provider.Context{Bind: provider.BindFunc(func(string) (secret.Source, error) {
			return nil, fault.New(fault.BadConfig, "nothing is bound").WithHint("here")
		})})
		if len(refs) > 0 && (fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "") {
			t.Errorf("%s without options: %v, hint %q", typ.Name, err, fault.HintOf(err))
		}
	}
}
