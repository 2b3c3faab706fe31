package config

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) (*jsonschema.Schema, []byte) {
	t.Helper()
	text, err := Schema(stubKinds())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rotor.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rotor.json")
	if err != nil {
		t.Fatal(err)
	}
	return s, text
}

func instance(t *testing.T, body []byte) any {
	t.Helper()
	text, err := yaml.YAMLToJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	s, _ := compiled(t)
	view, err := View(mustParse(t, small), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{mustRead(t, "testdata/design.yaml"), view} {
		if err := s.Validate(instance(t, body)); err != nil {
			t.Errorf("%s\n%v", body, err)
		}
	}
}

// What an editor can show without knowing the names in the file.
func TestSchemaRefuses(t *testing.T) {
	s, _ := compiled(t)
	for _, name := range []string{
		"unknown-key", "unknown-top-level-key", "unknown-option", "unknown-key-with-a-value", "missing-provider", "missing-targets",
		"missing-version", "future-version", "missing-type", "unknown-type", "wrong-shape-list", "wrong-shape-text", "number-for-text",
		"text-for-number", "word-not-in-list", "bad-at-bound", "bad-occasion", "bad-name", "bad-span", "yaml-boolean",
	} {
		body := mustRead(t, filepath.Join("testdata/bad", name+".yaml"))
		if err := s.Validate(instance(t, body)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSchemaDescribes(t *testing.T) {
	k := stubKinds()
	k.Comment = func(typeName, field string) string {
		if strings.HasSuffix(typeName, "config.postgresOptions") && field == "OwnerRole" {
			return "The role that owns the objects."
		}
		return ""
	}
	text, err := Schema(k)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The role that owns the objects.", "A length of time", "A time zone like", "or a cron line of five fields", "answers for the credential"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the schema does not say %q", want)
		}
	}
	again, err := Schema(k)
	if err != nil || !json.Valid(text) || !bytes.Equal(text, again) {
		t.Error("the schema is not JSON, or differs from call to call")
	}
}
