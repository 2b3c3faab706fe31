// Package memory is a store that lives in the process: for tests, exams and the
// simulator, which wraps it to make it fail.
//
// What surprises: it keeps every revision until Erase, as Vault does, so that an
// invariant can look for an old value in the store's past.
package memory

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Store is safe for concurrent use. The zero value is not ready; use New.
type Store struct {
	mu    sync.Mutex
	paths map[string][]version // revision n is at index n-1
	now   func() time.Time
}

type version struct {
	set    secret.Set // nil once erased
	mark   store.Mark
	erased bool
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.Eraser      = (*Store)(nil)
	_ store.Preflighter = (*Store)(nil)
	_ store.Clock       = (*Store)(nil)
)

// New returns an empty store. now is its clock; nil means that Now fails.
func New(now func() time.Time) *Store {
	return &Store{paths: map[string][]version{}, now: now}
}

// Traits implements store.Store.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "memory", Readable: true, CAS: true, Marks: true, Versions: true}
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fault.Wrap(fault.Transient, "memory: read", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set, n := s.latest(path)
	return set.Clone(), revision(n), nil
}

func (s *Store) latest(path string) (secret.Set, int) {
	versions := s.paths[path]
	if len(versions) == 0 {
		return secret.Set{}, 0
	}
	return versions[len(versions)-1].set, len(versions)
}

// Put implements store.Store.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, mark store.Mark) (store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return "", fault.Wrap(fault.Transient, "memory: write", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, n := s.latest(path)
	if prev != revision(n) && !seeded.Bug("forget-cas") {
		return "", fault.Wrap(fault.Transient, "memory: write", store.ErrConflict)
	}
	set := old.Clone()
	for k, v := range edit.Set {
		set[k] = v
	}
	for _, k := range edit.Delete {
		delete(set, k)
	}
	s.paths[path] = append(s.paths[path], version{set: set, mark: mark})
	return revision(n + 1), nil
}

// Erase implements store.Eraser.
func (s *Store) Erase(ctx context.Context, path string, upTo store.Revision) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Transient, "memory: erase", err)
	}
	n, err := strconv.Atoi(string(upTo))
	if err != nil || n < 0 {
		return fault.New(fault.BadConfig, "memory: erase: no revision of this store")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	versions := s.paths[path]
	for i := range versions[:min(n, len(versions))] {
		versions[i] = version{set: secret.Set{}, erased: true}
	}
	return nil
}

// Preflight implements store.Preflighter.
func (s *Store) Preflight(ctx context.Context, _ string) error {
	return fault.Wrap(fault.Transient, "memory: preflight", ctx.Err())
}

// Now implements store.Clock.
func (s *Store) Now(context.Context) (time.Time, error) {
	if s.now == nil {
		return time.Time{}, fault.New(fault.BadConfig, "memory: this store has no clock")
	}
	return s.now(), nil
}

// Past is what a path held at a revision, and with which mark; false if there is
// no such revision or it was erased.
func (s *Store) Past(path string, at store.Revision) (secret.Set, store.Mark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := strconv.Atoi(string(at))
	if err != nil || n < 1 || n > len(s.paths[path]) || s.paths[path][n-1].erased {
		return nil, store.Mark{}, false
	}
	v := s.paths[path][n-1]
	return v.set.Clone(), v.mark, true
}

func revision(n int) store.Revision { return store.Revision(strconv.Itoa(n)) }
