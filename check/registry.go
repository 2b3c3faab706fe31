package check

import (
	"context"
	"io"
	"time"

	"github.com/agenticverz/rotor/internal/registry"
	"github.com/agenticverz/rotor/secret"
)

// Type is a kind of check as rotor.yaml names it: `checks: {NAME: {type: ...}}`.
// The documents and the JSON Schema are made from it.
type Type struct {
	Name    string
	Summary string // one line, no full stop
	// Doc is markdown for its page: what is measured, when it passes, when it
	// cannot tell, its limits.
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
	// Commands lists the programs that decoded options make Rotor run, by option
	// name. Nil if there are none.
	Commands func(opts any) map[string][]string
	// New builds a check from decoded options, strictly, without any I/O.
	New func(opts any, c Context) (Check, error)
}

// What a check's tests run against.
const (
	EvidenceServer   = "real server in CI"
	EvidenceDocument = "vendor's document"
	EvidenceDouble   = "double"
)

// Context is what a check is built with besides its own options. app fills it.
type Context struct {
	Name string // the check's name in rotor.yaml, for messages
	Dir  string // the folder of rotor.yaml: relative paths in options count from it
	Bind Bind
	// Logs finds the log of a consumer by its name in rotor.yaml; an error if
	// there is no such consumer or it has no log.
	Logs func(consumer string) (Logs, error)
}

// Logs gives log lines since a time; the caller closes it. Lines may begin with
// a time. An error, also while reading, means that the log could not be read.
type Logs func(ctx context.Context, since time.Time) (io.ReadCloser, error)

// Bind turns the text of a reference into a source; app implements it.
type Bind = secret.Binder

// BindFunc makes a Bind of a function.
type BindFunc = secret.BinderFunc

// Registry holds the types that a program knows (check/all builds it).
type Registry = registry.Of[Type]

// NewRegistry panics on two types of one name and on an unfinished one.
func NewRegistry(types ...Type) Registry {
	return registry.New("check", func(t Type) string { return t.Name },
		func(t Type) bool { return t.NewOptions != nil && t.New != nil }, types...)
}
