package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

func absentPath(ctx context.Context, e *exam) error {
	set, first, err := e.get(ctx)
	if err != nil {
		return err
	}
	if len(set) != 0 {
		return fmt.Errorf("a path that does not exist has %d keys", len(set))
	}
	_, second, err := e.get(ctx)
	if err == nil && first != second {
		err = fmt.Errorf("two reads give revisions %q and %q", first, second)
	}
	return err
}

func create(ctx context.Context, e *exam) error {
	_, absent, err := e.get(ctx)
	if err != nil {
		return err
	}
	want := e.some("first")
	revision, err := e.put(ctx, store.Edit{Set: want}, absent)
	if err != nil {
		return fmt.Errorf("Put on a new path: %w", err)
	}
	_, read, err := e.get(ctx)
	if err != nil {
		return err
	}
	if read != revision || revision == absent {
		return fmt.Errorf("revision was %q, Put says %q, Get says %q", absent, revision, read)
	}
	return e.holds(ctx, want)
}

// odd are texts that a store is tempted to normalise.
var odd = []string{
	" leading and trailing ", "tab\there", `back\slash \n \" \'`, "häß ✓ 密码 🔑", "a=b#c d", "${HOME} $$ $x `id`",
	`{"json": [1, null]}`, "%2F%00&+?", "null", "true", "007", "1e3",
}

func siblings(ctx context.Context, e *exam) error {
	if len(e.Keys) < 2 {
		return errNotAsked
	}
	for _, text := range odd {
		_, revision, err := e.get(ctx)
		if err != nil {
			return err
		}
		set := e.some("old")
		set[e.Keys[1]] = secret.New(text)
		revision, err = e.put(ctx, store.Edit{Set: set}, revision)
		if err != nil {
			if refusedCleanly(err) {
				continue
			}
			return fmt.Errorf("Put beside %q: %w", text, err)
		}
		set[e.Keys[0]] = secret.New("new")
		if _, err = e.put(ctx, store.Edit{Set: one(e.Keys[0], "new")}, revision); err != nil {
			return fmt.Errorf("Put of one key: %w", err)
		}
		if err := e.holds(ctx, set); err != nil {
			return fmt.Errorf("sibling %q: %w", text, err)
		}
	}
	return nil
}

func conflict(ctx context.Context, e *exam) error {
	stale, err := e.begin(ctx, e.some("first"))
	if err != nil {
		return err
	}
	second := e.some("second")
	if _, err := e.put(ctx, store.Edit{Set: second}, stale); err != nil {
		return fmt.Errorf("second Put: %w", err)
	}
	for _, edit := range []store.Edit{{Set: e.some("third")}, {Delete: e.Keys}} {
		if err := e.refusesMoved(ctx, edit, stale); err != nil {
			return err
		}
		if err := e.holds(ctx, second); err != nil {
			return fmt.Errorf("after the refused Put: %w", err)
		}
	}
	return nil
}

func (e *exam) refusesMoved(ctx context.Context, edit store.Edit, stale store.Revision) error {
	_, err := e.put(ctx, edit, stale)
	if !errors.Is(err, store.ErrConflict) || fault.KindOf(err) != fault.Transient {
		return fmt.Errorf("Put at a moved revision: want ErrConflict and transient, got %s: %w", fault.KindOf(err), orNil(err))
	}
	return nil
}

func orNil(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func createConflict(ctx context.Context, e *exam) error {
	_, absent, err := e.get(ctx)
	if err != nil {
		return err
	}
	first := e.some("first")
	if _, err := e.begin(ctx, first); err != nil {
		return err
	}
	if err := e.refusesMoved(ctx, store.Edit{Set: e.some("second")}, absent); err != nil {
		return err
	}
	return e.holds(ctx, first)
}

func deleteKeys(ctx context.Context, e *exam) error {
	set := e.some("kept")
	revision, err := e.begin(ctx, set)
	if err != nil {
		return err
	}
	edit := store.Edit{Delete: e.Keys[:1]}
	delete(set, e.Keys[0])
	if len(e.Keys) > 2 {
		set[e.Keys[2]] = secret.New("set in the same edit")
		edit.Set = one(e.Keys[2], "set in the same edit")
	}
	revision, err = e.put(ctx, edit, revision)
	if err != nil {
		return fmt.Errorf("Put with Delete: %w", err)
	}
	if err := e.holds(ctx, set); err != nil {
		return err
	}
	_, read, err := e.get(ctx)
	if err != nil {
		return err
	}
	if read != revision && e.Store.Traits().Readable {
		return fmt.Errorf("after deleting, Put says %q, Get says %q", revision, read)
	}
	if _, err := e.put(ctx, store.Edit{Set: one(e.Keys[0], "again")}, revision); err != nil {
		return fmt.Errorf("Put after Delete: %w", err)
	}
	set[e.Keys[0]] = secret.New("again")
	return e.holds(ctx, set)
}

func deleteAbsent(ctx context.Context, e *exam) error {
	set := one(e.Keys[0], "kept")
	if len(e.Keys) < 2 {
		set = secret.Set{}
	}
	_, revision, err := e.get(ctx)
	if err != nil {
		return err
	}
	if len(set) > 0 {
		if revision, err = e.begin(ctx, set); err != nil {
			return err
		}
	}
	if _, err := e.put(ctx, store.Edit{Delete: e.Keys[len(e.Keys)-1:]}, revision); err != nil {
		return fmt.Errorf("deleting a key that is not there: %w", err)
	}
	return e.holds(ctx, set)
}

func emptyEdit(ctx context.Context, e *exam) error {
	want := e.some("kept")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	if _, err := e.put(ctx, store.Edit{}, revision); err != nil {
		return fmt.Errorf("Put of an empty edit: %w", err)
	}
	return e.holds(ctx, want)
}

func longTexts() []string {
	texts := append([]string{
		"two\nlines", "crlf\r\nends\r\n", "\nnewline first", "it's", `say "hi"`, `'"`, `ends with \`, "'`", "#", "=", "  ",
		"-----BEGIN SAMPLE-----\nAAAA\nBBBB\n-----END SAMPLE-----\n", "\ufeffbom", "zero\x00byte", "not\xffutf8", "\x01\x1b[0m",
	}, odd...)
	return append(texts, strings.Repeat("long0123", 8<<10))
}

func values(ctx context.Context, e *exam) error {
	want := e.some("before")
	if _, err := e.begin(ctx, want); err != nil {
		return err
	}
	accepted := 0
	for _, text := range longTexts() {
		_, revision, err := e.get(ctx)
		if err != nil {
			return err
		}
		_, err = e.put(ctx, store.Edit{Set: one(e.Keys[0], text)}, revision)
		switch {
		case err == nil:
			accepted++
			want[e.Keys[0]] = secret.New(text)
		case !refusedCleanly(err):
			return fmt.Errorf("value %.20q: neither stored nor refused as rejected with a hint: %s: %w", text, fault.KindOf(err), err)
		}
		if err := e.holds(ctx, want); err != nil {
			return fmt.Errorf("value %.20q: %w", text, err)
		}
	}
	if accepted == 0 {
		return errors.New("every value was refused")
	}
	return nil
}

func emptyValue(ctx context.Context, e *exam) error {
	want := e.some("full")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	_, err = e.put(ctx, store.Edit{Set: one(e.Keys[0], "")}, revision)
	if err == nil {
		want[e.Keys[0]] = secret.Value{}
	} else if !refusedCleanly(err) {
		return fmt.Errorf("empty value: %w", err)
	}
	return e.holds(ctx, want)
}

func longRun(ctx context.Context, e *exam) error {
	want := e.some("start")
	revision, err := e.begin(ctx, want)
	if err != nil {
		return err
	}
	for i := range 12 {
		key, text := e.Keys[i%len(e.Keys)], fmt.Sprintf("run-%d", i)
		if revision, err = e.put(ctx, store.Edit{Set: one(key, text)}, revision); err != nil {
			return fmt.Errorf("Put %d with the revision of the Put before: %w", i, err)
		}
		want[key] = secret.New(text)
	}
	return e.holds(ctx, want)
}
