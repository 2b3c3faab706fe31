package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// parts builds stores, consumers or checks.
func (b *builder) parts(section, what string, in map[string]later, kinds map[string]Kind) []Part {
	var out []Part
	for _, name := range b.ordered(section, in) {
		path := section + "." + name
		at := b.origins[path]
		if !b.name(what, name, at) {
			continue
		}
		p := Part{Name: name, Pos: at}
		p.Type, p.Options = b.typed(in[name].node, path, what, at, kinds)
		out = append(out, p)
	}
	return out
}

// typed decodes a block with a type. The options are nil if the type is not
// known.
func (b *builder) typed(n *node, path, what string, at Pos, kinds map[string]Kind) (string, any) {
	if n == nil || n.shape == empty {
		b.problem(at, "this "+what+" is empty", "write type: and its options; "+knownTypes(kinds))
		return "", nil
	}
	if n.shape != block {
		b.wrong(n, block)
		return "", nil
	}
	t := n.get("type")
	if t == nil || t.shape == empty {
		b.problem(at, "the type is missing in "+path, knownTypes(kinds))
		return "", nil
	}
	if t.shape != text {
		b.wrong(t, text)
		return "", nil
	}
	kind, ok := kinds[t.text]
	if !ok {
		word := ""
		if showable(t.text, slices.Collect(maps.Keys(kinds))) {
			t.harmless = true
			word = fmt.Sprintf(" %q", t.text)
		}
		b.problem(t.pos, "unknown type"+word+" of "+what, meant(t.text, slices.Collect(maps.Keys(kinds))))
		return "", nil
	}
	t.harmless = true
	for _, p := range n.pairs {
		if p.key == "type" {
			b.origins[path+".type"] = p.pos
		}
	}
	return t.text, b.options(n, path, kind, "type")
}

func knownTypes(kinds map[string]Kind) string {
	return "known types are " + strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")
}

// options decodes a block strictly into what its type wants.
func (b *builder) options(n *node, path string, kind Kind, skip ...string) any {
	o := kind.New()
	b.own = false
	b.into(n, path, o, skip...)
	b.own = true
	if kind.Paths != nil {
		for _, p := range kind.Paths(o) {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(b.out.Dir, *p)
			}
		}
	}
	if kind.Refs != nil {
		for option := range kind.Refs(o) {
			if n := b.nodes[path+"."+option]; n != nil {
				n.harmless = false // until it is proven to be a reference
			}
		}
	}
	return o
}

// crossReferences checks the names of other parts that options hold by
// convention: `consumer` and `consumers` of a check, `environment` of a
// consumer ("STORE:PATH").
func (b *builder) crossReferences() {
	for _, c := range b.out.Checks {
		path := "checks." + c.Name
		b.known(b.nodes[path+".consumer"], "consumer", partNames(b.out.Consumers))
		for i := 0; b.nodes[fmt.Sprintf("%s.consumers[%d]", path, i)] != nil; i++ {
			b.known(b.nodes[fmt.Sprintf("%s.consumers[%d]", path, i)], "consumer", partNames(b.out.Consumers))
		}
	}
	for _, c := range b.out.Consumers {
		for i := 0; ; i++ {
			n := b.nodes[fmt.Sprintf("consumers.%s.environment[%d]", c.Name, i)]
			if n == nil {
				break
			}
			b.environment(n)
		}
	}
}

// environment checks "STORE:PATH".
func (b *builder) environment(n *node) {
	store, path, ok := strings.Cut(n.text, ":")
	if !ok || path == "" || strings.Contains(path, "#") {
		n.harmless = false
		b.problem(n.pos, "this must be STORE:PATH", "the consumer gets all keys of the path as its environment")
		return
	}
	if _, found := find(b.out.Stores, store); !found {
		n.harmless = false
		b.problem(n.pos, "this names a store that does not exist", meant(store, partNames(b.out.Stores)))
	}
}

// known checks that a text names one of the parts.
func (b *builder) known(n *node, what string, names []string) bool {
	if n == nil || n.shape != text || slices.Contains(names, n.text) {
		return true
	}
	word := ""
	if showable(n.text, names) {
		word = fmt.Sprintf(" %q", n.text)
	} else {
		n.harmless = false
	}
	hint := meant(n.text, names)
	if len(names) == 0 {
		hint = fmt.Sprintf("the file has no %ss at all", what)
	}
	b.problem(n.pos, "unknown "+what+word, hint)
	return false
}

func partNames(parts []Part) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.Name
	}
	return out
}
