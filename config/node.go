package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

type shape int

const (
	empty shape = iota // nothing, or null
	text
	number
	truth
	list
	block
)

var shapeNames = [...]string{"nothing", "text", "a number", "true or false", "a list", "a block of keys"}

func (s shape) String() string { return shapeNames[s] }

// node is YAML without its syntax: anchors, aliases and merge keys are resolved.
// Nodes are shared where the file shares them.
type node struct {
	shape shape
	pos   Pos
	text  string // of a scalar, as written but for quotes
	value any    // of a number or truth
	items []*node
	pairs []pair
	// harmless is set when the text was read as something that is no secret;
	// only then is it shown.
	harmless bool
	broken   bool // lies on several lines
}

type pair struct {
	key   string
	pos   Pos
	value *node
	// name is the key as a text that may have to be hidden: "token: - abc: x"
	// makes a key of what was meant as a secret.
	name *node
}

func (n *node) get(key string) *node {
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

func (n *node) scalar() bool { return n.shape == text || n.shape == number || n.shape == truth }

// deepest and most bound what a file can make Rotor do: nesting, and nodes after
// aliases are followed.
const (
	deepest = 64
	most    = 4_000_000
)

// reader turns an AST into nodes.
type reader struct {
	file    string
	anchors map[string]*node
	scalars []*node // all, for masking
	starts  map[int]bool
	problem func(Pos, string, string)
}

func (r *reader) pos(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{File: r.file, Line: 1, Col: 1}
	}
	return Pos{File: r.file, Line: max(1, t.Position.Line), Col: max(1, t.Position.Column)}
}

func (r *reader) read(n ast.Node, depth int) *node {
	if n == nil {
		return &node{pos: Pos{File: r.file, Line: 1, Col: 1}}
	}
	at := r.pos(n.GetToken())
	r.starts[at.Line] = true
	if depth > deepest {
		r.problem(at, "nested too deeply", "")
		return &node{pos: at}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out := r.pairs(n.Values, at, depth)
		if !n.IsFlowStyle && len(out.pairs) > 0 { // the token of a block is its first colon
			out.pos = r.pos(n.Values[0].Key.GetToken())
		}
		return out
	case *ast.MappingValueNode:
		return r.pairs([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		out := &node{shape: list, pos: at}
		for _, v := range n.Values {
			out.items = append(out.items, r.read(v, depth+1))
		}
		return out
	case *ast.AnchorNode:
		out := r.read(n.Value, depth+1)
		r.anchors[n.Name.GetToken().Value] = out // after its content: it cannot contain itself
		return out
	case *ast.AliasNode:
		if out, ok := r.anchors[n.Value.GetToken().Value]; ok {
			return out
		}
		r.problem(at, "an alias without its anchor", "define it with &NAME before it is used with *NAME")
		return &node{pos: at}
	case *ast.TagNode:
		r.problem(at, "tags have no meaning in rotor.yaml", "leave it out; write text in quotes")
		r.read(n.Value, depth+1)
		return &node{pos: at}
	}
	return r.leaf(n, at)
}

func (r *reader) leaf(n ast.Node, at Pos) *node {
	out := &node{pos: at, shape: text}
	if t := n.GetToken(); t != nil {
		out.text, out.broken = t.Value, strings.Contains(strings.Trim(t.Origin, "\r\n"), "\n")
	}
	switch n := n.(type) {
	case *ast.NullNode:
		out.shape = empty
		return out
	case *ast.StringNode:
		out.text = n.Value
	case *ast.LiteralNode:
		out.text, out.broken = n.Value.Value, true
	case *ast.IntegerNode:
		out.shape, out.value = number, n.Value
	case *ast.FloatNode:
		out.shape, out.value = number, n.Value
	case *ast.BoolNode:
		out.shape, out.value = truth, n.Value
	case *ast.InfinityNode, *ast.NanNode:
	default:
		r.problem(at, "this has no meaning in rotor.yaml", "")
		out.shape = empty
	}
	out.broken = out.broken || strings.Contains(out.text, "\n")
	r.scalars = append(r.scalars, out)
	return out
}

// pairs reads a mapping. Keys of the mapping itself win over merged ones; a key
// that stands twice is a mistake, because YAML readers differ in which one wins.
func (r *reader) pairs(values []*ast.MappingValueNode, at Pos, depth int) *node {
	out := &node{shape: block, pos: at}
	seen := map[string]Pos{}
	var merged []pair
	for _, v := range values {
		keyAt := r.pos(v.Key.GetToken())
		r.starts[keyAt.Line] = true
		if v.Key.IsMergeKey() {
			merged = append(merged, r.merge(r.read(v.Value, depth+1), keyAt)...)
			continue
		}
		value := r.read(v.Value, depth+1)
		key, ok := keyText(v.Key)
		if !ok {
			r.problem(keyAt, "a key must be plain text", "")
			continue
		}
		name := &node{shape: text, pos: keyAt, text: key, harmless: vocabulary[key], broken: strings.Contains(key, "\n")}
		r.scalars = append(r.scalars, name)
		if first, twice := seen[key]; twice {
			name.harmless = showable(key, nil)
			what := "a key stands twice in one block"
			if showable(key, nil) {
				what = fmt.Sprintf("key %q stands twice in one block", key)
			}
			r.problem(keyAt, what, fmt.Sprintf("the first is on line %d; remove one", first.Line))
			continue
		}
		seen[key] = keyAt
		out.pairs = append(out.pairs, pair{key, keyAt, value, name})
	}
	for _, p := range merged {
		if _, ok := seen[p.key]; !ok {
			seen[p.key] = p.pos
			out.pairs = append(out.pairs, p)
		}
	}
	return out
}

func (r *reader) merge(from *node, at Pos) []pair {
	switch from.shape {
	case block:
		return from.pairs
	case list:
		var all []pair
		for _, n := range from.items {
			all = append(all, r.merge(n, at)...)
			if len(all) > 10_000 {
				break
			}
		}
		return all
	}
	r.problem(at, "<< merges a block of keys", "write <<: *NAME, with the block marked &NAME")
	return nil
}

func keyText(k ast.MapKeyNode) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}
