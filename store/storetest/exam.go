package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// exam is one subject with words for what the questions do to it.
type exam struct{ Subject }

// mark is what the questions write beside values.
var mark = store.Mark{Credential: "exam", Generation: 7, AuditHead: "0f0f0f0f"}

// get reads the path, a write-only store's by its back door and without a revision.
func (e *exam) get(ctx context.Context) (secret.Set, store.Revision, error) {
	if !e.Store.Traits().Readable {
		set, err := e.Peek(ctx, e.Path)
		return set, "", err
	}
	set, revision, err := e.Store.Get(ctx, e.Path)
	if err != nil {
		return nil, "", fmt.Errorf("Get: %w", err)
	}
	return set, revision, nil
}

func (e *exam) put(ctx context.Context, edit store.Edit, prev store.Revision) (store.Revision, error) {
	return e.Store.Put(ctx, e.Path, edit, prev, mark)
}

// begin writes set where nothing was.
func (e *exam) begin(ctx context.Context, set secret.Set) (store.Revision, error) {
	_, revision, err := e.get(ctx)
	if err != nil {
		return "", err
	}
	revision, err = e.put(ctx, store.Edit{Set: set}, revision)
	if err != nil {
		return "", fmt.Errorf("Put on a new path: %w", err)
	}
	return revision, nil
}

// holds checks that exactly want is there. A store may list a value under more
// keys than it was given (a file does); those must not differ.
func (e *exam) holds(ctx context.Context, want secret.Set) error {
	got, _, err := e.get(ctx)
	if err != nil {
		return err
	}
	for key, v := range want {
		if g, ok := got[key]; !ok {
			return fmt.Errorf("key %q is missing", key)
		} else if !g.Equal(v) {
			return fmt.Errorf("key %q holds something else (%d bytes, want %d)", key, g.Len(), v.Len())
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok && slices.Contains(e.Keys, key) {
			return fmt.Errorf("key %q should not be there", key)
		}
	}
	if len(want) == 0 && len(got) > 0 {
		return fmt.Errorf("%d keys are there, want none", len(got))
	}
	return nil
}

// refusedCleanly says whether a refusal is one that proves that nothing was
// done and tells a person what to do.
func refusedCleanly(err error) bool {
	kind := fault.KindOf(err)
	return (kind == fault.Rejected || kind == fault.BadConfig) && fault.HintOf(err) != ""
}

func one(key, value string) secret.Set { return secret.Set{key: secret.New(value)} }

// some gives each of the subject's keys a value that begins with tag.
func (e *exam) some(tag string) secret.Set {
	set := secret.Set{}
	for i, key := range e.Keys {
		set[key] = secret.New(fmt.Sprintf("%s-value-%d", tag, i))
	}
	return set
}
