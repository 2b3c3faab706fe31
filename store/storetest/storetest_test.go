package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/memory"
)

func good(testing.TB) Subject {
	m := memory.New(time.Now)
	return Subject{Store: m, Path: "app", Old: func(_ context.Context, r store.Revision) (secret.Set, error) {
		set, _, _ := m.Past("app", r)
		return set, nil
	}}
}

// bad is the memory store with one fault seeded.
type bad struct {
	*memory.Store
	mu  sync.Mutex
	put func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error)
	get func(b *bad, ctx context.Context, path string) (secret.Set, store.Revision, error)
	era func(b *bad, ctx context.Context, path string, upTo store.Revision) error
}

func (b *bad) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, m store.Mark) (store.Revision, error) {
	if b.put != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.put(b, ctx, path, edit, prev)
	}
	return b.Store.Put(ctx, path, edit, prev, m)
}

func (b *bad) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	if b.get != nil {
		return b.get(b, ctx, path)
	}
	return b.Store.Get(ctx, path)
}

func (b *bad) Erase(ctx context.Context, path string, upTo store.Revision) error {
	if b.era != nil {
		return b.era(b, ctx, path, upTo)
	}
	return b.Store.Erase(ctx, path, upTo)
}

// Preflight writes to see whether it can, if the seeded fault says so.
type nosy struct{ *memory.Store }

func (n nosy) Preflight(ctx context.Context, path string) error {
	_, r, err := n.Get(ctx, path)
	if err == nil {
		_, err = n.Put(ctx, path, store.Edit{}, r, store.Mark{})
	}
	return err
}

func (b *bad) pass(ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
	return b.Store.Put(ctx, path, edit, prev, store.Mark{})
}

var mutants = []struct {
	fault  string
	store  func() store.Store
	caught string // a question that must notice
}{
	{"ignores the revision", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, _ store.Revision) (store.Revision, error) {
			_, now, err := b.Store.Get(ctx, path)
			if err != nil {
				return "", err
			}
			return b.pass(ctx, path, edit, now)
		}}
	}, "conflict changes nothing"},
	{"compares, but not in one step", func() store.Store { return &lazy{Store: memory.New(time.Now)} }, "one of several writers wins"},
	{"drops siblings", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			set, _, err := b.Store.Get(ctx, path)
			if err != nil {
				return "", err
			}
			for k := range set {
				if _, kept := edit.Set[k]; !kept {
					edit.Delete = append(edit.Delete, k)
				}
			}
			return b.pass(ctx, path, edit, prev)
		}}
	}, "other keys stay"},
	{"trims what it stores", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			set := secret.Set{}
			for k, v := range edit.Set {
				set[k] = secret.New(strings.TrimSpace(v.Reveal()))
			}
			return b.pass(ctx, path, store.Edit{Set: set, Delete: edit.Delete}, prev)
		}}
	}, "every value comes back exactly"},
	{"shows the value in an error", leaking(func(v string) string { return v }), "no value in any error"},
	{"shows the value in hex in an error", leaking(func(v string) string { return fmt.Sprintf("%x", v) }), "no value in any error"},
	{"shows a quoted value in a wrapped error", leaking(func(v string) string { return fmt.Sprintf("%q", v) }), "no value in any error"},
	{"reports an absent path as an error", func() store.Store {
		return &bad{Store: memory.New(time.Now), get: func(b *bad, ctx context.Context, path string) (secret.Set, store.Revision, error) {
			set, r, err := b.Store.Get(ctx, path)
			if err == nil && len(set) == 0 {
				return nil, "", fault.New(fault.BadConfig, "404")
			}
			return set, r, err
		}}
	}, "absent path is empty and no error"},
	{"calls a conflict unknown", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			r, err := b.pass(ctx, path, edit, prev)
			if errors.Is(err, store.ErrConflict) {
				err = store.ErrConflict
			}
			return r, err
		}}
	}, "conflict changes nothing"},
	{"forgets to delete", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			return b.pass(ctx, path, store.Edit{Set: edit.Set}, prev)
		}}
	}, "delete"},
	{"takes an empty value for absent", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			for k, v := range edit.Set {
				if v.IsZero() {
					edit.Delete = append(edit.Delete, k)
					delete(edit.Set, k)
				}
			}
			return b.pass(ctx, path, edit, prev)
		}}
	}, "an empty value is not an absent one"},
	{"ignores the context", func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			return b.pass(context.WithoutCancel(ctx), path, edit, prev)
		}}
	}, "a cancelled context changes nothing"},
	{"erases one too many", func() store.Store {
		return &bad{Store: memory.New(time.Now), era: func(b *bad, ctx context.Context, path string, upTo store.Revision) error {
			_, now, err := b.Store.Get(ctx, path)
			if err != nil || upTo == "0" {
				return err
			}
			return b.Store.Erase(ctx, path, now)
		}}
	}, "erase takes old revisions only"},
	{"erases nothing", func() store.Store {
		return &bad{Store: memory.New(time.Now), era: func(b *bad, ctx context.Context, path string, upTo store.Revision) error {
			if upTo == "no such revision" {
				return fault.New(fault.BadConfig, "erase")
			}
			return nil
		}}
	}, "erase takes old revisions only"},
	{"writes in preflight", func() store.Store { return nosy{memory.New(time.Now)} }, "preflight has no effect"},
	{"mixes up paths", func() store.Store {
		return &bad{Store: memory.New(time.Now),
			put: func(b *bad, ctx context.Context, _ string, edit store.Edit, prev store.Revision) (store.Revision, error) {
				return b.pass(ctx, "app", edit, prev)
			},
			get: func(b *bad, ctx context.Context, _ string) (secret.Set, store.Revision, error) {
				return b.Store.Get(ctx, "app")
			}}
	}, "paths do not touch each other's"},
}

func leaking(show func(string) string) func() store.Store {
	return func() store.Store {
		return &bad{Store: memory.New(time.Now), put: func(b *bad, ctx context.Context, path string, edit store.Edit, prev store.Revision) (store.Revision, error) {
			r, err := b.pass(ctx, path, edit, prev)
			if err != nil {
				for _, v := range edit.Set {
					err = fault.Wrap(fault.KindOf(err), "put", fmt.Errorf("%w: %s", err, show(v.Reveal())))
				}
			}
			return r, err
		}}
	}
}

// lazy compares first and writes when as many as possible have compared.
type lazy struct {
	*memory.Store
	mu      sync.Mutex
	waiting int
	open    chan struct{}
}

func (l *lazy) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, m store.Mark) (store.Revision, error) {
	_, now, err := l.Get(ctx, path)
	if err != nil {
		return "", err
	}
	if now != prev {
		return "", fault.Wrap(fault.Transient, "put", store.ErrConflict)
	}
	l.meet(edit)
	for {
		_, now, err = l.Get(ctx, path)
		if err != nil {
			return "", err
		}
		r, err := l.Store.Put(ctx, path, edit, now, m)
		if !errors.Is(err, store.ErrConflict) {
			return r, err
		}
	}
}

// meet holds the six writers of one round until all are there.
func (l *lazy) meet(edit store.Edit) {
	for _, v := range edit.Set {
		if !strings.HasPrefix(v.Reveal(), "writer-0") {
			return
		}
	}
	if len(edit.Set) == 0 {
		return
	}
	l.mu.Lock()
	if l.open == nil {
		l.open = make(chan struct{})
	}
	open := l.open
	if l.waiting++; l.waiting == 6 {
		close(open)
	}
	l.mu.Unlock()
	<-open
}

func TestGoodStorePasses(t *testing.T) { Run(t, good) }

func TestBadStoresAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.fault, func(t *testing.T) {
			failed := Failures(t, func(testing.TB) Subject {
				s := m.store()
				subject := Subject{Store: s, Path: "app"}
				if b, ok := s.(*bad); ok {
					subject.Old = func(_ context.Context, r store.Revision) (secret.Set, error) {
						set, _, _ := b.Past("app", r)
						return set, nil
					}
				}
				return subject
			})
			if failed[m.caught] == nil {
				t.Fatalf("not caught by %q; what failed: %v", m.caught, failed)
			}
		})
	}
}

func TestMutantsNameQuestions(t *testing.T) {
	for _, m := range mutants {
		if !slices.ContainsFunc(questions, func(q question) bool { return q.name == m.caught }) {
			t.Errorf("%s: there is no question %q", m.fault, m.caught)
		}
	}
}

func TestNoLeakSeesEveryEncoding(t *testing.T) {
	const value = "s3cr+t/\"é\"&value"
	for form, text := range encodings(value) {
		if NoLeak(fault.New(fault.Unknown, "op: %s", text), value) == nil {
			t.Errorf("%s in the message is not seen", form)
		}
		if NoLeak(fmt.Errorf("x: %w", fault.New(fault.Unknown, "op").WithHint("%s", text)), value) == nil {
			t.Errorf("%s in a hint is not seen", form)
		}
		if NoLeak(errors.Join(errors.New("a"), fmt.Errorf("b %s", text)), value) == nil {
			t.Errorf("%s in a joined error is not seen", form)
		}
	}
	if err := NoLeak(errors.New("nothing to see"), value); err != nil {
		t.Error(err)
	}
}
