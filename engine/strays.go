package engine

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// seeks says whether a provider can find what a lost answer left.
func seeks(p provider.Provider) bool {
	_, finds := provider.As[provider.Finder](p)
	_, lists := provider.As[provider.Lister](p)
	return finds || lists
}

// removeStrays revokes values that carry our label and whose text nobody knows.
// It never kills by label alone: a value that the journal cannot explain means
// that the journal is older than the world, and then nothing is touched.
func (e *Engine) removeStrays(ctx context.Context, r *run) error {
	if lister, ok := provider.As[provider.Lister](r.cred.Provider); ok {
		return e.removeUnnamed(ctx, r, lister)
	}
	finder, _ := provider.As[provider.Finder](r.cred.Provider) // seeks said so
	prefix, err := e.prefix(ctx, r)
	if err != nil {
		return err
	}
	known, err := e.Journal.Credential(ctx, r.Credential)
	if err != nil {
		return err
	}
	found, err := finder.Find(ctx, prefix)
	if err != nil {
		return err
	}
	for _, f := range found {
		generation, _, ours := rotation.Numbers(f.Label, prefix)
		if !ours || r.knows(f.Handle) || underWay(known, r.ID, generation) {
			continue
		}
		if err := r.explained(known, f, generation); err != nil && !seeded.Bug("find-then-revoke") {
			return err
		}
		if err := r.cred.Provider.Revoke(ctx, f.Handle); err != nil {
			return err
		}
	}
	return nil
}

// underWay says whether another open rotation is making this generation: its
// strays are its own business.
func underWay(known rotation.Credential, id string, generation int) bool {
	for _, x := range known.OpenOf(rotation.KindRotation) {
		if x.ID != id && x.Generation == generation {
			return true
		}
	}
	return false
}

// explained says whether a value found at the provider can be the stray of a try
// in the journal: its generation is on record and it is no older than that.
func (r *run) explained(known rotation.Credential, f provider.Found, generation int) error {
	g, ok := known.Get(generation)
	if ok && (f.Created.IsZero() || f.Created.After(g.Created.Add(-rotation.ClockSkew))) {
		return nil
	}
	return fault.New(fault.NeedsPerson, "a value of generation %d that the journal cannot explain is alive at %s: the state is older than the world",
		generation, r.cred.Provider.Traits().Name).
		WithHint("was a backup of the state restored? nothing was touched; see rotor status %s", r.Credential)
}

// knows says whether a handle is on record for a generation that has not died.
func (r *run) knows(h rotation.Handle) bool {
	for _, g := range r.known.Generations {
		if g.Life != rotation.Dead && (g.Handle == h || g.Handle.Shares(h)) {
			return true
		}
	}
	return false
}
