package cli

import (
	"bytes"
	"encoding/json"

	"github.com/goccy/go-yaml"

	"github.com/agenticverz/rotor/fault"
)

// apiVersion stands in every piece of data that programs read.
const apiVersion = "rotor.dev/v1"

// emit writes data of one kind: table draws it for people. Times are RFC 3339 in
// UTC, lengths of time as Go writes them.
func emit[T any](s *shell, kind string, items []T, table func()) error {
	if items == nil {
		items = []T{}
	}
	switch s.output {
	case "table":
		table()
		return nil
	case "jsonl":
		for _, it := range items {
			if err := s.line(kind, it); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := json.MarshalIndent(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Items      []T    `json:"items"`
	}{apiVersion, kind + "List", items}, "", "  ")
	if err == nil && s.output == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return fault.Wrap(fault.BadConfig, "output", err)
	}
	_, err = s.out.Write(append(bytes.TrimRight(text, "\n"), '\n'))
	return fault.Wrap(fault.Transient, "output", err)
}

// line writes one item of a stream.
func (s *shell) line(kind string, item any) error {
	text, err := json.Marshal(item)
	if err != nil {
		return fault.Wrap(fault.BadConfig, "output", err)
	}
	head, _ := json.Marshal(kind)
	var b bytes.Buffer
	b.WriteString(`{"apiVersion":"` + apiVersion + `","kind":`)
	b.Write(head)
	if len(text) > 2 {
		b.WriteByte(',')
		b.Write(text[1:])
	} else {
		b.WriteByte('}')
	}
	b.WriteByte('\n')
	_, err = s.out.Write(b.Bytes())
	return fault.Wrap(fault.Transient, "output", err)
}
