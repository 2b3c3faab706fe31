package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/secret"
)

// Type is a kind of store as rotor.yaml names it: `stores: {NAME: {type: ...}}`.
// The documents and the JSON Schema are made from it.
type Type struct {
	Name    string
	Summary string // one line, no full stop
	// Doc is markdown for its page: what is kept, which rights it needs, how a
	// reader sees a change, its limits.
	Doc string
	// Evidence says what its tests run against: EvidenceServer and so on.
	Evidence string
	// NewOptions gives a pointer to a fresh Options struct, to be decoded into.
	NewOptions func() any
	// Refs lists the references to secrets in decoded options, by option name:
	// what `config trust` shows and what preflight reads. Nil if there are none.
	Refs func(opts any) map[string]string
	// Destination says where those secrets are sent. Nil if there are none.
	Destination func(opts any) string
	// Paths points at the options that are file names: relative ones count from
	// the folder of rotor.yaml. Nil if there are none.
	Paths func(opts any) []*string
	// Place names what is written to, so that two stores with one place are found.
	// Nil: made from the options that usually say so.
	Place func(opts any) string
	// NeedsPath: a target must have a path. NoKey: it has no key, the path is the
	// value.
	NeedsPath, NoKey bool
	// New builds a store from decoded options, strictly, without any I/O.
	New func(opts any, c Context) (Store, error)
}

// What a store's tests run against.
const (
	EvidenceServer   = "real server in CI"
	EvidenceFile     = "real files"
	EvidenceDocument = "vendor's document"
	EvidenceDouble   = "double"
)

// Context is what a store is built with besides its own options. app fills it.
type Context struct{ Bind Bind }

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
// builds from lines (store/all); nothing registers itself.
type Registry struct{ types map[string]Type }

// NewRegistry panics on two types of one name and on an unfinished one: both are
// mistakes in the program.
func NewRegistry(types ...Type) Registry {
	r := Registry{types: make(map[string]Type, len(types))}
	for _, t := range types {
		if t.Name == "" || t.NewOptions == nil || t.New == nil {
			panic(fmt.Sprintf("store: type %q lacks a name, NewOptions or New", t.Name))
		}
		if _, twice := r.types[t.Name]; twice {
			panic(fmt.Sprintf("store: type %q is registered twice", t.Name))
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
