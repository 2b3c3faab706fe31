package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Effect is one thing that acting on a rotor.yaml would do: where a secret
// would go, or what would be run. `config trust` shows all of them.
type Effect struct {
	Kind string   `json:"kind"` // "send", "write", "present", "environment", "run"
	What string   `json:"what"` // the secret, or who runs it
	To   string   `json:"to"`
	Argv []string `json:"argv,omitempty"` // of "run"
	Pos  Pos      `json:"pos"`
}

// String is the line for people.
func (e Effect) String() string {
	switch e.Kind {
	case "run":
		return fmt.Sprintf("run     %s: %s", e.What, e.To)
	case "send":
		return fmt.Sprintf("send    %s -> %s", e.What, e.To)
	case "environment":
		return fmt.Sprintf("environ %s -> %s", e.What, e.To)
	}
	return fmt.Sprintf("%-7s %s -> %s", e.Kind, e.What, e.To)
}

// Surface lists every secret with every destination, and every command.
func Surface(c *Config) []Effect {
	var out []Effect
	for _, u := range c.refs {
		out = append(out, Effect{Kind: "send", What: u.Ref.String(), To: fmt.Sprintf("%s (%s)", u.Destination, u.Where), Pos: u.Pos})
	}
	for i := range c.Credentials {
		out = append(out, c.Credentials[i].surface(c)...)
	}
	for _, part := range c.Consumers {
		out = append(out, environment(part)...)
	}
	return append(out, c.commands()...)
}

func (cred *Credential) surface(c *Config) []Effect {
	var out []Effect
	add := func(kind, to string, at Pos) {
		out = append(out, Effect{Kind: kind, What: "credential " + cred.Name, To: to, Pos: at})
	}
	add("send", fmt.Sprintf("%s (its provider)", destination(c.kinds.Providers[cred.Provider.Type], cred.Provider.Type, cred.Provider.Options)), cred.Provider.Pos)
	for _, t := range cred.Targets {
		add("write", t.Name(), t.Pos)
	}
	for _, a := range cred.Acceptors {
		for _, t := range a.Targets {
			add("write", t.Name(), t.Pos)
		}
		add("present", c.describe(a.Consumer), a.Pos)
	}
	for _, name := range cred.Consumers {
		add("present", c.describe(name), cred.Pos)
	}
	return out
}

// describe names a consumer with what tells it from others of its type.
func (c *Config) describe(name string) string {
	part, _ := c.Consumer(name)
	words := []string{part.Type}
	for _, o := range []string{"file", "project", "service", "container", "path", "address"} {
		if text := option(part.Options, o); text != "" {
			words = append(words, o+" "+withoutPassword(text))
		}
	}
	return fmt.Sprintf("consumer %s (%s)", name, strings.Join(words, ", "))
}

// environment: whole paths of stores that a consumer is given.
func environment(part Part) []Effect {
	var out []Effect
	for _, path := range texts(part.Options, "environment") {
		out = append(out, Effect{Kind: "environment", What: path + "#*", To: fmt.Sprintf("consumer %s (%s)", part.Name, part.Type), Pos: part.Pos})
	}
	return out
}

func (c *Config) commands() []Effect {
	var out []Effect
	add := func(what string, kind Kind, options any, at Pos) {
		if kind.Commands == nil || options == nil {
			return
		}
		all := kind.Commands(options)
		for _, o := range slices.Sorted(maps.Keys(all)) {
			if len(all[o]) > 0 {
				out = append(out, Effect{Kind: "run", What: what + " " + o, To: quote(all[o]), Argv: all[o], Pos: at})
			}
		}
	}
	for _, p := range c.Stores {
		add("store "+p.Name, c.kinds.Stores[p.Type], p.Options, p.Pos)
	}
	for _, p := range c.Consumers {
		add("consumer "+p.Name, c.kinds.Consumers[p.Type], p.Options, p.Pos)
	}
	for _, p := range c.Checks {
		add("check "+p.Name, c.kinds.Checks[p.Type], p.Options, p.Pos)
	}
	for _, cred := range c.Credentials {
		add("provider of "+cred.Name, c.kinds.Providers[cred.Provider.Type], cred.Provider.Options, cred.Provider.Pos)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sections)) {
		add(name, c.kinds.Sections[name], c.Sections[name], c.origins[name])
	}
	return out
}

// quote writes arguments so that spaces and escapes in them are seen; whoever
// decides about trust must not be shown another command than is run.
func quote(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\$`, r) }) {
			words[i] = strconv.QuoteToASCII(a)
		}
	}
	return strings.Join(words, " ")
}

// texts reads a list of texts by its name in YAML.
func texts(options any, name string) []string {
	v := reflect.Indirect(reflect.ValueOf(options))
	if v.Kind() != reflect.Struct {
		return nil
	}
	f, ok := fieldsOf(v.Type())[name]
	if !ok {
		return nil
	}
	field, err := v.FieldByIndexErr(f.index)
	if err != nil {
		return nil
	}
	list, _ := field.Interface().([]string)
	return list
}
