package rotation

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Task is the next thing to do: one action, one part of it.
type Task struct {
	Action
	Part string
}

// State is what a record's events add up to. It is rebuilt from the journal by
// Replay after a crash and kept up to date by Apply.
type State struct {
	Record
	Plan     []Action
	Paths    []Path
	Units    []Unit
	Samples  map[string]json.RawMessage
	Handle   Handle    // of the new value, once generated
	NotAfter time.Time // of the new value
	Label    string    // of the latest attempt to generate
	Attempt  int       // attempts to generate so far
	Seen     time.Time // latest journalled wall time
	Events   []Event

	done     map[Task]Event // ok results
	failures map[Task]int   // results that were not ok, since the last ok or retry
	open     *Event         // an intent without an ok or refused result
}

// Replay rebuilds the state of a record.
func Replay(r Record, events []Event) *State {
	s := &State{Record: r, done: map[Task]Event{}, failures: map[Task]int{}}
	s.Undoing = false // the events say so
	if r.Kind == KindRotation && r.Reverse && r.Mode == Adopt {
		s.Plan = PlanGiveBack(r.Live)
	} else if r.Kind == KindRotation && r.Reverse {
		s.Plan = PlanReverse()
	} else if r.Kind == KindRotation {
		s.Plan = Plan(r.Strategy, r.Minter, r.Mode, r.Live)
	} else {
		s.Plan = PlanRetirement(r.Strategy, r.Live)
		s.Units = r.Units
	}
	for _, e := range events {
		s.Apply(e)
	}
	s.Status, s.Wake = r.Status, r.Wake
	return s
}

// Apply adds one event.
func (s *State) Apply(e Event) {
	s.Events = append(s.Events, e)
	if e.At.Wall.After(s.Seen) {
		s.Seen = e.At.Wall
	}
	s.Record = s.Record.After(e)
	s.note(e.Facts)
	task := Task{e.Action, e.Part}
	switch e.Type {
	case Intent:
		s.open = &e
		if e.Action.Step == Generate {
			s.Attempt = e.Attempt
		}
	case Result:
		s.result(task, e)
	case Redo:
		s.redo(e.Action)
	case Turn:
		s.open = nil
		s.Plan, _ = Back(s.Strategy, s.Live, s.Events)
		s.failures = map[Task]int{}
	case Input:
		s.failures = map[Task]int{}
	}
}

func (s *State) result(task Task, e Event) {
	if e.Outcome == OK {
		if e.Action.Step == Hold { // wants a release of its own
			maps.DeleteFunc(s.done, func(t Task, _ Event) bool { return t.Step == Release })
		}
		s.done[task] = e
		delete(s.failures, task)
		if _, ours := s.Open(task); ours { // a release in the middle of another task leaves that open
			s.open = nil
		}
		return
	}
	s.failures[task]++
	if e.Outcome == Refused {
		s.open = nil
	}
}

func (s *State) redo(from Action) {
	s.open = nil
	i := slices.Index(s.Plan, from)
	for task := range s.done {
		if j := slices.Index(s.Plan, task.Action); i >= 0 && j >= i {
			delete(s.done, task)
		}
	}
	s.Paths, s.Units = s.keep(i)
}

// keep: what preflight fixed stays unless preflight itself is done again.
func (s *State) keep(from int) ([]Path, []Unit) {
	if i := slices.Index(s.Plan, Action{Preflight, Accept}); s.Kind == KindRotation && from <= i {
		return nil, nil
	}
	return s.Paths, s.Units
}

func (s *State) note(f *Facts) {
	if f == nil {
		return
	}
	if f.Paths != nil {
		s.Paths = merge(s.Paths, f.Paths, func(p Path) Phase { return p.Phase })
	}
	if f.Units != nil {
		s.Units = merge(s.Units, f.Units, func(u Unit) Phase { return u.Phase })
	}
	if f.Samples != nil {
		s.Samples = f.Samples
	}
	if !f.Handle.IsZero() {
		s.Handle = f.Handle
	}
	if !f.NotAfter.IsZero() {
		s.NotAfter = f.NotAfter
	}
	if f.Label != "" {
		s.Label = f.Label
	}
}

// merge replaces the parts of the phases that fresh speaks of.
func merge[T any](have, fresh []T, phase func(T) Phase) []T {
	spoken := map[Phase]bool{}
	for _, f := range fresh {
		spoken[phase(f)] = true
	}
	var out []T
	for _, h := range have {
		if !spoken[phase(h)] {
			out = append(out, h)
		}
	}
	return append(out, fresh...)
}

// Next is the first task of the plan without an ok result; false when the plan
// is through.
func (s *State) Next() (Task, bool) {
	for _, a := range s.Plan {
		for _, part := range s.Parts(a) {
			t := Task{a, part}
			if _, ok := s.done[t]; !ok {
				return t, true
			}
		}
	}
	return Task{}, false
}

// Parts of an action: paths of a publish, units of a deploy, else one.
func (s *State) Parts(a Action) []string {
	switch a.Step {
	case Publish:
		return s.paths(a.Phase)
	case Deploy:
		return s.units(a.Phase)
	case Erase:
		parts := make([]string, 0, len(s.Erase))
		for _, e := range s.Erase {
			parts = append(parts, e.Name)
		}
		for _, name := range s.paths(Retire) { // acceptors kept both
			if !slices.Contains(parts, name) {
				parts = append(parts, name)
			}
		}
		return parts
	}
	return []string{""}
}

func (s *State) paths(phase Phase) []string {
	var out []string
	for _, p := range s.Paths {
		if p.Phase == phase {
			out = append(out, p.Name)
		}
	}
	return out
}

func (s *State) units(phase Phase) []string {
	var out []string
	for _, u := range s.Units {
		if u.Phase == phase {
			out = append(out, u.Name)
		}
	}
	return out
}

// Open is the intent of a task if its outcome is not known to be ok or refused:
// after a crash, or after an unknown outcome, it may have been applied.
func (s *State) Open(t Task) (Event, bool) {
	if s.open == nil || s.open.Action != t.Action || s.open.Part != t.Part {
		return Event{}, false
	}
	return *s.open, true
}

// Failures counts results of a task that were not ok, since the last ok one or
// since a person said to go on.
func (s *State) Failures(t Task) int { return s.failures[t] }

// Did gives the ok result of a task.
func (s *State) Did(t Task) (Event, bool) {
	e, ok := s.done[t]
	return e, ok
}

// Begun lists the parts for which an action was announced, in order; they may
// have been done.
func (s *State) Begun(a Action) []string {
	var out []string
	for _, e := range s.Events {
		if e.Type == Intent && e.Action == a && !slices.Contains(out, e.Part) {
			out = append(out, e.Part)
		}
	}
	return out
}

// Last is the newest event that fits.
func (s *State) Last(fits func(Event) bool) (Event, bool) {
	for i := len(s.Events) - 1; i >= 0; i-- {
		if fits(s.Events[i]) {
			return s.Events[i], true
		}
	}
	return Event{}, false
}

// Ordered says whether a person gave the order at the action; the zero Action
// means at any.
func (s *State) Ordered(o Order, at Action) bool {
	_, found := s.Last(func(e Event) bool {
		return e.Type == Input && e.Facts != nil && e.Facts.Order == o && (at == Action{} || e.Action == at)
	})
	return found
}
