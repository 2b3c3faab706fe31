// Package registry is the list of types that each room has: a value that a
// function builds from lines. Nothing registers itself.
package registry

import (
	"fmt"
	"slices"
)

// Of holds the types of one room by name.
type Of[T any] struct {
	name  func(T) string
	types map[string]T
}

// New panics on two types of one name and on one without a name or not complete:
// all are mistakes in the program. room begins the message.
func New[T any](room string, name func(T) string, complete func(T) bool, types ...T) Of[T] {
	r := Of[T]{name: name, types: make(map[string]T, len(types))}
	for _, t := range types {
		if name(t) == "" || !complete(t) {
			panic(fmt.Sprintf("%s: type %q lacks a name, NewOptions or New", room, name(t)))
		}
		if _, twice := r.types[name(t)]; twice {
			panic(fmt.Sprintf("%s: type %q is registered twice", room, name(t)))
		}
		r.types[name(t)] = t
	}
	return r
}

// Get finds a type by name.
func (r Of[T]) Get(name string) (T, bool) {
	t, ok := r.types[name]
	return t, ok
}

// All lists the types by name.
func (r Of[T]) All() []T {
	out := make([]T, 0, len(r.types))
	for _, name := range r.Names() {
		out = append(out, r.types[name])
	}
	return out
}

// Names lists the names, sorted: for "did you mean" and completion.
func (r Of[T]) Names() []string {
	out := make([]string, 0, len(r.types))
	for name := range r.types {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
