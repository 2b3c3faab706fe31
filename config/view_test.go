package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// mustBeSame compares what two files mean, wherever they say it.
func mustBeSame(t *testing.T, a, b *Config) {
	t.Helper()
	x, y := meaning(t, a), meaning(t, b)
	if x != y {
		t.Fatalf("not the same:\n%s\n%s", x, y)
	}
}

func meaning(t *testing.T, c *Config) string {
	t.Helper()
	text, err := json.Marshal([]any{c.Stores, c.Consumers, c.Checks, c.Credentials, c.Sections})
	if err != nil {
		t.Fatal(err)
	}
	var x any
	if err := json.Unmarshal(text, &x); err != nil {
		t.Fatal(err)
	}
	text, _ = json.Marshal(withoutPos(x))
	return string(text)
}

func withoutPos(x any) any {
	switch x := x.(type) {
	case map[string]any:
		delete(x, "pos")
		for k, v := range x {
			x[k] = withoutPos(v)
		}
	case []any:
		for i, v := range x {
			x[i] = withoutPos(v)
		}
	}
	return x
}

func TestViewReadsBackTheSame(t *testing.T) {
	odd := `
version: 1
state: {workers: 0, postgres: "env:X"}
stores: {"v.1": {type: vaultkv, mount: "on", address: "a: b # c", token: "env:A", timeout: 90s}}
checks: {h: {type: http, url: "", status: [200, 204], headers: {"x: y": "- z", "true": "1"}}}
consumers: {e: {type: exec, command: ["/bin/x", "", "a b", "\u001b[2J", "it's", "\\"]}}
credentials:
  "007":
    owner: "no"
    note: "two\nlines"
    every: "*/5 3 * * 1"
    on: [expiry, compromise]
    window: ["Mon-Fri 09:00-17:00", "22:00-04:00 Asia/Kolkata"]
    freeze: 12-20..01-03
    timezone: Europe/Berlin
    grace: 0s
    approval: true
    paused: true
    provider: {type: generated, bytes: 0}
    acceptors: [{consumer: e, targets: [{store: v.1, path: "a b", key: "k"}]}]
    targets: [{store: v.1, path: p, key: "#k", value: "{{.value}} {{.previous.value}}"}]
    consumers: [e]
    checks: [h]
`
	for _, body := range []string{string(mustRead(t, "testdata/design.yaml")), small, odd} {
		c := mustParse(t, body)
		for _, origin := range []bool{false, true} {
			view, err := View(c, origin)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Parse("/srv/aos/rotor.yaml", view, stubKinds())
			if err != nil {
				t.Fatalf("%s\n%s", view, Explain(err))
			}
			mustBeSame(t, c, again)
		}
	}
}

func TestViewSaysWhereThingsComeFrom(t *testing.T) {
	view, err := View(mustParse(t, small), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"owner: Platform  # defaults, rotor.yaml:4",
		"every: annually  # defaults, rotor.yaml:4",
		"owner: LLM  # rotor.yaml:3", // merged: where the anchor stands
		`grace: "1h30m"  # rotor.yaml:12`,
		`monitor: "5m"  # built in`,
		`token: "file:secrets/token"  # rotor.yaml:5`,
	} {
		if !strings.Contains(string(view), want) {
			t.Errorf("no %q in\n%s", want, view)
		}
	}
}
