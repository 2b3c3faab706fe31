// Package github is the store of secrets for GitHub's workflows: of repositories, their
// environments and organisations, for Actions or for Dependabot.
//
// What surprises: it can only be written. A secret is sealed for GitHub's key before it
// leaves, and nobody gets it back; whether it arrived is told by its name and date. A
// path is not written in one step either: each key is a request of its own.
package github

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/githubapi"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

const name = "github"

// Store writes the secrets that one token may write.
type Store struct {
	opts Options
	api  *apiclient.Client
}

var (
	_ store.Store          = (*Store)(nil)
	_ store.Preflighter    = (*Store)(nil)
	_ store.KeyPreflighter = (*Store)(nil)
	_ store.Clock          = (*Store)(nil)
)

// New checks the options; nothing is connected. token is read at each request.
func New(o Options, token secret.Source) (*Store, error) {
	o, err := o.validated()
	if err != nil {
		return nil, err
	}
	api, err := apiclient.New(apiclient.Config{Name: name, BaseURL: o.BaseURL, Auth: apiclient.Bearer(token), RequestID: "X-GitHub-Request-Id",
		Limits: apiclient.Limits{PerSecond: o.RequestsPerSecond, Concurrent: 16}})
	if err != nil {
		return nil, err
	}
	return &Store{opts: o, api: api}, nil
}

// Close drops idle connections.
func (s *Store) Close() error { return s.api.Close() }

// Traits: write-only.
func (s *Store) Traits() store.Traits { return store.Traits{Name: name} }

// Get cannot be done.
func (s *Store) Get(ctx context.Context, _ string) (secret.Set, store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fault.Wrap(fault.Transient, "github: get", err)
	}
	return nil, "", bad("secrets cannot be read back").WithHint("GitHub shows them to workflows only; refer to a store that can be read")
}

// Put seals and sends each key, and looks whether it is there. A failure after the first
// key is unknown: a part of the path has changed. Doing it again does no harm.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, _ store.Revision, _ store.Mark) (store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return "", fault.Wrap(fault.Transient, "github: put", err)
	}
	p, err := s.place(path)
	if err != nil {
		return "", err
	}
	if err := s.acceptable(ctx, p, edit); err != nil {
		return "", err
	}
	sealed, err := s.seal(ctx, p, edit.Set)
	if err != nil {
		return "", err
	}
	done := 0
	var latest time.Time
	for _, name := range slices.Sorted(maps.Keys(sealed)) {
		at, err := s.send(ctx, p, name, sealed[name])
		if err != nil {
			return "", partly(done, err)
		}
		latest = later(latest, at)
		done++
	}
	for _, name := range edit.Delete {
		if err := s.remove(ctx, p, name); err != nil {
			return "", partly(done, err)
		}
		done++
	}
	if latest.IsZero() {
		return "", nil
	}
	return store.Revision(latest.UTC().Format(time.RFC3339)), nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// partly: what proves that one key did not change proves nothing about the others.
func partly(done int, err error) error {
	if done == 0 {
		return err
	}
	return fault.Wrap(fault.Unknown, "github: put: a part of the path is written", err)
}

// acceptable looks at names and values, and at who sees an organisation's secret:
// writing a value must not show it to anybody new.
func (s *Store) acceptable(ctx context.Context, p place, edit store.Edit) error {
	for _, name := range append(slices.Sorted(maps.Keys(edit.Set)), edit.Delete...) {
		if err := checkName(name); err != nil {
			return err
		}
	}
	for name, v := range edit.Set {
		if err := checkValue(name, v); err != nil {
			return err
		}
		if err := s.visible(ctx, p, name, "put"); err != nil {
			return err
		}
	}
	return nil
}

// Now is the API's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var a apiclient.Answer
	err := s.do(ctx, apiclient.Call{Step: "clock", Path: "/rate_limit", Answer: &a}) // counts against no limit
	return a.Clock("github: clock", err)
}

// do sends a call with GitHub's headers and reads its refusals.
func (s *Store) do(ctx context.Context, call apiclient.Call) error {
	var a apiclient.Answer
	if call.Answer == nil {
		call.Answer = &a
	}
	call.Header = githubapi.Header()
	if call.Judge == nil {
		call.Judge = judge
	}
	return githubapi.Waiting(s.api.Do(ctx, call), *call.Answer)
}
