package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// row is one option of a table.
type row struct {
	name, kind, fallback, about string
	required                    bool
}

// rows lists the options of a struct with their comments; nested structs follow
// the option that holds them.
func rows(c *comments, t reflect.Type, prefix string) ([]row, error) {
	var out []row
	names := map[string]string{} // Go's name to YAML's
	for i := range t.NumField() {
		names[t.Field(i).Name] = yamlName(t.Field(i))
	}
	for i := range t.NumField() {
		f := t.Field(i)
		about, err := c.field(t, f.Name)
		if err != nil {
			return nil, err
		}
		if about == "" {
			return nil, fmt.Errorf("%s.%s has no comment", t, f.Name)
		}
		tags := schemaTags(f)
		r := row{name: prefix + yamlName(f), kind: kindWord(f.Type), about: plainWords(about, f.Name, names),
			fallback: tags["default"], required: !strings.Contains(f.Tag.Get("yaml"), ",omitempty")}
		if enum := tags["enum"]; enum != "" {
			r.kind = enum
		}
		out = append(out, r)
		inner, mark := f.Type, "."
		if inner.Kind() == reflect.Slice {
			inner, mark = inner.Elem(), "[]."
		}
		if inner.Kind() == reflect.Struct {
			more, err := rows(c, inner, r.name+mark)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// schemaTags reads `jsonschema:"enum=a,enum=b,default=a"`.
func schemaTags(f reflect.StructField) map[string]string {
	out := map[string]string{}
	for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		if key == "enum" && out["enum"] != "" {
			value = out["enum"] + ", " + value
		}
		out[key] = value
	}
	return out
}

func kindWord(t reflect.Type) string {
	if t == reflect.TypeFor[time.Duration]() {
		return "time"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindWord(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of " + kindWord(t.Elem()) + "s"
	case reflect.Map:
		return "name: " + kindWord(t.Elem())
	case reflect.Struct:
		return "block"
	}
	return "text"
}

// within finds words with a capital in the middle of a sentence.
var within = regexp.MustCompile(`([a-z,] )([A-Z][A-Za-z]+)\b`)

// plainWords turns a Go comment into words for people who see the YAML name.
func plainWords(about, field string, names map[string]string) string {
	if rest, ok := strings.CutPrefix(about, field+" is "); ok {
		about = upper(rest)
	} else if rest, ok := strings.CutPrefix(about, field+" are "); ok {
		about = upper(rest)
	} else if first, rest, _ := strings.Cut(about, " "); names[strings.Trim(first, ":,")] != "" {
		word := strings.Trim(first, ":,")
		about = strings.Replace(first, word, "`"+names[word]+"`", 1) + " " + rest
	}
	return within.ReplaceAllStringFunc(about, func(found string) string {
		if name, ok := names[found[2:]]; ok && strings.ToUpper(name) != found[2:] { // JSON is a word too
			return found[:2] + "`" + name + "`"
		}
		return found
	})
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// table draws rows as markdown.
func table(all []row) string {
	if len(all) == 0 {
		return "No options.\n"
	}
	var b strings.Builder
	b.WriteString("| option | what it takes | default | meaning |\n|---|---|---|---|\n")
	for _, r := range all {
		fallback := r.fallback
		switch {
		case r.required:
			fallback = "**required**"
		case fallback != "":
			fallback = "`" + fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.name, cell(r.kind), fallback, cell(r.about))
	}
	return b.String()
}

func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", "\\|"), "\n", " ")
}
