// Package storetest is the exam that every store takes: it asks what the
// contract in package store promises, of a real store, and searches every error
// for the values it used.
//
// What surprises: the questions are functions that return an error instead of
// failing a test, so that the exam itself can be examined: its own tests run it
// on stores that are broken on purpose and demand that it notices.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Subject is one store to examine and one path in it that does not exist yet.
type Subject struct {
	Store store.Store
	Path  string
	// Keys are keys that the store accepts; by default three. A store that holds
	// one value a path gives one.
	Keys []string
	// Old reads what Path held at an earlier revision, an empty set if that is
	// gone; nil if the store keeps no past.
	Old func(context.Context, store.Revision) (secret.Set, error)
	// Peek reads a path of a write-only store through its back door, at its double.
	// Required of such a store.
	Peek func(ctx context.Context, path string) (secret.Set, error)
	// Lose loses the answer to every Put, which has its effect, until mend is called.
	// May be nil.
	Lose func() (mend func())
	// Break makes every later call fail: the server is stopped, the file garbled.
	// The exam then searches the errors. May be nil.
	Break func()
}

// Factory makes a fresh subject; it may share a server between calls.
type Factory func(t testing.TB) Subject

// Run examines the stores that f makes, one question a subtest.
func Run(t *testing.T, f Factory) {
	t.Helper()
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			err := ask(t, f, q)
			if errors.Is(err, errNotAsked) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Failures examines like Run, but returns what failed, by question.
func Failures(t testing.TB, f Factory) map[string]error {
	t.Helper()
	failed := map[string]error{}
	for _, q := range questions {
		if err := ask(t, f, q); err != nil && !errors.Is(err, errNotAsked) {
			failed[q.name] = err
		}
	}
	return failed
}

type question struct {
	name string
	ask  func(context.Context, *exam) error
	// blind: a write-only store can be asked too, with Peek.
	blind bool
}

var questions = []question{
	{"absent path is empty and no error", absentPath, false},
	{"create, read back, revision moves", create, false},
	{"other keys stay", siblings, true},
	{"conflict changes nothing", conflict, false},
	{"create only where nothing is", createConflict, false},
	{"delete", deleteKeys, true},
	{"delete of what is not there", deleteAbsent, true},
	{"empty edit", emptyEdit, true},
	{"every value comes back exactly", values, true},
	{"an empty value is not an absent one", emptyValue, true},
	{"many edits in a row", longRun, true},
	{"one of several writers wins", writers, false},
	{"a cancelled context changes nothing", cancelled, true},
	{"paths do not touch each other's", otherPath, true},
	{"results share no memory", aliasing, true},
	{"a lost answer may be asked for again", lost, true},
	{"erase takes old revisions only", erase, false},
	{"erase of nothing", eraseNothing, false},
	{"preflight has no effect", preflight, true},
	{"the clock runs", clock, true},
	{"a write-only store says so", writeOnly, true},
	{"no value in any error", leaks, true},
}

// errNotAsked: the store lacks the ability in question.
var errNotAsked = errors.New("the store does not offer this")

func ask(t testing.TB, f Factory, q question) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := f(t)
	if len(s.Keys) == 0 {
		s.Keys = []string{"API_KEY", "DATABASE_URL", "NOTE"}
	}
	e := &exam{Subject: s}
	if !s.Store.Traits().Readable && !q.blind {
		return errNotAsked
	}
	if !s.Store.Traits().Readable && s.Peek == nil {
		return errors.New("a write-only store is examined through a back door: the subject needs Peek")
	}
	return q.ask(ctx, e)
}
