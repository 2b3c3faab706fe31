package store

import (
	"github.com/agenticverz/rotor/internal/registry"
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

// Bind turns the text of a reference into a source; app implements it.
type Bind = secret.Binder

// BindFunc makes a Bind of a function.
type BindFunc = secret.BinderFunc

// Registry holds the types that a program knows (store/all builds it).
type Registry = registry.Of[Type]

// NewRegistry panics on two types of one name and on an unfinished one.
func NewRegistry(types ...Type) Registry {
	return registry.New("store", func(t Type) string { return t.Name },
		func(t Type) bool { return t.NewOptions != nil && t.New != nil }, types...)
}
