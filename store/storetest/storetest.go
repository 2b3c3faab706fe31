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
}

var questions = []question{
	{"absent path is empty and no error", absentPath},
	{"create, read back, revision moves", create},
	{"other keys stay", siblings},
	{"conflict changes nothing", conflict},
	{"create only where nothing is", createConflict},
	{"delete", deleteKeys},
	{"delete of what is not there", deleteAbsent},
	{"empty edit", emptyEdit},
	{"every value comes back exactly", values},
	{"an empty value is not an absent one", emptyValue},
	{"many edits in a row", longRun},
	{"one of several writers wins", writers},
	{"a cancelled context changes nothing", cancelled},
	{"paths do not touch each other's", otherPath},
	{"results share no memory", aliasing},
	{"erase takes old revisions only", erase},
	{"erase of nothing", eraseNothing},
	{"preflight has no effect", preflight},
	{"the clock runs", clock},
	{"a write-only store says so", writeOnly},
	{"no value in any error", leaks},
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
	if !s.Store.Traits().Readable && q.name != "a write-only store says so" && q.name != "no value in any error" {
		return errNotAsked
	}
	return q.ask(ctx, e)
}
