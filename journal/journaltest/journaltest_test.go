package journaltest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/rotation"
)

// flawed is a good journal with one bug.
type flawed struct {
	journal.Journal
	create func(journal.Journal, context.Context, rotation.Record, ...rotation.Event) (rotation.Fence, error)
	append func(journal.Journal, context.Context, string, rotation.Fence, ...rotation.Event) error
	change func([]rotation.Event) []rotation.Event
	due    func(journal.Journal, context.Context, rotation.Instant) ([]rotation.Record, time.Duration, error)
	entry  func(audit.Entry) (audit.Entry, bool)
	list   func([]rotation.Record) []rotation.Record
	silent bool
}

func (f *flawed) Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	if f.create != nil {
		return f.create(f.Journal, ctx, r, events...)
	}
	if f.change != nil {
		events = f.change(slices.Clone(events))
	}
	return f.Journal.Create(ctx, r, events...)
}

func (f *flawed) Append(ctx context.Context, id string, fence rotation.Fence, events ...rotation.Event) error {
	if f.append != nil {
		return f.append(f.Journal, ctx, id, fence, events...)
	}
	if f.change != nil {
		events = f.change(slices.Clone(events))
	}
	return f.Journal.Append(ctx, id, fence, events...)
}

func (f *flawed) Due(ctx context.Context, now rotation.Instant) ([]rotation.Record, time.Duration, error) {
	if f.due != nil {
		return f.due(f.Journal, ctx, now)
	}
	return f.Journal.Due(ctx, now)
}

func (f *flawed) History(ctx context.Context, credential string, limit int) ([]rotation.Record, error) {
	out, err := f.Journal.History(ctx, credential, limit)
	if f.list != nil {
		out = f.list(out)
	}
	return out, err
}

func (f *flawed) Audit(ctx context.Context, from int64) iter.Seq2[audit.Entry, error] {
	if f.entry == nil {
		return f.Journal.Audit(ctx, from)
	}
	return func(yield func(audit.Entry, error) bool) {
		for e, err := range f.Journal.Audit(ctx, from) {
			e, keep := f.entry(e)
			if keep && !yield(e, err) {
				return
			}
		}
	}
}

func (f *flawed) Changed() <-chan struct{} {
	if f.silent {
		return nil
	}
	return f.Journal.Changed()
}

// each changes every event.
func each(change func(*rotation.Event)) *flawed {
	return &flawed{change: func(events []rotation.Event) []rotation.Event {
		for i := range events {
			change(&events[i])
		}
		return events
	}}
}

var bugs = map[string]func() *flawed{
	"the fence is ignored": func() *flawed {
		return &flawed{append: func(j journal.Journal, ctx context.Context, id string, f rotation.Fence, e ...rotation.Event) error {
			if r, _, err := j.Load(ctx, id); err == nil {
				f, _ = j.Fence(ctx, r.Credential)
			}
			return j.Append(ctx, id, f, e...)
		}}
	},
	"an old fence is as good as a new one": func() *flawed {
		return &flawed{append: func(j journal.Journal, ctx context.Context, id string, f rotation.Fence, e ...rotation.Event) error {
			err := j.Append(ctx, id, f, e...)
			if errors.Is(err, journal.ErrFenced) && f > 0 {
				return j.Append(ctx, id, f+1, e...)
			}
			return err
		}}
	},
	"a spawn is lost":          func() *flawed { return each(func(e *rotation.Event) { e.Spawn = nil }) },
	"generations are lost":     func() *flawed { return each(func(e *rotation.Event) { e.Generations = nil }) },
	"nothing is destroyed":     func() *flawed { return each(func(e *rotation.Event) { e.Destroy = nil }) },
	"notes are lost":           func() *flawed { return each(func(e *rotation.Event) { e.Note = "" }) },
	"a turn does not turn":     func() *flawed { return each(turnless) },
	"sealed values are lost":   func() *flawed { return each(func(e *rotation.Event) { e.Sealed = nil }) },
	"nobody is told of change": func() *flawed { return &flawed{silent: true} },
	"the last event of a batch is dropped": func() *flawed {
		return &flawed{change: func(e []rotation.Event) []rotation.Event { return e[:max(len(e)-1, min(len(e), 1))] }}
	},
	"a batch is not one transaction": func() *flawed {
		return &flawed{append: func(j journal.Journal, ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
			for _, e := range events {
				if err := j.Append(ctx, id, f, e); err != nil {
					return err
				}
			}
			return j.Append(ctx, id, f)
		}}
	},
	"two rotations may be open": func() *flawed {
		return &flawed{create: func(j journal.Journal, ctx context.Context, r rotation.Record, e ...rotation.Event) (rotation.Fence, error) {
			f, err := j.Create(ctx, r, e...)
			if errors.Is(err, journal.ErrOpen) {
				r.Kind = rotation.KindRetirement
				return j.Create(ctx, r, e...)
			}
			return f, err
		}}
	},
	"the chain has a changed entry": func() *flawed {
		return &flawed{entry: func(e audit.Entry) (audit.Entry, bool) {
			if e.Seq == 2 {
				e.Note += "!"
			}
			return e, true
		}}
	},
	"the chain has a gap": func() *flawed {
		return &flawed{entry: func(e audit.Entry) (audit.Entry, bool) { return e, e.Seq != 3 }}
	},
	"the wall clock decides within a boot": func() *flawed {
		return &flawed{due: func(j journal.Journal, ctx context.Context, now rotation.Instant) ([]rotation.Record, time.Duration, error) {
			now.BootID = "unknown"
			return j.Due(ctx, now)
		}}
	},
	"asking records are due": func() *flawed {
		return &flawed{due: func(j journal.Journal, ctx context.Context, now rotation.Instant) ([]rotation.Record, time.Duration, error) {
			due, next, err := j.Due(ctx, now)
			open, _ := j.Unfinished(ctx)
			for _, r := range open {
				if r.Status == rotation.Asking {
					due = append(due, r)
				}
			}
			return due, next, err
		}}
	},
	"history begins with the oldest": func() *flawed {
		return &flawed{list: func(r []rotation.Record) []rotation.Record { slices.Reverse(r); return r }}
	},
}

func turnless(e *rotation.Event) {
	if e.Type == rotation.Turn {
		e.Type = rotation.Redo
	}
}

func TestTheExamCatchesEveryBug(t *testing.T) {
	for name, bug := range bugs {
		t.Run(name, func(t *testing.T) {
			failed := journaltest.Failures(t, journaltest.Exam{New: func(testing.TB) journal.Journal {
				f := bug()
				f.Journal = memory.New(journaltest.MAC, "abc123")
				return f
			}})
			if len(failed) == 0 {
				t.Error("not caught")
			}
			t.Logf("caught by %q", failed)
		})
	}
}

func TestAGoodJournalPasses(t *testing.T) {
	failed := journaltest.Failures(t, journaltest.Exam{New: func(testing.TB) journal.Journal {
		return &flawed{Journal: memory.New(journaltest.MAC, "abc123")}
	}})
	if len(failed) != 0 {
		t.Errorf("failed: %q", failed)
	}
}
