package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/secret"
)

// Type is a kind of provider as rotor.yaml names it: `provider: {type: NAME}`.
// The documents, the JSON Schema and `rotor providers NAME` are made from it.
type Type struct {
	Name    string
	Summary string // one line, no full stop
	// Doc is markdown for its page: which rights it needs, how it rotates, what a
	// person must do, its limits, and what "dead" proves.
	Doc string
	// Evidence says what its tests run against: EvidenceServer and so on.
	Evidence string
	// NewOptions gives a pointer to a fresh Options struct, to be decoded into.
	NewOptions func() any
	// Refs lists the references to secrets in decoded options, by option name:
	// what `config trust` shows and what preflight reads. Nil if there are none.
	Refs func(opts any) map[string]string
	// New builds a provider from decoded options, strictly, without any I/O.
	New func(opts any, c Context) (Provider, error)
}

// What a provider's tests run against.
const (
	EvidenceServer   = "real server in CI"
	EvidenceDocument = "vendor's document"
	EvidenceDouble   = "double"
	EvidenceNone     = "nothing outside" // there is no other side
)

// Context is what a provider is built with besides its own options. app fills it.
type Context struct {
	Bind Bind
	// Overlap: every acceptor of the credential takes the old and the new value
	// side by side (its targets carry .previous). Only providers without an
	// issuer ask.
	Overlap bool
}

// Bind turns the text of a reference (env:NAME, file:/path, STORE:path#key) into
// a source. app implements it.
type Bind interface {
	Source(ref string) (secret.Source, error)
}

// BindFunc makes a Bind of a function.
type BindFunc func(ref string) (secret.Source, error)

// Source calls f.
func (f BindFunc) Source(ref string) (secret.Source, error) { return f(ref) }

// Registry holds the types that a program knows. It is a value that a function
// builds from lines (provider/all); nothing registers itself.
type Registry struct{ types map[string]Type }

// NewRegistry panics on two types of one name and on an unfinished one: both are
// mistakes in the program.
func NewRegistry(types ...Type) Registry {
	r := Registry{types: make(map[string]Type, len(types))}
	for _, t := range types {
		if t.Name == "" || t.NewOptions == nil || t.New == nil {
			panic(fmt.Sprintf("provider: type %q lacks a name, NewOptions or New", t.Name))
		}
		if _, twice := r.types[t.Name]; twice {
			panic(fmt.Sprintf("provider: type %q is registered twice", t.Name))
		}
		r.types[t.Name] = t
	}
	return r
}

// Get finds a type by name.
func (r Registry) Get(name string) (Type, bool) {
	t, ok := r.types[name]
	return t, ok
}

// All lists the types by name.
func (r Registry) All() []Type {
	out := make([]Type, 0, len(r.types))
	for _, t := range r.types {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Type) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Names lists the names, sorted: for "did you mean" and completion.
func (r Registry) Names() []string {
	var out []string
	for _, t := range r.All() {
		out = append(out, t.Name)
	}
	return out
}
