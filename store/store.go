// Package store is the room of places where values are read by their consumers:
// Vault KV, .env files, PgBouncer's userlist, plain files.
//
// What surprises: a Store works on whole paths, each a small map of keys, because
// that is the unit in which stores compare, set and version. Other keys of a
// path stay byte-identical; the exam in store/storetest looks.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/agenticverz/rotor/secret"
)

// Store keeps maps of values under paths. Errors carry a fault.Kind and never a
// value. A lost answer of Put is fault.Unknown.
type Store interface {
	Traits() Traits
	// Get reads a path. A path that does not exist is an empty Set with the
	// Revision that Put needs to create it, not an error. Write-only stores
	// return fault.BadConfig.
	Get(ctx context.Context, path string) (secret.Set, Revision, error)
	// Put applies edit to the path if its revision still is prev, in one atomic
	// write, and returns the new revision. A moved revision is ErrConflict and
	// changes nothing. The caller reads back; Put need not.
	Put(ctx context.Context, path string, edit Edit, prev Revision, mark Mark) (Revision, error)
}

// Traits are fixed facts about a store.
type Traits struct {
	Name     string // the type: "vaultkv"
	Readable bool
	CAS      bool // Put is refused by the server itself when the revision moved
	Marks    bool // keeps Mark beside the value
	Versions bool // old revisions stay readable until erased
}

// Revision is the store's own number or digest for a path's content; opaque.
// It is no secret and says nothing about values.
type Revision string

// Edit changes some keys of a path and leaves the others alone.
type Edit struct {
	Set    secret.Set
	Delete []string
}

// Mark is advice written beside the value: whose generation the next revision
// holds. Readers decide by content, never by the mark.
type Mark struct {
	Credential string
	Generation int
	AuditHead  string // head of the audit chain, so that a cut tail is noticed
}

// ErrConflict: somebody else wrote the path since it was read. Nothing changed.
// Put wraps it in a fault.Transient.
var ErrConflict = errors.New("the path was written by somebody else meanwhile")

// Eraser destroys old revisions. Erase removes every revision of path up to and
// including upTo for good; already gone is nil. It never touches later ones.
type Eraser interface {
	Erase(ctx context.Context, path string, upTo Revision) error
}

// Preflighter asks, without effect, whether Put on path can work: rights, space,
// a parsable file.
type Preflighter interface {
	Preflight(ctx context.Context, path string) error
}

// KeyPreflighter also asks, without effect, whether Put may set this one key: where
// keys of a path differ in who sees them.
type KeyPreflighter interface {
	PreflightKey(ctx context.Context, path, key string) error
}

// Clock is the store's own clock, an outside witness for grace periods.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}
