package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Recover opens a generation's sealed value; generation 0 or less is the current
// one. The audit has it before anybody has the value.
func (a *App) Recover(ctx context.Context, name string, generation int, to string) (rotation.Generation, secret.Set, error) {
	known, err := a.Journal.Credential(ctx, name)
	if err != nil {
		return rotation.Generation{}, nil, err
	}
	g, ok := known.Current()
	if generation >= 0 {
		g, ok = known.Get(generation)
	}
	if !ok {
		return g, nil, fault.New(fault.Rejected, "nothing is known of such a value of %s", name).
			WithHint("rotor status %s lists its generations", name)
	}
	err = a.Journal.Note(ctx, audit.Entry{At: a.Now().Wall, Actor: a.Actor, Action: "recover", Credential: name, Generation: g.N, Part: to})
	if err != nil {
		return g, nil, err
	}
	slot := fmt.Sprintf("values/%d", g.Attempt)
	blob, err := a.Journal.Sealed(ctx, name, g.N, slot)
	if errors.Is(err, journal.ErrNotFound) {
		return g, nil, fault.New(fault.Rejected, "the value of generation %d of %s is not kept", g.N, name)
	}
	if err != nil {
		return g, nil, err
	}
	values, err := a.Keys.Open(blob, secret.Place{Credential: name, Generation: g.N, Slot: slot})
	return g, values, err
}
