package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/memory"
)

// blind is a memory store that nobody can read, with one fault.
type blind struct {
	*memory.Store
	fault string
	loses bool
}

func (b *blind) Traits() store.Traits {
	return store.Traits{Name: "blind", CAS: b.fault == "says that it compares"}
}

func (b *blind) Get(context.Context, string) (secret.Set, store.Revision, error) {
	if b.fault == "is empty when it is read" {
		return secret.Set{}, "", nil
	}
	return nil, "", fault.New(fault.BadConfig, "blind: get")
}

func (b *blind) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, m store.Mark) (store.Revision, error) {
	set, now, err := b.Store.Get(context.WithoutCancel(ctx), path)
	if err != nil {
		return "", err
	}
	switch b.fault {
	case "forgets to delete":
		edit.Delete = nil
	case "acts after all":
		ctx = context.WithoutCancel(ctx)
	case "drops siblings":
		for k := range set {
			if _, kept := edit.Set[k]; !kept {
				edit.Delete = append(edit.Delete, k)
			}
		}
	case "compares":
		if prev != "" {
			return "", fault.Wrap(fault.Transient, "blind", store.ErrConflict)
		}
	}
	if _, err := b.Store.Put(ctx, path, edit, now, m); err != nil {
		return "", err
	}
	if b.loses && b.fault == "calls a lost answer transient" {
		return "", fault.New(fault.Transient, "blind: no answer")
	}
	if b.loses && b.fault != "knows better" {
		return "", fault.New(fault.Unknown, "blind: no answer")
	}
	return "", nil
}

func (b *blind) Erase(context.Context, string, store.Revision) error { return nil }

func blindly(fault string) Factory {
	return func(testing.TB) Subject {
		b := &blind{Store: memory.New(time.Now), fault: fault}
		return Subject{Store: b, Path: "app",
			Peek: func(ctx context.Context, path string) (secret.Set, error) {
				set, _, err := b.Store.Get(ctx, path)
				return set, err
			},
			Lose: func() func() { b.loses = true; return func() { b.loses = false } }}
	}
}

func TestWriteOnlyStores(t *testing.T) {
	Run(t, blindly(""))
	for fault, caught := range map[string]string{
		"says that it compares": "a write-only store says so", "is empty when it is read": "a write-only store says so",
		"compares": "a write-only store says so", "forgets to delete": "delete", "acts after all": "a cancelled context changes nothing",
		"drops siblings": "other keys stay", "calls a lost answer transient": "a lost answer may be asked for again",
		"knows better": "a lost answer may be asked for again",
	} {
		if failed := Failures(t, blindly(fault)); failed[caught] == nil {
			t.Errorf("%s: not caught by %q; what failed: %v", fault, caught, failed)
		}
	}
	failed := Failures(t, func(t testing.TB) Subject { s := blindly("")(t); s.Peek = nil; return s })
	if failed["other keys stay"] == nil {
		t.Error("a write-only store without a back door passed")
	}
}
