package journaltest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// Compare uses two implementations alike, at random, and wants equal answers.
// Both must be empty and keyed with MAC.
func Compare(t *testing.T, pair func(t testing.TB) (a, b journal.Journal)) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := pair(t)
		defer func() { _, _ = a.Close(), b.Close() }()
		m := &machine{T: r, ctx: t.Context(), a: a, b: b, fences: map[string]rotation.Fence{}}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			m.step()
		}
		slots := []string{"values", "input"}
		if x, y := Observe(t, a, slots...), Observe(t, b, slots...); x != y {
			r.Fatalf("they differ\n%s\n%s", x, y)
		}
		verified(t, a)
	})
}

type machine struct {
	*rapid.T
	ctx    context.Context
	a, b   journal.Journal
	fences map[string]rotation.Fence
	clock  int
}

func (m *machine) step() {
	m.clock += rapid.IntRange(0, 30).Draw(m.T, "passes")
	switch rapid.IntRange(0, 9).Draw(m.T, "step") {
	case 0, 1, 2:
		m.create()
	case 3, 4, 5, 6:
		m.append()
	case 7:
		c := m.credential()
		both(m, "take", func(j journal.Journal) (rotation.Fence, error) { return j.Take(m.ctx, c) })
		m.refresh(c)
	case 8:
		e := audit.Entry{At: at(m.clock).Wall, Actor: "rapid", Action: "note", Note: rapid.String().Draw(m.T, "note")}
		both(m, "note", func(j journal.Journal) (int, error) { return 0, j.Note(m.ctx, e) })
	case 9:
		now := m.instant()
		type answer struct {
			due  []string
			next time.Duration
		}
		both(m, "due", func(j journal.Journal) (answer, error) {
			due, next, err := j.Due(m.ctx, now)
			return answer{ids(due), next}, err
		})
	}
}

// both asks both and compares answers and errors.
func both[T any](m *machine, what string, f func(journal.Journal) (T, error)) {
	x, errX := f(m.a)
	y, errY := f(m.b)
	if fmt.Sprint(x) != fmt.Sprint(y) || class(errX) != class(errY) {
		m.Fatalf("%s: %v, %v against %v, %v", what, x, errX, y, errY)
	}
}

func class(err error) string {
	for _, known := range []error{journal.ErrFenced, journal.ErrOpen, journal.ErrNotFound, journal.ErrDamaged} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err == nil {
		return ""
	}
	return fault.KindOf(err).String()
}

func (m *machine) credential() string {
	return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.T, "credential")
}

func (m *machine) id() string {
	return fmt.Sprintf("r%d", rapid.IntRange(0, 12).Draw(m.T, "id"))
}

func (m *machine) instant() rotation.Instant {
	i := at(m.clock)
	i.BootID = rapid.SampledFrom([]string{"boot-1", "boot-1", "boot-2"}).Draw(m.T, "boot")
	i.Wall = i.Wall.Add(time.Duration(rapid.IntRange(-40, 40).Draw(m.T, "skew")) * time.Second)
	return i
}

func (m *machine) record(credential string) rotation.Record {
	r := run(m.id(), credential, m.clock)
	if rapid.Bool().Draw(m.T, "retirement") {
		r.Kind = rotation.KindRetirement
	}
	if rapid.IntRange(0, 9).Draw(m.T, "odd") == 0 {
		r.Status = rapid.SampledFrom([]rotation.Status{"", rotation.Done, rotation.Asking, rotation.Waiting}).Draw(m.T, "status")
	}
	return r
}

func (m *machine) create() {
	c := m.credential()
	r, events := m.record(c), m.events(c)
	both(m, "create", func(j journal.Journal) (rotation.Fence, error) { return j.Create(m.ctx, r, events...) })
	m.refresh(c)
}

func (m *machine) refresh(credential string) {
	m.fences[credential], _ = m.a.Fence(m.ctx, credential)
}

func (m *machine) append() {
	id := m.id()
	r, _, err := m.a.Load(m.ctx, id)
	f := m.fences[r.Credential]
	if err != nil || rapid.IntRange(0, 7).Draw(m.T, "fenced") == 0 {
		f++
	}
	events := m.events(r.Credential)
	both(m, "append", func(j journal.Journal) (int, error) { return 0, j.Append(m.ctx, id, f, events...) })
}

func (m *machine) events(credential string) []rotation.Event {
	out := make([]rotation.Event, rapid.IntRange(0, 3).Draw(m.T, "events"))
	for i := range out {
		out[i] = m.event(credential)
	}
	return out
}

func (m *machine) event(credential string) rotation.Event {
	e := outcome(m.clock)
	e.Type = rapid.SampledFrom([]rotation.EventType{rotation.Intent, rotation.Result, rotation.Pause, rotation.Input,
		rotation.Turn, rotation.Redo, rotation.Closing}).Draw(m.T, "type")
	e.Note = rapid.StringN(0, 5, -1).Draw(m.T, "note")
	n := rapid.IntRange(0, 5).Draw(m.T, "generation")
	switch rapid.IntRange(0, 9).Draw(m.T, "what") {
	case 0:
		e.Status = rapid.SampledFrom([]rotation.Status{rotation.Running, rotation.Asking, rotation.Stuck, rotation.Done,
			rotation.RolledBack, rotation.Failed, rotation.Abandoned}).Draw(m.T, "status")
	case 1, 2:
		e.Status = rotation.Waiting
		e.Wake = &rotation.Wait{Since: m.instant(), For: time.Duration(rapid.IntRange(0, 60).Draw(m.T, "for")) * time.Second}
	case 3:
		life := rapid.SampledFrom([]rotation.Life{rotation.Pending, rotation.Current, rotation.Previous, rotation.Dead, "odd"}).Draw(m.T, "life")
		e.Generations = []rotation.Generation{{Credential: credential, N: n, Life: life}}
	case 4:
		slot := rapid.SampledFrom([]string{"values", "input", ""}).Draw(m.T, "slot")
		e.Sealed = []rotation.Sealed{{Generation: n, Slot: slot, Blob: []byte(e.Note + "x")}}
	case 5:
		e.Destroy = []rotation.Sealed{{Generation: n, Slot: "values"}}
	case 6:
		r := m.record(credential)
		e.Spawn = &r
	}
	return e
}
