package engine

import (
	"context"
	"errors"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// conflicts is how often a write is tried again at once when a neighbour's key
// of the same path was written in between.
const conflicts = 5

// announcePublish reads the path's revision, which the write will compare, into
// the intent; afterwards it says which revisions held the old value.
func (e *Engine) announcePublish(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	ev := e.event(rotation.Intent, task)
	ev.Facts = &rotation.Facts{}
	targets := r.cred.at(task.Phase, task.Part)
	if len(targets) == 0 {
		return e.failed(r, task, gone(task.Part))
	}
	if living := r.successor(); task.Phase == rotation.Retire && r.Live.OneWay(r.Strategy) && living != r.Generation && r.has(living) {
		if err := e.alive(ctx, r, living); err != nil { // in place nothing was revoked, so nobody looked
			return e.failed(r, task, err)
		}
	}
	if targets[0].Store.Traits().Readable {
		_, rev, err := targets[0].Store.Get(ctx, targets[0].Path)
		if err != nil {
			return e.failed(r, task, err)
		}
		ev.Facts.Before = string(rev)
	}
	return []rotation.Event{ev}
}

func gone(part string) error {
	return fault.New(fault.BadConfig, "%s is no longer in rotor.yaml", part).
		WithHint("put it back until this rotation has ended")
}

// publish writes all targets of one path in one compare-and-set. What is read
// back decides; the answer to the write does not.
func (e *Engine) publish(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	intent, _ := r.Open(task)
	targets := r.cred.at(task.Phase, task.Part)
	if len(targets) == 0 {
		return e.failed(r, task, gone(task.Part))
	}
	edit, err := e.edit(ctx, r, task, targets)
	if err != nil {
		return e.failed(r, task, err)
	}
	before := store.Revision(intent.Facts.Before)
	now, err := e.write(ctx, r, task, targets[0], edit, before)
	if err != nil {
		return e.failed(r, task, err)
	}
	facts := &rotation.Facts{Revision: string(now), Before: intent.Facts.Before}
	return []rotation.Event{e.ok(task, facts, emptied(task, targets[0], edit))}
}

// edit is what the path must hold afterwards.
func (e *Engine) edit(ctx context.Context, r *run, task rotation.Task, targets []Target) (store.Edit, error) {
	switch task.Phase {
	case rotation.Undo:
		return e.restored(ctx, r, targets)
	case rotation.Retire:
		return e.withoutOld(ctx, r, targets)
	}
	now, err := e.values(ctx, r, r.Generation)
	if err != nil {
		return store.Edit{}, err
	}
	old, err := e.values(ctx, r, r.From)
	if err != nil {
		return store.Edit{}, err
	}
	set, err := render(targets, now, old)
	return store.Edit{Set: set}, err
}

// withoutOld is what an acceptor's path holds once the retired generation has
// left it.
func (e *Engine) withoutOld(ctx context.Context, r *run, targets []Target) (store.Edit, error) {
	living, err := e.values(ctx, r, r.successor())
	if err != nil {
		return store.Edit{}, err
	}
	ending, err := e.values(ctx, r, r.Generation)
	if err != nil {
		return store.Edit{}, err
	}
	edit := store.Edit{}
	if len(living) > 0 { // a first value that was rolled back leaves nothing behind
		if edit.Set, err = render(targets, living, nil); err != nil {
			return edit, err
		}
	}
	if len(ending) == 0 {
		return edit, nil
	}
	stale, err := render(targets, ending, nil)
	for key := range stale {
		if _, kept := edit.Set[key]; !kept {
			edit.Delete = append(edit.Delete, key)
		}
	}
	return edit, err
}

func render(targets []Target, now, old secret.Set) (secret.Set, error) {
	out := secret.Set{}
	for _, t := range targets {
		key, err := t.Key.RenderKey(now, old)
		if err != nil {
			return nil, err
		}
		if out[key], err = t.Value.Render(now, old); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// write is one compare-and-set with read-back.
func (e *Engine) write(ctx context.Context, r *run, task rotation.Task, t Target, edit store.Edit, rev store.Revision) (store.Revision, error) {
	mark := store.Mark{Credential: r.Credential, Generation: r.Generation}
	if t.Store.Traits().Marks {
		head, err := e.Journal.AuditHead(ctx)
		if err != nil {
			return rev, err
		}
		mark.AuditHead = head.String()
	}
	if !t.Store.Traits().Readable {
		return t.Store.Put(ctx, t.Path, edit, rev, mark)
	}
	for i := 0; ; i++ {
		if i > 0 || r.crashed() {
			content, now, err := t.Store.Get(ctx, t.Path)
			if err != nil {
				return now, err
			}
			if holds(content, edit) {
				return now, nil // an earlier try arrived
			}
			if err := e.undisturbed(ctx, r, task, t, content, edit); err != nil {
				return now, err
			}
			rev = now
		}
		_, err := t.Store.Put(ctx, t.Path, edit, rev, mark)
		if errors.Is(err, store.ErrConflict) && i < conflicts {
			continue
		}
		if err != nil && !fault.KindOf(err).MayHaveHappened() {
			return rev, err
		}
		if err == nil && seeded.Bug("trust-2xx") {
			return rev, nil
		}
		content, now, readErr := t.Store.Get(ctx, t.Path)
		switch {
		case readErr == nil && holds(content, edit):
			return now, nil
		case err != nil:
			return rev, err
		case readErr != nil:
			return rev, fault.Wrap(fault.Unknown, "read back "+t.words(), readErr)
		}
		return rev, fault.New(fault.Unknown, "%s does not hold what was just written", t.words())
	}
}

func holds(content secret.Set, edit store.Edit) bool {
	for key, want := range edit.Set {
		have, ok := content[key]
		if !ok || !have.Equal(want) {
			return false
		}
	}
	for _, key := range edit.Delete {
		if _, ok := content[key]; ok {
			return false
		}
	}
	return true
}

// undisturbed makes sure that nobody else changed our keys since preflight: a
// neighbour's key is no business of ours, but our own may only hold what it
// held before or what we meant to write.
func (e *Engine) undisturbed(ctx context.Context, r *run, task rotation.Task, t Target, content secret.Set, edit store.Edit) error {
	if r.Kind == rotation.KindRetirement || task.Phase == rotation.Undo || r.Mode == rotation.Emergency {
		return nil
	}
	before, err := e.unseal(ctx, r, r.Generation, beforeSlot(t.Place()))
	if err != nil {
		return err
	}
	ours, err := e.candidates(ctx, r, task)
	if err != nil {
		return err
	}
	for key, want := range edit.Set {
		have, was := content[key], before[key]
		if !have.Equal(was) && !have.Equal(want) && !holdsAny(ours, key, have) {
			return fault.New(fault.NeedsPerson, "%s: key %s was changed by somebody else during this rotation", t.words(), key).
				WithHint("see who wrote it; then rotor resume to overwrite it, or rotor rollback")
		}
	}
	return nil
}

// candidates are the texts that earlier tries of this rotation may have written
// (in place: a value that failed and was made anew).
func (e *Engine) candidates(ctx context.Context, r *run, task rotation.Task) ([]secret.Set, error) {
	var out []secret.Set
	old, err := e.values(ctx, r, r.From)
	if err != nil {
		return nil, err
	}
	for attempt := 1; attempt < r.Attempt; attempt++ {
		values, err := e.unseal(ctx, r, r.Generation, valueSlot(attempt))
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		set, err := render(r.cred.at(task.Phase, task.Part), values, old)
		if err != nil {
			return nil, err
		}
		out = append(out, set)
	}
	return out, nil
}

func holdsAny(sets []secret.Set, key string, have secret.Value) bool {
	for _, s := range sets {
		if v, ok := s[key]; ok && v.Equal(have) {
			return true
		}
	}
	return false
}
