package sim

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// trippedJournal is the real memory journal with faults around every write.
type trippedJournal struct {
	*memory.Journal
	w *World
}

func (j *trippedJournal) Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	var f rotation.Fence
	err := j.write("create", func() error {
		var err error
		f, err = j.Journal.Create(ctx, r, events...)
		return err
	})
	j.w.sim.took()
	return f, err
}

func (j *trippedJournal) Take(ctx context.Context, credential string) (rotation.Fence, error) {
	f, err := j.Journal.Take(ctx, credential)
	j.w.sim.took()
	return f, err
}

func (j *trippedJournal) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	return j.write(nameOf(events), func() error {
		err := j.Journal.Append(ctx, id, f, events...)
		for _, e := range events {
			j.w.logf("  %s %s %s %s %s %s %s %v", id, e.Type, e.Action, e.Part, e.Outcome, e.Status, e.Note, err)
		}
		return err
	})
}

// look is the name of a write that only says that nobody was seen using the old
// value in the middle of its grace.
const look = "look"

func nameOf(events []rotation.Event) string {
	if e := events[0]; len(events) == 1 && e.Type == rotation.Pause && e.Wake != nil && e.Wake.Look > 0 && e.Facts != nil {
		return look
	}
	return "append"
}

func (j *trippedJournal) write(name string, do func() error) error {
	switch j.w.point(name, true) {
	case K1:
		panic(killed{})
	case K2:
		_ = do()
		panic(killed{})
	case J1:
		return fault.New(fault.Transient, "journal: no space left on device")
	case J2:
		return fault.New(fault.Unknown, "journal: I/O error")
	case J3:
		_ = do()
		return fault.New(fault.Unknown, "journal: fsync failed")
	case T1:
		j.w.wall = j.w.wall.Add(25 * time.Hour)
	case T2:
		j.w.wall = j.w.wall.Add(-25 * time.Hour)
	case T3:
		err := do()
		j.w.wall = j.w.wall.Add(25 * time.Hour)
		j.w.boot, j.w.bootID = 0, j.w.bootID+"'"
		if err == nil {
			panic(killed{})
		}
		return err
	case O1:
		err := do()
		j.w.sim.secondWorker()
		return err
	case O2:
		j.w.sim.editNeighbour()
	}
	return do()
}

var _ journal.Journal = (*trippedJournal)(nil)

// editNeighbour is a person who changes another key of the path.
func (s *Sim) editNeighbour() {
	ctx := context.Background()
	_, rev, _ := s.W.Store.Store.Get(ctx, "app")
	s.neighbour = s.W.mint("edited")
	edit := store.Edit{Set: secret.Set{"OTHER": secret.New(s.neighbour)}}
	if _, err := s.W.Store.Store.Put(ctx, "app", edit, rev, store.Mark{}); err != nil {
		panic(err)
	}
}
