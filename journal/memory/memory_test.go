package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/rotation"
)

func open(testing.TB) journal.Journal { return memory.New(journaltest.MAC, "abc123") }

func TestExam(t *testing.T) { journaltest.Run(t, journaltest.Exam{New: open}) }

func TestCompareWithItself(t *testing.T) {
	journaltest.Compare(t, func(t testing.TB) (a, b journal.Journal) { return open(t), open(t) })
}

var (
	now    = rotation.Instant{Wall: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), BootID: "b"}
	record = rotation.Record{ID: "r1", Kind: rotation.KindRotation, Credential: "db", Created: now}
	event  = rotation.Event{At: now, Type: rotation.Intent}
)

func TestSnapshotIsOlderAndRestorable(t *testing.T) {
	ctx := t.Context()
	j := memory.New(journaltest.MAC, "abc123")
	f, err := j.Create(ctx, record, event)
	if err != nil {
		t.Fatal(err)
	}
	before := journaltest.Observe(t, j, "values")
	old := j.Snapshot()
	sealed := event
	sealed.Sealed = []rotation.Sealed{{Generation: 1, Slot: "values", Blob: []byte("x")}}
	sealed.Generations = []rotation.Generation{{N: 1, Life: rotation.Current}}
	for range 2 { // a snapshot serves more than once
		if err := j.Append(ctx, "r1", f, sealed); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Take(ctx, "db"); err != nil {
			t.Fatal(err)
		}
		j.Restore(old, false)
		if after := journaltest.Observe(t, j, "values"); after != before {
			t.Fatalf("restored\n%s\nwant\n%s", after, before)
		}
	}
	if here, _ := j.Installation(ctx); here.Epoch != 1 {
		t.Errorf("epoch %d without being asked", here.Epoch)
	}
}

func TestANewEpochOutrunsEveryFence(t *testing.T) {
	ctx := t.Context()
	j := memory.New(nil, "abc123")
	if _, err := j.Create(ctx, record); err != nil {
		t.Fatal(err)
	}
	old := j.Snapshot()
	var late rotation.Fence
	for range 5 {
		late, _ = j.Take(ctx, "db")
	}
	j.Restore(old, true)
	j.Restore(old, true)
	here, _ := j.Installation(ctx)
	if here.Epoch != 3 {
		t.Errorf("epoch %d after two restores, want 3", here.Epoch)
	}
	for range 10 {
		if f, _ := j.Take(ctx, "db"); f == late {
			t.Fatal("a fence of the lost time came back")
		}
	}
	if err := j.Append(ctx, "r1", late, event); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("a late worker: %v", err)
	}
}

func TestNoAuditNoEffect(t *testing.T) {
	ctx := t.Context()
	broken := false
	j := memory.New(func(m []byte) ([]byte, error) {
		if broken {
			return nil, errors.New("no key")
		}
		return journaltest.MAC(m)
	}, "abc123")
	f, err := j.Create(ctx, record, event)
	if err != nil {
		t.Fatal(err)
	}
	before := journaltest.Observe(t, j)
	broken = true
	if err := j.Append(ctx, "r1", f, event, event); err == nil {
		t.Error("an append without audit")
	}
	other := record
	other.ID, other.Credential = "r2", "other"
	if _, err := j.Create(ctx, other); err == nil {
		t.Error("a create without audit")
	}
	if err := j.Note(ctx, audit.Entry{}); err == nil {
		t.Error("a note without audit")
	}
	if after := journaltest.Observe(t, j); after != before {
		t.Errorf("something was written:\n%s\n%s", before, after)
	}
}

func TestWithoutKeyEntriesAreNumbered(t *testing.T) {
	j := memory.New(nil, "abc123")
	if _, err := j.Create(t.Context(), record, event, event); err != nil {
		t.Fatal(err)
	}
	head, err := j.AuditHead(t.Context())
	if err != nil || head != (audit.Head{Seq: 2}) {
		t.Errorf("head %v %v", head, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, mac := range map[string]audit.MAC{"keyed": journaltest.MAC, "unkeyed": nil} {
		b.Run(name, func(b *testing.B) {
			j := memory.New(mac, "abc123")
			f, _ := j.Create(b.Context(), record, event)
			for b.Loop() {
				if err := j.Append(b.Context(), "r1", f, event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
