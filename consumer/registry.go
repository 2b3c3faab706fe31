package consumer

import (
	"context"

	"github.com/agenticverz/rotor/internal/registry"
	"github.com/agenticverz/rotor/secret"
)

// Type is a kind of consumer as rotor.yaml names it: `consumers: {NAME: {type:
// ...}}`. The documents and the JSON Schema are made from it.
type Type struct {
	Name    string
	Summary string // one line, no full stop
	// Doc is markdown for its page: what deploy and confirm do, what they prove,
	// which window cannot be avoided, its limits.
	Doc string
	// Evidence says what its tests run against: EvidenceServer and so on.
	Evidence string
	// NewOptions gives a pointer to a fresh Options struct, to be decoded into.
	NewOptions func() any
	// Refs lists the references to secrets in decoded options, by option name:
	// what `config trust` shows and what preflight reads. Nil if there are none.
	Refs func(opts any) map[string]string
	// Commands lists the programs that decoded options make Rotor run, by option
	// name: what `config trust` shows. Nil if there are none.
	Commands func(opts any) map[string][]string
	// New builds a consumer from decoded options, strictly, without any I/O.
	New func(opts any, c Context) (Consumer, error)
}

// What a consumer's tests run against.
const (
	EvidenceServer   = "real server in CI"
	EvidenceDocument = "vendor's document"
	EvidenceDouble   = "double"
)

// Context is what a consumer is built with besides its own options. app fills it.
type Context struct {
	Name string // the consumer's name in rotor.yaml, for messages
	Dir  string // the folder of rotor.yaml: relative paths in options count from it
	Bind Bind
}

// Environment reads whole paths of stores, all keys merged, at each call.
type Environment func(ctx context.Context) (secret.Set, error)

// Bind turns texts of rotor.yaml into sources. app implements it.
type Bind interface {
	// Source binds a reference (env:NAME, file:/path, STORE:path#key).
	Source(ref string) (secret.Source, error)
	// Environment binds whole paths ("STORE:path"). A key that several of them
	// hold is taken from the last.
	Environment(paths []string) (Environment, error)
}

// Registry holds the types that a program knows (consumer/all builds it).
type Registry = registry.Of[Type]

// NewRegistry panics on two types of one name and on an unfinished one.
func NewRegistry(types ...Type) Registry {
	return registry.New("consumer", func(t Type) string { return t.Name },
		func(t Type) bool { return t.NewOptions != nil && t.New != nil }, types...)
}
