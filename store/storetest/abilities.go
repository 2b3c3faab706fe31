package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

func writers(ctx context.Context, e *exam) error {
	if !e.Store.Traits().CAS {
		return errNotAsked
	}
	set := e.some("start")
	revision, err := e.begin(ctx, set)
	if err != nil {
		return err
	}
	for round := range 5 {
		const n = 6
		var wg sync.WaitGroup
		revisions, errs := make([]store.Revision, n), make([]error, n)
		for i := range n {
			wg.Go(func() {
				revisions[i], errs[i] = e.put(ctx, store.Edit{Set: one(e.Keys[0], fmt.Sprintf("writer-%d-%d", round, i))}, revision)
			})
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				return fmt.Errorf("round %d: two writers won the same revision", round)
			case err == nil:
				winner = i
			case !errors.Is(err, store.ErrConflict):
				return fmt.Errorf("round %d: a loser got something else than ErrConflict: %w", round, err)
			}
		}
		if winner < 0 {
			return fmt.Errorf("round %d: nobody won", round)
		}
		set[e.Keys[0]] = secret.New(fmt.Sprintf("writer-%d-%d", round, winner))
		if err := e.holds(ctx, set); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		revision = revisions[winner]
	}
	return nil
}

func cancelled(ctx context.Context, e *exam) error {
	want := e.some("kept")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	dead, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := e.Store.Get(dead, e.Path); !errors.Is(err, context.Canceled) && e.Store.Traits().Readable {
		return fmt.Errorf("Get with a cancelled context: %w", orNil(err))
	}
	if _, err := e.put(dead, store.Edit{Set: e.some("late")}, revision); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("Put with a cancelled context: %w", orNil(err))
	}
	return e.holds(ctx, want)
}

func otherPath(ctx context.Context, e *exam) error {
	want := e.some("here")
	if _, err := e.begin(ctx, want); err != nil {
		return err
	}
	there := &exam{Subject: e.Subject}
	there.Path += "-2"
	if err := there.holds(ctx, secret.Set{}); err != nil {
		return fmt.Errorf("a path whose name begins alike: %w", err)
	}
	if _, err := there.begin(ctx, e.some("there")); err != nil {
		return err
	}
	return e.holds(ctx, want)
}

func aliasing(ctx context.Context, e *exam) error {
	given := e.some("kept")
	want := given.Clone()
	if _, err := e.begin(ctx, given); err != nil {
		return err
	}
	given[e.Keys[0]] = secret.New("changed by the caller")
	got, _, err := e.get(ctx)
	if err != nil {
		return err
	}
	got[e.Keys[0]] = secret.New("changed by the reader")
	return e.holds(ctx, want)
}

func erase(ctx context.Context, e *exam) error {
	eraser, ok := e.Store.(store.Eraser)
	if !ok {
		return errNotAsked
	}
	var revisions []store.Revision
	_, revision, err := e.get(ctx)
	if err != nil {
		return err
	}
	for i := range 4 {
		if revision, err = e.put(ctx, store.Edit{Set: e.some(fmt.Sprint("v", i))}, revision); err != nil {
			return fmt.Errorf("Put: %w", err)
		}
		revisions = append(revisions, revision)
	}
	for range 2 { // the second time they are gone already
		if err := eraser.Erase(ctx, e.Path, revisions[1]); err != nil {
			return fmt.Errorf("Erase: %w", err)
		}
	}
	if err := e.holds(ctx, e.some("v3")); err != nil {
		return fmt.Errorf("the newest after Erase of older ones: %w", err)
	}
	if e.Old == nil {
		return nil
	}
	for i, r := range revisions {
		set, err := e.Old(ctx, r)
		if err != nil {
			return err
		}
		if gone := len(set) == 0; gone != (i <= 1) {
			return fmt.Errorf("revision %d of 4 after Erase up to 2: gone = %v", i+1, gone)
		}
	}
	return nil
}

func eraseNothing(ctx context.Context, e *exam) error {
	eraser, ok := e.Store.(store.Eraser)
	if !ok {
		return errNotAsked
	}
	_, absent, err := e.get(ctx)
	if err != nil {
		return err
	}
	if err := eraser.Erase(ctx, e.Path, absent); err != nil {
		return fmt.Errorf("Erase on a path that does not exist: %w", err)
	}
	want := e.some("kept")
	if _, err := e.begin(ctx, want); err != nil {
		return err
	}
	if err := eraser.Erase(ctx, e.Path, "no such revision"); fault.KindOf(err) != fault.BadConfig {
		return fmt.Errorf("Erase of a revision that is none: want bad-config, got %w", orNil(err))
	}
	return e.holds(ctx, want)
}

func preflight(ctx context.Context, e *exam) error {
	p, ok := e.Store.(store.Preflighter)
	if !ok {
		return errNotAsked
	}
	_, before, err := e.get(ctx)
	if err != nil {
		return err
	}
	if err := p.Preflight(ctx, e.Path); err != nil {
		return fmt.Errorf("Preflight of a path that can be created: %w", err)
	}
	_, after, err := e.get(ctx)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("Preflight moved the revision from %q to %q", before, after)
	}
	want := e.some("kept")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	if err := p.Preflight(ctx, e.Path); err != nil {
		return fmt.Errorf("Preflight of a path that exists: %w", err)
	}
	if _, err := e.put(ctx, store.Edit{Set: want}, revision); err != nil {
		return fmt.Errorf("Put with the revision from before Preflight: %w", err)
	}
	return e.holds(ctx, want)
}

func clock(ctx context.Context, e *exam) error {
	c, ok := e.Store.(store.Clock)
	if !ok {
		return errNotAsked
	}
	first, err := c.Now(ctx)
	if err != nil {
		return fmt.Errorf("Now: %w", err)
	}
	second, err := c.Now(ctx)
	if err != nil {
		return fmt.Errorf("Now: %w", err)
	}
	if first.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) || second.Before(first) {
		return fmt.Errorf("Now says %v and then %v", first, second)
	}
	return nil
}

// lost: the effect is there and its answer is not. That must be said, and doing it
// again must do no harm.
func lost(ctx context.Context, e *exam) error {
	if e.Lose == nil {
		return errNotAsked
	}
	want := e.some("kept")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	want[e.Keys[0]] = secret.New("written without an answer")
	edit := store.Edit{Set: one(e.Keys[0], "written without an answer")}
	mend := e.Lose()
	_, err = e.put(ctx, edit, revision)
	mend()
	if err == nil || fault.KindOf(err) != fault.Unknown {
		return fmt.Errorf("Put whose answer is lost: want unknown, got %s: %w", fault.KindOf(err), orNil(err))
	}
	if err := e.holds(ctx, want); err != nil {
		return fmt.Errorf("after a lost answer: %w", err)
	}
	_, now, err := e.get(ctx)
	if err != nil {
		return err
	}
	if _, err := e.put(ctx, edit, now); err != nil {
		return fmt.Errorf("Put again after a lost answer: %w", err)
	}
	return e.holds(ctx, want)
}

func writeOnly(ctx context.Context, e *exam) error {
	t := e.Store.Traits()
	if t.Readable {
		return errNotAsked
	}
	if t.CAS || t.Marks || t.Versions {
		return fmt.Errorf("a store that cannot be read says that it compares, keeps marks or versions: %+v", t)
	}
	if _, _, err := e.Store.Get(ctx, e.Path); fault.KindOf(err) != fault.BadConfig {
		return fmt.Errorf("Get of a write-only store: want bad-config, got %w", orNil(err))
	}
	for _, tag := range []string{"first", "second", "second"} {
		if _, err := e.put(ctx, store.Edit{Set: e.some(tag)}, ""); err != nil {
			return fmt.Errorf("Put: %w", err)
		}
	}
	// nobody can compare, so what somebody else thinks of the revision does not matter
	if _, err := e.put(ctx, store.Edit{Set: e.some("third")}, "no such revision"); err != nil {
		return fmt.Errorf("Put with a revision: %w", err)
	}
	return e.holds(ctx, e.some("third"))
}
