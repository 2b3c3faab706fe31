package provider

import (
	"github.com/agenticverz/rotor/internal/registry"
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
	// Destination says where those secrets are sent ("https://host"): with Refs
	// a secret-to-destination pair of `config trust`. Nil if there are none.
	Destination func(opts any) string
	// Accounts names what decoded options are about, where a new value ends, or counts
	// among, the others of the same thing: two credentials must not name one. Nil if
	// values of one account do not mind each other.
	Accounts func(opts any) []string
	// Beside names accounts of which decoded options have values side by side with others
	// of their like; who names one of them in Accounts would end them. Nil if there are none.
	Beside func(opts any) []string
	// Commands lists the programs that decoded options make Rotor run, by option
	// name. Nil if there are none.
	Commands func(opts any) map[string][]string
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

// Bind turns the text of a reference into a source; app implements it.
type Bind = secret.Binder

// BindFunc makes a Bind of a function.
type BindFunc = secret.BinderFunc

// Registry holds the types that a program knows (provider/all builds it).
type Registry = registry.Of[Type]

// NewRegistry panics on two types of one name and on an unfinished one.
func NewRegistry(types ...Type) Registry {
	return registry.New("provider", func(t Type) string { return t.Name },
		func(t Type) bool { return t.NewOptions != nil && t.New != nil }, types...)
}
