package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// restored is exactly what the path held at preflight, present or absent.
func (e *Engine) restored(ctx context.Context, r *run, targets []Target) (store.Edit, error) {
	now, err := e.values(ctx, r, r.Generation)
	if err != nil {
		return store.Edit{}, err
	}
	if !targets[0].Store.Traits().Readable {
		return e.rendered(ctx, r, targets, now)
	}
	before, err := e.unseal(ctx, r, r.Generation, beforeSlot(targets[0].Place()))
	if isNotFound(err) { // a path that rotor.yaml has only since then
		return e.rendered(ctx, r, targets, now)
	}
	if err != nil {
		return store.Edit{}, err
	}
	if seeded.Bug("restore-whole-path") {
		return store.Edit{Set: before}, nil
	}
	edit := store.Edit{Set: secret.Set{}}
	for _, t := range targets {
		key, err := t.Key.RenderKey(now, nil)
		if err != nil {
			return edit, err
		}
		if v, ok := before[key]; ok {
			edit.Set[key] = v
		} else {
			edit.Delete = append(edit.Delete, key)
		}
	}
	return edit, nil
}

// rendered is what the old value would make of the path, where nobody can tell
// what it held. A key whose old value is not known either is taken away: what it
// holds is about to be revoked.
func (e *Engine) rendered(ctx context.Context, r *run, targets []Target, now secret.Set) (store.Edit, error) {
	edit := store.Edit{Set: secret.Set{}}
	old, err := e.values(ctx, r, r.From)
	if err != nil {
		return edit, err
	}
	for _, t := range targets {
		if !t.knownFrom(old) {
			key, err := t.Key.RenderKey(now, nil)
			if err != nil {
				return edit, err
			}
			edit.Delete = append(edit.Delete, key)
			continue
		}
		key, err := t.Key.RenderKey(old, nil)
		if err != nil {
			return edit, err
		}
		if edit.Set[key], err = t.Value.Render(old, nil); err != nil {
			return edit, err
		}
	}
	return edit, nil
}

// knownFrom says whether the target can be made of these values. What is known of a
// value from before Rotor may be a part of it.
func (t Target) knownFrom(values secret.Set) bool {
	for _, template := range []*secret.Template{t.Key, t.Value} {
		for _, f := range template.Fields() {
			if _, ok := values[f]; !ok && !strings.HasPrefix(f, "previous") {
				return false
			}
		}
	}
	return len(values) > 0
}

// RestorableFrom says whether a rollback can put a target back that nobody can read,
// if these fields of the old value are known.
func (t Target) RestorableFrom(fields ...string) bool {
	values := secret.Set{}
	for _, f := range fields {
		values[f] = secret.Value{}
	}
	return t.knownFrom(values)
}

// emptied is said of a path that nobody could put back.
func emptied(task rotation.Task, t Target, edit store.Edit) string {
	if task.Phase != rotation.Undo || t.Store.Traits().Readable || len(edit.Delete) == 0 {
		return ""
	}
	return fmt.Sprintf("%s removed: what was there before is not known; if there was something, put the old value back by hand", strings.Join(edit.Delete, ", "))
}
