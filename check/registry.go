package check

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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
// builds from lines (check/all); nothing registers itself.
type Registry struct{ types map[string]Type }

// NewRegistry panics on two types of one name and on an unfinished one: both are
// mistakes in the program.
func NewRegistry(types ...Type) Registry {
	r := Registry{types: make(map[string]Type, len(types))}
	for _, t := range types {
		if t.Name == "" || t.NewOptions == nil || t.New == nil {
			panic(fmt.Sprintf("check: type %q lacks a name, NewOptions or New", t.Name))
		}
		if _, twice := r.types[t.Name]; twice {
			panic(fmt.Sprintf("check: type %q is registered twice", t.Name))
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
