//go:build !seededbugs

// Package seeded switches on deliberate bugs, so that the tests can show that
// they would catch them. In every normal build Bug is false and compiled away.
//
// What surprises: each call of Bug marks a safety rule. Searching for them is a
// quick way to find what must never be broken.
package seeded

// Bug says whether the named bug is switched on: never, without the build tag.
func Bug(string) bool { return false }
