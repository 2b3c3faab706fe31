package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/config"
	"github.com/agenticverz/rotor/policy"
)

// schema is what `rotor config schema` prints, with the options' comments added.
func schema(c *comments) (string, error) {
	k := app.Kinds()
	types := map[string]reflect.Type{}
	for _, p := range parts() {
		note(types, reflect.TypeOf(p.options()).Elem())
	}
	k.Comment = func(typeName, field string) string {
		t, ok := types[typeName]
		if !ok || field == "" {
			return ""
		}
		f, ok := t.FieldByName(field)
		if !ok {
			return ""
		}
		text, err := c.field(t, field)
		if err != nil {
			return ""
		}
		return strings.ReplaceAll(plainWords(text, field, map[string]string{field: yamlName(f)}), "`", "")
	}
	text, err := config.Schema(k)
	return string(text) + "\n", err
}

// note remembers a struct and those inside it by their full names.
func note(into map[string]reflect.Type, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.PkgPath(), module) {
		return
	}
	into[t.PkgPath()+"."+t.Name()] = t
	for i := range t.NumField() {
		note(into, t.Field(i).Type)
	}
}

// node is as much of a JSON Schema as the page needs.
type node struct {
	Description string           `json:"description"`
	Type        string           `json:"type"`
	Enum        []any            `json:"enum"`
	Pattern     string           `json:"pattern"`
	Properties  map[string]*node `json:"properties"`
	Additional  json.RawMessage  `json:"additionalProperties"`
	Items       *node            `json:"items"`
	AnyOf       []*node          `json:"anyOf"`
	Required    []string         `json:"required"`
}

func (n *node) additional() *node {
	var out node
	_ = json.Unmarshal(n.Additional, &out) // false: nothing is allowed
	return &out
}

const configHead = generated + `
# rotor.yaml

Every key, made from the program. The guide with examples is [configuration](../configuration.md);
the JSON Schema for editors is [rotor.schema.json](rotor.schema.json) (` + "`rotor config schema`" + ` prints
the same without descriptions). An unknown key is an error that names its line.

Texts with secrets in them never stand in the file. Where an option *refers* to a secret, write
` + "`env:NAME`, `file:/path` or `STORE:path#key`" + `.
Times are written like ` + "`30s`, `5m`, `48h`, `90d`, `2w`" + `.

## Top level

| key | meaning |
|---|---|
| ` + "`version`" + ` | **required**; 1 |
| ` + "`defaults`" + ` | what holds for every credential that says nothing else |
| ` + "`stores`" + ` | where values are read, by name |
| ` + "`consumers`" + ` | who presents them, by name |
| ` + "`checks`" + ` | what must stay well after a deploy, by name |
| ` + "`credentials`" + ` | what is rotated, by name |
| ` + "`x-…`" + ` | yours: ignored, useful for YAML anchors |
`

func configPage(c *comments) (string, error) {
	text, err := schema(c)
	if err != nil {
		return "", err
	}
	var root node
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		return "", err
	}
	credential := root.Properties["credentials"].additional()
	var b strings.Builder
	b.WriteString(configHead)
	b.WriteString("\n## `defaults`\n\n")
	b.WriteString(table(schemaRows(root.Properties["defaults"], nil)))
	b.WriteString("\n## A credential\n\nBesides everything of `defaults`:\n\n")
	b.WriteString(table(schemaRows(credential, root.Properties["defaults"])))
	b.WriteString("\n### A target\n\n")
	b.WriteString(table(schemaRows(credential.Properties["targets"].Items, nil)))
	b.WriteString("\n### An acceptor\n\n")
	b.WriteString(table(schemaRows(credential.Properties["acceptors"].Items, nil)))
	for _, room := range rooms {
		fmt.Fprintf(&b, "\n## Types of %s\n\n", room)
		for _, p := range parts() {
			if p.room == room {
				fmt.Fprintf(&b, "- [`%s`](%s/%s.md): %s\n", p.name, p.room, p.name, p.summary)
			}
		}
	}
	return b.String(), nil
}

// schemaRows lists a block's keys, but those of without.
func schemaRows(n, without *node) []row {
	fallbacks := defaults()
	var out []row
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		p := n.Properties[name]
		if without != nil && without.Properties[name] != nil {
			continue
		}
		out = append(out, row{name: name, kind: p.word(name), about: p.about(name), fallback: fallbacks[name],
			required: slices.Contains(n.Required, name)})
	}
	return out
}

// abouts are for keys whose schema has no description.
var abouts = map[string]string{
	"provider": "Who issues the value: a block with `type` and that type's options.",
	"on":       "Reasons other than time to rotate.",
	"store":    "A name under `stores`.",
	"path":     "The path within the store; without it the store's own, where it has one.",
	"key":      "The name under which the value is read; may be a template of fields that are no secrets.",
	"consumer": "A name under `consumers`.",
	"targets":  "Where it reads the value.",
}

func (n *node) about(name string) string {
	if n.Description != "" {
		return n.Description
	}
	for _, one := range n.AnyOf {
		if one.Description != "" {
			return one.Description
		}
	}
	return abouts[name]
}

func (n *node) word(name string) string {
	var words []string
	for _, e := range n.Enum {
		words = append(words, fmt.Sprint(e))
	}
	switch {
	case words != nil:
		return strings.Join(words, ", ")
	case len(n.AnyOf) > 0 && n.AnyOf[0].Enum != nil:
		return "one or a list of " + n.AnyOf[0].word(name)
	case len(n.AnyOf) > 0:
		return "one, or a list"
	case strings.Contains(n.Pattern, "[dw]"):
		return "time"
	case n.Type == "array":
		return "list"
	case n.Type == "boolean":
		return "true or false"
	case name == "provider":
		return "block"
	}
	return "text"
}

func defaults() map[string]string {
	d := policy.Default()
	return map[string]string{
		"monitor": policy.FormatSpan(d.Monitor), "grace": policy.FormatSpan(d.Grace), "bound": policy.FormatSpan(d.Bound),
		"at-bound": string(d.AtBound), "retain": policy.FormatSpan(d.Retain), "timezone": d.Zone.String(),
		"approval": "false", "paused": "false",
	}
}
