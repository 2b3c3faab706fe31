package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/agenticverz/rotor/policy"
)

// Schema is the JSON Schema (2020-12) of a rotor.yaml with these types, for
// editors. It is a little more lenient than Parse, which also looks at names,
// references and templates.
func Schema(k Kinds) ([]byte, error) {
	g := &schemaMaker{kinds: k}
	g.reflector = &jsonschema.Reflector{Anonymous: true, DoNotReference: true, Mapper: mapped, LookupComment: g.comment}
	root := g.object(reflect.TypeFor[fileShape]())
	root.Version = jsonschema.Version
	root.Title = "rotor.yaml"
	root.Required = []string{"version"}
	root.PatternProperties = map[string]*jsonschema.Schema{"^x-": jsonschema.TrueSchema}
	set := root.Properties.Set
	set("version", &jsonschema.Schema{Const: 1})
	set("defaults", g.object(reflect.TypeFor[termsShape]()))
	set("stores", named(g.typed(k.Stores)))
	set("consumers", named(g.typed(k.Consumers)))
	set("checks", named(g.typed(k.Checks)))
	credential := g.object(reflect.TypeFor[credentialShape]())
	credential.Required = []string{"provider", "targets"}
	credential.Properties.Set("provider", g.typed(k.Providers))
	set("credentials", named(credential))
	for _, name := range slices.Sorted(maps.Keys(k.Sections)) {
		set(name, g.object(reflect.TypeOf(k.Sections[name].New())))
	}
	return json.MarshalIndent(root, "", "  ")
}

type schemaMaker struct {
	kinds     Kinds
	reflector *jsonschema.Reflector
}

// object reflects a struct; lists of policy's types may be written as one item.
func (g *schemaMaker) object(t reflect.Type) *jsonschema.Schema {
	s := g.reflector.ReflectFromType(t)
	s.Version = ""
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s.Properties == nil {
		s.Properties = jsonschema.NewProperties()
	}
	if t.Kind() != reflect.Struct {
		return s
	}
	for name, field := range fieldsOf(t) {
		ft := t.FieldByIndex(field.index).Type
		p, ok := s.Properties.Get(name)
		if !ok {
			continue
		}
		if m := mapped(ft); m != nil && p.Description == "" {
			p.Description = m.Description // the reflector keeps it only in lists
		}
		if ft.Kind() == reflect.Slice && single(ft.Elem()) {
			s.Properties.Set(name, &jsonschema.Schema{AnyOf: []*jsonschema.Schema{p.Items, p}})
		}
	}
	return s
}

// typed is a block whose `type` decides about its other keys. Each branch is
// strict on its own, so that an editor names the key that is wrong.
func (g *schemaMaker) typed(kinds map[string]Kind) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Required: []string{"type"}, Properties: jsonschema.NewProperties()}
	all := &jsonschema.Schema{Type: "string"}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		all.Enum = append(all.Enum, name)
		is := jsonschema.NewProperties()
		is.Set("type", &jsonschema.Schema{Const: name})
		then := g.object(reflect.TypeOf(kinds[name].New()))
		then.Properties.Set("type", &jsonschema.Schema{Const: name})
		then.AdditionalProperties = jsonschema.FalseSchema
		s.AllOf = append(s.AllOf, &jsonschema.Schema{
			If:   &jsonschema.Schema{Properties: is, Required: []string{"type"}},
			Then: then,
		})
	}
	s.Properties.Set("type", all)
	return s
}

func named(item *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: item,
		PropertyNames: &jsonschema.Schema{Pattern: nameForm.String()},
	}
}

func (g *schemaMaker) comment(t reflect.Type, field string) string {
	if g.kinds.Comment == nil {
		return ""
	}
	return g.kinds.Comment(t.PkgPath()+"."+t.Name(), field)
}

// mapped gives the schema of types that are written as text.
func mapped(t reflect.Type) *jsonschema.Schema {
	texts := map[reflect.Type]string{
		reflect.TypeFor[time.Duration](): "A length of time: 30s, 5m, 48h, 90d, 2w.",
		reflect.TypeFor[policy.Every]():  "daily, weekly, monthly, quarterly, annually, never; a span like 90d or 12h; or a cron line of five fields.",
		reflect.TypeFor[policy.Zone]():   "A time zone like Europe/Berlin.",
		reflect.TypeFor[policy.Window](): "When a scheduled rotation may start, like Mon-Fri 09:00-17:00 Europe/Berlin.",
		reflect.TypeFor[policy.Freeze](): "Days on which none may start: 2026-12-20..2027-01-03, or 12-20..01-03 for every year.",
	}
	if about, ok := texts[t]; ok {
		s := &jsonschema.Schema{Type: "string", Description: about}
		if t == reflect.TypeFor[time.Duration]() {
			s.Pattern = `^([0-9]+[dw]|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`
		}
		return s
	}
	switch t {
	case reflect.TypeFor[policy.Occasion]():
		s := &jsonschema.Schema{Type: "string", Description: "A reason other than time to rotate."}
		for _, word := range policy.Occasions() {
			s.Enum = append(s.Enum, word)
		}
		return s
	case laterType:
		return &jsonschema.Schema{}
	}
	return nil
}
