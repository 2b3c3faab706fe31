// Package journaltest is the exam of the journal: every sentence of the contract
// as a test, for any implementation, and a comparison of two implementations
// under random use.
//
// What surprises: the exam examines itself. Its own tests run it against
// journals with one seeded bug each, and every one must be caught.
package journaltest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// Exam says how to get at the implementation under test. Journals are closed by
// the exam.
type Exam struct {
	// New makes an empty journal whose audit chain is keyed with MAC.
	New func(t testing.TB) journal.Journal
	// Reopen closes a journal and opens it again; nil if it is not durable.
	Reopen func(t testing.TB, j journal.Journal) journal.Journal
	// Second opens a journal once more, as another process would; nil if it
	// cannot be shared.
	Second func(t testing.TB, j journal.Journal) journal.Journal
}

// MAC keys the chain in the exam.
func MAC(message []byte) ([]byte, error) {
	h := hmac.New(sha256.New, []byte("the exam's key, which protects nothing"))
	h.Write(message)
	return h.Sum(nil), nil
}

type item struct {
	name string
	run  func(t testing.TB, x Exam)
}

var items = []item{
	{"an empty journal", examEmpty},
	{"create", examCreate},
	{"one open rotation a credential", examOneOpen},
	{"fence", examFence},
	{"append", examAppend},
	{"what is refused", examRefused},
	{"all or nothing", examAtomic},
	{"generations", examGenerations},
	{"ends are counted", examEnds},
	{"sealed values", examSealed},
	{"spawn", examSpawn},
	{"due", examDue},
	{"lists", examLists},
	{"audit", examAudit},
	{"notes", examNotes},
	{"changed", examChanged},
	{"many at once", examConcurrent},
	{"the bad among the good", examIsolation},
	{"races for one credential", examRaces},
	{"nothing is shared with callers", examAliasing},
	{"a cancelled caller", examCancelled},
	{"close", examClose},
	{"reopen", examReopen},
	{"two at one journal", examSecond},
}

// Run examines an implementation.
func Run(t *testing.T, x Exam) {
	for _, i := range items {
		t.Run(i.name, func(t *testing.T) { i.run(t, x) })
	}
}

// Failures runs the exam against an implementation that is known to be bad, and
// lists what failed. It is how the exam is examined.
func Failures(t *testing.T, x Exam) []string {
	var failed []string
	for _, i := range items {
		t.Run(i.name, func(t *testing.T) {
			p := &probe{TB: t}
			p.watch(func() { i.run(p, x) })
			if p.failed {
				failed = append(failed, i.name)
			}
		})
	}
	return failed
}

// probe is a testing.TB that notes failures instead of reporting them.
type probe struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (p *probe) note() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = true
}

func (p *probe) watch(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if recover() != nil { // the exam stumbled over a wrong answer
				p.note()
			}
		}()
		f()
	}()
	<-done
}

func (p *probe) Error(...any)          { p.note() }
func (p *probe) Errorf(string, ...any) { p.note() }
func (p *probe) Fail()                 { p.note() }
func (p *probe) FailNow()              { p.note(); runtime.Goexit() }
func (p *probe) Fatal(...any)          { p.FailNow() }
func (p *probe) Fatalf(string, ...any) { p.FailNow() }

var began = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// at is n seconds into the exam, on both clocks.
func at(n int) rotation.Instant {
	d := time.Duration(n) * time.Second
	return rotation.Instant{Wall: began.Add(d), Boot: time.Hour + d, BootID: "boot-1"}
}

func run(id, credential string, n int) rotation.Record {
	return rotation.Record{
		ID: id, Kind: rotation.KindRotation, Credential: credential, Generation: 1,
		Mode: rotation.Manual, Strategy: rotation.Overlap, Minter: rotation.ByRotor,
		Actor: "exam", Reason: "why not", Created: at(n), Status: rotation.Running,
		Live: rotation.Live{Finds: true}, Window: time.Minute, Grace: time.Hour, Bound: 2 * time.Hour, AtBound: "hold",
	}
}

func retire(id, credential string, n int) rotation.Record {
	r := run(id, credential, n)
	r.Kind = rotation.KindRetirement
	return r
}

func intent(n int) rotation.Event {
	return rotation.Event{At: at(n), Type: rotation.Intent, Attempt: 1,
		Action: rotation.Action{Step: rotation.Generate, Phase: rotation.Accept}}
}

func outcome(n int) rotation.Event {
	e := intent(n)
	e.Type, e.Outcome = rotation.Result, rotation.OK
	return e
}

func end(n int, s rotation.Status) rotation.Event {
	return rotation.Event{At: at(n), Type: rotation.Closing, Status: s}
}

func wait(n int, w rotation.Wait) rotation.Event {
	return rotation.Event{At: at(n), Type: rotation.Pause, Status: rotation.Waiting, Wake: &w}
}

func fresh(t testing.TB, x Exam) (context.Context, journal.Journal) {
	t.Helper()
	j := x.New(t)
	t.Cleanup(func() { _ = j.Close() })
	return t.Context(), j
}

func create(t testing.TB, j journal.Journal, r rotation.Record, events ...rotation.Event) rotation.Fence {
	t.Helper()
	f, err := j.Create(t.Context(), r, events...)
	if err != nil {
		t.Fatalf("create %s: %v", r.ID, err)
	}
	return f
}

func add(t testing.TB, j journal.Journal, id string, f rotation.Fence, events ...rotation.Event) {
	t.Helper()
	if err := j.Append(t.Context(), id, f, events...); err != nil {
		t.Fatalf("append to %s: %v", id, err)
	}
}

func load(t testing.TB, j journal.Journal, id string) (rotation.Record, []rotation.Event) {
	t.Helper()
	r, events, err := j.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("load %s: %v", id, err)
	}
	return r, events
}

func credential(t testing.TB, j journal.Journal, name string) rotation.Credential {
	t.Helper()
	c, err := j.Credential(t.Context(), name)
	if err != nil {
		t.Fatalf("credential %s: %v", name, err)
	}
	return c
}

// refused checks that err is want (nil: any error) and that it proves that
// nothing was written.
func refused(t testing.TB, what string, err, want error) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("%s: no error", what)
	case want != nil && !errors.Is(err, want):
		t.Fatalf("%s: %v, want %v", what, err, want)
	case fault.KindOf(err).MayHaveHappened():
		t.Fatalf("%s: %v does not say that nothing was written", what, err)
	}
}
