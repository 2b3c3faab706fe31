package secret

import (
	"net/url"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/agenticverz/rotor/fault"
)

// Template renders a target's text from a value's fields: "{{.username |
// userinfo}}". ".previous" gives the fields of the generation before (dual
// keys); it is empty when there is none.
type Template struct {
	text   string
	parsed *template.Template
	field  string // the field if the template is exactly one field
	fields map[string]bool
}

var funcs = template.FuncMap{
	// userinfo percent-encodes for the user or password part of a URL.
	"userinfo": func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
}

// ParseTemplate checks syntax; which fields exist is checked by Fields against
// the provider's traits.
func ParseTemplate(text string) (*Template, error) {
	t, err := template.New("value").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "template", err)
	}
	out := &Template{text: text, parsed: t, fields: map[string]bool{}}
	collect(t.Root, out.fields)
	if len(t.Root.Nodes) == 1 && len(out.fields) == 1 && !strings.Contains(text, "|") {
		for f := range out.fields {
			if strings.ReplaceAll(text, " ", "") == "{{."+f+"}}" && !strings.HasPrefix(f, "previous.") {
				out.field = f
			}
		}
	}
	return out, nil
}

// FieldTemplate is the template of exactly one field.
func FieldTemplate(field string) *Template {
	t, err := ParseTemplate("{{." + field + "}}")
	if err != nil { // a field name comes from a provider's traits, not from a user
		panic("secret: field name " + field)
	}
	return t
}

func collect(n parse.Node, into map[string]bool) {
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			collect(c, into)
		}
	case *parse.ActionNode:
		collect(n.Pipe, into)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			for _, a := range c.Args {
				collect(a, into)
			}
		}
	case *parse.FieldNode:
		into[strings.Join(n.Ident, ".")] = true
	case *parse.IfNode:
		collect(n.Pipe, into)
		collect(n.List, into)
		if n.ElseList != nil {
			collect(n.ElseList, into)
		}
	case *parse.WithNode:
		collect(n.Pipe, into)
		collect(n.List, into)
	}
}

// String is the source text, which holds no value.
func (t *Template) String() string { return t.text }

// Field is the field's name if the template is exactly one field, else "".
func (t *Template) Field() string { return t.field }

// Fields lists what the template uses; fields of the generation before begin
// with "previous".
func (t *Template) Fields() []string {
	out := make([]string, 0, len(t.fields))
	for f := range t.fields {
		out = append(out, f)
	}
	return out
}

// UsesPrevious says whether both generations appear in the text.
func (t *Template) UsesPrevious() bool {
	for f := range t.fields {
		if f == "previous" || strings.HasPrefix(f, "previous.") {
			return true
		}
	}
	return false
}

// Render fills the template. previous may be nil; its fields then render as
// empty strings. The result is a secret value even if every field is public.
func (t *Template) Render(now, previous Set) (Value, error) {
	if t.field != "" {
		v, ok := now[t.field]
		if !ok {
			return Value{}, fault.New(fault.BadConfig, "template %s: the value has no field %q", t.text, t.field)
		}
		return New(v.Reveal()), nil
	}
	data := map[string]any{}
	old := map[string]string{}
	for k, v := range now {
		data[k] = v.Reveal()
		old[k] = previous[k].Reveal()
	}
	data["previous"] = old
	var b strings.Builder
	if err := t.parsed.Execute(&b, data); err != nil {
		// the error of text/template names fields and positions, never data
		return Value{}, fault.New(fault.BadConfig, "template %s: a field is missing", t.text)
	}
	return New(b.String()), nil
}

// RenderKey fills a template that names something: a key of a store, a user in a
// list. Names are shown and journalled, so a secret field in one is refused.
func (t *Template) RenderKey(now, previous Set) (string, error) {
	for f := range t.fields {
		name := strings.TrimPrefix(f, "previous.")
		if v, ok := now[name]; ok && !v.public {
			return "", fault.New(fault.BadConfig, "template %s: field %q is secret and cannot be part of a name", t.text, name)
		}
	}
	v, err := t.Render(now, previous)
	return v.Reveal(), err
}
