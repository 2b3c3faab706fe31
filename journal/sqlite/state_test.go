package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/rotation"
)

func TestNothingLingersAfterDestroyAndClose(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := open(t, dir)
	marker := []byte("MARKER-OF-A-SEALED-VALUE-0123456789")
	put, drop := intent, intent
	put.Sealed = []rotation.Sealed{{Generation: 1, Slot: "values", Blob: bytes.Repeat(marker, 300)}} // overflow pages too
	drop.Destroy = []rotation.Sealed{{Generation: 1, Slot: "values"}}
	f, err := j.Create(t.Context(), benchRecord("r1", "db"), put)
	if err != nil {
		t.Fatal(err)
	}
	found := func() (files int) {
		for _, name := range []string{"state.db", "state.db-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil && bytes.Contains(b, marker) {
				files++
			}
		}
		return files
	}
	if found() == 0 {
		t.Fatal("the test does not find what is there")
	}
	if err := errors.Join(j.Append(t.Context(), "r1", f, drop), j.Close()); err != nil {
		t.Fatal(err)
	}
	if found() != 0 {
		t.Error("a destroyed value is still in the files")
	}
	if info, err := os.Stat(filepath.Join(dir, "state.db-wal")); err == nil && info.Size() > 0 {
		t.Errorf("the log has %d bytes after close", info.Size())
	}
}

func TestNewEpoch(t *testing.T) {
	ctx := t.Context()
	j := open(t, filepath.Join(t.TempDir(), "state"))
	f, err := j.Create(ctx, benchRecord("r1", "db"), intent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Create(ctx, benchRecord("r2", "other")); err != nil {
		t.Fatal(err)
	}
	before, _ := j.Installation(ctx)
	if err := j.NewEpoch(ctx, audit.Entry{At: benchNow.Wall, Actor: "exam", Action: "restore"}); err != nil {
		t.Fatal(err)
	}
	after, err := j.Installation(ctx)
	if err != nil || after.ID != before.ID || after.Epoch != before.Epoch+1 {
		t.Errorf("was %+v, is %+v, %v", before, after, err)
	}
	for range 20 {
		if g, err := j.Take(ctx, "db"); err != nil || g < f+1000 {
			t.Fatalf("fence %d after the epoch, %d before, %v", g, f, err)
		}
	}
	if err := j.Append(ctx, "r1", f, intent); !errors.Is(err, journal.ErrFenced) {
		t.Errorf("a worker of the lost time: %v", err)
	}
	if g, _ := j.Fence(ctx, "other"); g < 1000 {
		t.Errorf("the other credential's fence is %d", g)
	}
	head, err := audit.Verify(journaltest.MAC, j.Audit(ctx, 1))
	if err != nil || head.Seq != 3 {
		t.Errorf("audit: %v %v", head, err)
	}
	if err := j.Check(ctx); err != nil {
		t.Error(err)
	}
}

func TestTheAuditIsReadByThePage(t *testing.T) {
	ctx := t.Context()
	j := open(t, filepath.Join(t.TempDir(), "state"))
	events := make([]rotation.Event, 1203)
	for i := range events {
		events[i] = intent
	}
	if _, err := j.Create(ctx, benchRecord("r1", "db"), events...); err != nil {
		t.Fatal(err)
	}
	head, err := audit.Verify(journaltest.MAC, j.Audit(ctx, 1))
	if err != nil || head.Seq != 1203 {
		t.Errorf("%v %v", head, err)
	}
	var seen int64
	for e, err := range j.Audit(ctx, 700) { // a loop that writes does not chase its own tail
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if e.Seq%100 == 0 {
			if err := j.Note(ctx, audit.Entry{Actor: "exam", Action: "seen"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen != 504 {
		t.Errorf("%d entries from 700 on, want 504", seen)
	}
}

func TestABallastIsReallyThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := open(t, dir)
	path := filepath.Join(dir, "ballast")
	b, err := os.ReadFile(path)
	if err != nil || len(b) != 1<<20 || bytes.Count(b, []byte{0}) > 1<<14 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if j.Ballast() != nil {
		t.Error("not put back")
	}
	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}
	if j.Ballast() != nil {
		t.Error("a cut ballast was not put back")
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 1<<20 {
		t.Errorf("ballast: %v %v", info, err)
	}
}
