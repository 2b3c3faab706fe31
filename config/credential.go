package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/secret"
)

// credential builds one; mistakes in one part do not hide those in another.
func (b *builder) credential(name string, n *node) {
	path := "credentials." + name
	at := b.origins[path]
	shape := credentialShape{termsShape: b.defaults}
	if n == nil || n.shape == empty {
		b.problem(at, fmt.Sprintf("credential %q is empty", name), "it needs at least owner, every, provider and targets")
		return
	}
	understood := b.into(n, path, &shape)
	if n.shape != block {
		return
	}
	c := Credential{Name: name, Owner: shape.Owner, Note: shape.Note, Policy: shape.policy(), Pos: at, Consumers: shape.Consumers, Checks: shape.Checks}
	c.Provider.Pos = b.place(path+".provider", at)
	if n.get("provider") == nil {
		b.problem(at, fmt.Sprintf("credential %q has no provider", name), "say who issues it, like provider: {type: generated}")
	} else {
		c.Provider.Type, c.Provider.Options = b.typed(shape.Provider.node, path+".provider", "provider", c.Provider.Pos, b.kinds.Providers)
	}
	b.terms(&c, path, n, understood)
	fields := b.fields(c.Provider)
	c.Targets = b.targets(shape.Targets, path+".targets", fields)
	if len(shape.Targets) == 0 && b.sound(n.get("targets"), list) {
		b.problem(at, fmt.Sprintf("credential %q has no targets: nobody could read a new value", name), "write targets: [{store: NAME, path: PATH, key: KEY}]")
	}
	for i, a := range shape.Acceptors {
		c.Acceptors = append(c.Acceptors, b.acceptor(a, fmt.Sprintf("%s.acceptors[%d]", path, i), fields))
	}
	b.nameList(path+".consumers", "consumer", c.Consumers, partNames(b.out.Consumers))
	b.nameList(path+".checks", "check", c.Checks, partNames(b.out.Checks))
	b.out.Credentials = append(b.out.Credentials, c)
}

// sound says whether a node has the shape, or is absent: whether its own
// mistake was not reported already.
func (b *builder) sound(n *node, want shape) bool {
	return n == nil || n.shape == empty || n.shape == want
}

func (b *builder) place(path string, otherwise Pos) Pos {
	if p, ok := b.origins[path]; ok {
		return p
	}
	return otherwise
}

// terms checks the policy.
func (b *builder) terms(c *Credential, path string, n *node, understood bool) {
	if strings.TrimSpace(c.Owner) == "" && b.sound(n.get("owner"), text) {
		b.problem(b.place(path+".owner", c.Pos), fmt.Sprintf("credential %q has no owner", c.Name), "write owner: with the team or person that answers for it, or set it in defaults")
	}
	occasions := policy.Occasions()
	for i, o := range c.Policy.On {
		if n := b.nodes[fmt.Sprintf("%s.on[%d]", path, i)]; n != nil {
			b.known(n, "occasion", occasions)
		} else if n := b.nodes[path+".on"]; n != nil {
			b.known(n, "occasion", occasions)
		}
		if slices.Contains(c.Policy.On[:i], o) {
			b.problem(b.place(path+".on", c.Pos), "an occasion stands twice", "")
		}
	}
	_, said := b.origins[path+".every"]
	if c.Policy.Every.IsZero() && len(c.Policy.On) == 0 && !said {
		b.problem(c.Pos, fmt.Sprintf("credential %q does not say when it is due", c.Name),
			"write every: quarterly (or monthly, annually, 90d, a cron line), every: never, or on: [compromise, expiry]")
	}
	if err := c.Policy.Check(); err != nil && understood {
		b.problem(b.place(path+".window", c.Pos), err.Error(), "")
	}
}

func (b *builder) fields(p Provider) []string {
	if b.kinds.Fields == nil || p.Options == nil {
		return nil
	}
	return b.kinds.Fields(p.Type, p.Options)
}

func (b *builder) acceptor(a acceptorShape, path string, fields []string) Acceptor {
	out := Acceptor{Consumer: a.Consumer, Pos: b.origins[path]}
	if a.Consumer == "" {
		b.problem(out.Pos, "an acceptor has no consumer", "write consumer: NAME")
	} else {
		b.known(b.nodes[path+".consumer"], "consumer", partNames(b.out.Consumers))
	}
	out.Targets = b.targets(a.Targets, path+".targets", fields)
	return out
}

// nameList checks a list of names: each known, none twice.
func (b *builder) nameList(path, what string, names, known []string) {
	for i, name := range names {
		n := b.nodes[fmt.Sprintf("%s[%d]", path, i)]
		if n != nil && b.known(n, what, known) && slices.Contains(names[:i], name) {
			b.problem(n.pos, fmt.Sprintf("%s %q stands twice", what, name), "remove one")
		}
	}
}

func (b *builder) targets(in []targetShape, path string, fields []string) []Target {
	var out []Target
	for i, t := range in {
		out = append(out, b.target(t, fmt.Sprintf("%s[%d]", path, i), fields))
	}
	return out
}

func (b *builder) target(t targetShape, path string, fields []string) Target {
	out := Target{Store: t.Store, Path: strings.Trim(t.Path, "/"), Key: t.Key, Value: t.Value, Pos: b.origins[path]}
	if strings.HasPrefix(t.Path, "/") {
		out.Path = t.Path // absolute in a store of files; Vault trims it anyway
	}
	store, ok := find(b.out.Stores, t.Store)
	if t.Store == "" {
		b.problem(out.Pos, "a target has no store", meant("", partNames(b.out.Stores)))
	} else {
		b.known(b.nodes[path+".store"], "store", partNames(b.out.Stores))
	}
	kind, typed := b.kinds.Stores[store.Type]
	if ok && typed {
		switch {
		case kind.NeedsPath && t.Path == "":
			b.problem(out.Pos, fmt.Sprintf("a target in store %q needs a path", t.Store), "")
		case kind.NoKey && t.Key != "":
			b.problem(b.place(path+".key", out.Pos), fmt.Sprintf("a target in store %q has no key: the whole path is the value", t.Store), "remove the key")
		case !kind.NoKey && t.Key == "":
			b.problem(out.Pos, "a target has no key", "write key: with the name under which the value is read")
		}
	}
	if strings.Contains(t.Key, "{{") {
		out.KeyTemplate = b.template(b.nodes[path+".key"], fields)
	}
	if n := b.nodes[path+".value"]; n != nil {
		n.harmless = false // the constant parts of a template are shown to nobody
		out.Template = b.template(n, fields)
	}
	return out
}

// template parses one and checks its fields.
func (b *builder) template(n *node, fields []string) *secret.Template {
	if n == nil {
		return nil
	}
	t, err := secret.ParseTemplate(n.text)
	if err != nil {
		n.harmless = false
		what, hint := "this template cannot be read", "write it like {{.password}} or {{.password | userinfo}}"
		if strings.Contains(err.Error(), "function") && strings.Contains(err.Error(), "not defined") {
			what, hint = "this template uses a function that does not exist", "the only function is userinfo, which percent-encodes for a URL"
		}
		b.problem(n.pos, what, hint)
		return nil
	}
	used := t.Fields()
	if len(used) == 0 {
		n.harmless = false
		b.problem(n.pos, "this value uses no field of the credential (its text is not repeated here)",
			"write a template like {{.password}}; a value itself never stands in rotor.yaml")
		return nil
	}
	slices.Sort(used)
	for _, f := range used {
		f = strings.TrimPrefix(f, "previous.")
		if f != "previous" && len(fields) > 0 && !slices.Contains(fields, f) {
			word := ""
			if showable(f, fields) {
				word = fmt.Sprintf(" %q", f)
			}
			b.problem(n.pos, "the provider's values have no field"+word, meant(f, fields))
		}
	}
	return t
}

// same says whether two providers surely issue the same thing.
func same(a, b Provider) bool {
	return a.Type == b.Type && reflect.DeepEqual(a.Options, b.Options)
}
