package journaltest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

func examAudit(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	bad := outcome(2)
	bad.Outcome, bad.Fault, bad.Note, bad.Part, bad.Actor = rotation.Refused, fault.Denied.String(), "not allowed", "vault:app", "petra"
	order := rotation.Event{At: at(3), Type: rotation.Input, Actor: "petra", Facts: &rotation.Facts{Order: rotation.OrderRetry}}
	f := create(t, j, run("r1", "db", 1), intent(1))
	add(t, j, "r1", f, bad, order)
	refused(t, "fenced", j.Append(ctx, "r1", f+1, intent(4)), journal.ErrFenced)
	create(t, j, run("r2", "other", 5)) // without events
	chain := verified(t, j)
	want := []audit.Entry{
		{Seq: 1, At: at(1).Wall, Actor: "exam", Action: "intent generate/accept"},
		{Seq: 2, At: at(2).Wall, Actor: "petra", Action: "outcome generate/accept", Part: "vault:app", Outcome: "refused (denied)", Note: "not allowed"},
		{Seq: 3, At: at(3).Wall, Actor: "petra", Action: "input", Outcome: "retry"},
		{Seq: 4, At: at(5).Wall, Actor: "exam", Action: "begin rotation", Note: "why not"},
	}
	for i := range want {
		want[i].Credential, want[i].Record, want[i].Generation = "db", "r1", 1
		if i == 3 {
			want[i].Credential, want[i].Record = "other", "r2"
		}
	}
	if len(chain) != len(want) {
		t.Fatalf("%d entries, want %d: %+v", len(chain), len(want), chain)
	}
	for i, e := range chain {
		e.MAC = ""
		if !reflect.DeepEqual(e, want[i]) {
			t.Errorf("entry %d\n%+v\nwant\n%+v", i+1, e, want[i])
		}
	}
	var from []int64
	for e, err := range j.Audit(ctx, 3) {
		if err != nil {
			t.Fatal(err)
		}
		from = append(from, e.Seq)
	}
	if !reflect.DeepEqual(from, []int64{3, 4}) {
		t.Errorf("from 3: %v", from)
	}
	for range j.Audit(ctx, 99) {
		t.Error("an entry from beyond the end")
	}
	for e := range j.Audit(ctx, -1) { // from the start; a loop may break, and may write
		if err := j.Note(ctx, audit.Entry{At: e.At, Actor: "exam", Action: "seen"}); err != nil {
			t.Fatal(err)
		}
		break
	}
	if chain = verified(t, j); len(chain) != 5 {
		t.Errorf("%d entries after a note, want 5", len(chain))
	}
}

func examNotes(t testing.TB, x Exam) {
	ctx, j := fresh(t, x)
	note := audit.Entry{Seq: 77, MAC: "made up", At: at(1).Wall.Add(1234567 * time.Nanosecond), Actor: "petra",
		Action: "recover", Credential: "db", Generation: 3, Note: "to a file <&>\x00", Outcome: "ok", Record: "r", Part: "p"}
	for range 3 {
		if err := j.Note(ctx, note); err != nil {
			t.Fatal(err)
		}
	}
	chain := verified(t, j)
	if len(chain) != 3 {
		t.Fatalf("%d entries, want 3", len(chain))
	}
	got := chain[2]
	note.Seq, note.MAC, note.At = 3, got.MAC, note.At.Truncate(time.Microsecond)
	if !reflect.DeepEqual(got, note) {
		t.Errorf("note %+v, want %+v", got, note)
	}
	if all, err := j.Credentials(ctx); len(all) != 0 || err != nil {
		t.Errorf("a note made a credential: %v %v", all, err)
	}
}

func fires(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	patience := 10 * time.Second
	if _, seeded := t.(*probe); seeded {
		patience = 200 * time.Millisecond
	}
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("changed did not fire: %s", what)
	}
}

// calm waits until late firings are through; they are allowed.
func calm(c <-chan struct{}) {
	for {
		select {
		case <-c:
		case <-time.After(30 * time.Millisecond):
			return
		}
	}
}

func examChanged(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	c := j.Changed()
	f := create(t, j, run("r1", "db", 1))
	fires(t, c, "a new record")
	calm(c)
	add(t, j, "r1", f, wait(2, rotation.Wait{Since: at(2), For: time.Hour}))
	fires(t, c, "a wait: it may be the next to end")
	calm(c)
	add(t, j, "r1", f, wait(3, rotation.Wait{Since: at(3), For: time.Minute}))
	fires(t, c, "another wait")
	calm(c)
	add(t, j, "r1", f, rotation.Event{At: at(4), Type: rotation.Input, Status: rotation.Running})
	fires(t, c, "a waiting record runs")
	calm(c)
	add(t, j, "r1", f, withSpawn(end(5, rotation.Done), retire("t1", "db", 5)))
	fires(t, c, "a spawned record")
	for i := range 50 { // nobody listens, and nobody is kept waiting
		create(t, j, retire(string(rune('A'+i)), "db", 6))
	}
	fires(t, c, "many new records")
}

func examCancelled(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unchanged(t, j, "a cancelled caller", func() {
		refused(t, "append", j.Append(ctx, "r1", f, intent(2)), context.Canceled)
		_, err := j.Create(ctx, run("r2", "other", 2))
		refused(t, "create", err, context.Canceled)
		_, err = j.Take(ctx, "db")
		refused(t, "take", err, context.Canceled)
		refused(t, "note", j.Note(ctx, audit.Entry{Actor: "exam", Action: "x"}), context.Canceled)
	})
	_, _, err := j.Load(ctx, "r1")
	refused(t, "load", err, context.Canceled)
}

func examClose(t testing.TB, x Exam) {
	_, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1))
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	refused(t, "append", j.Append(t.Context(), "r1", f, intent(2)), nil)
	_, err := j.Create(t.Context(), run("r2", "other", 2))
	refused(t, "create", err, nil)
	_, _, err = j.Load(t.Context(), "r1")
	refused(t, "load", err, nil)
	for _, err := range j.Audit(t.Context(), 1) {
		refused(t, "audit", err, nil)
	}
}

func examReopen(t testing.TB, x Exam) {
	if x.Reopen == nil {
		t.Skip("not durable")
	}
	ctx, j := fresh(t, x)
	f := create(t, j, run("r1", "db", 1), intent(1))
	add(t, j, "r1", f, heavy(2, "db"), wait(3, rotation.Wait{Since: at(3), For: time.Hour}))
	before := Observe(t, j, "values")
	here, _ := j.Installation(ctx)
	j = x.Reopen(t, j)
	t.Cleanup(func() { _ = j.Close() })
	if after := Observe(t, j, "values"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if again, err := j.Installation(ctx); again != here || err != nil {
		t.Errorf("installation was %+v, is %+v, %v", here, again, err)
	}
	add(t, j, "r1", f, intent(4))
	verified(t, j)
}
