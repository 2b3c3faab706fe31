package engine

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// How often a task may fail before a rotation turns back or a person is asked.
const (
	triesBefore = 3 // preflight: nothing has happened, so do not linger
	tries       = 8 // about two minutes of back-off
	regenerates = 3 // values made anew because they failed in place, or were refused
	maxBackoff  = 5 * time.Minute
)

// verdict is what the engine makes of a failure.
type verdict int

const (
	again  verdict = iota // wait, then the same task
	turn                  // roll back
	person                // stop until a person says so
	anew                  // make another value
)

func (e *Engine) event(t rotation.EventType, task rotation.Task) rotation.Event {
	return rotation.Event{At: e.Now(), Type: t, Action: task.Action, Part: task.Part}
}

// ok is the good outcome of a task.
func (e *Engine) ok(task rotation.Task, facts *rotation.Facts, note string) rotation.Event {
	ev := e.event(rotation.Result, task)
	ev.Outcome, ev.Facts, ev.Note = rotation.OK, facts, note
	return ev
}

// failed turns an error into an outcome and what follows from it. The kind of
// fault alone decides.
func (e *Engine) failed(r *run, task rotation.Task, err error) []rotation.Event {
	kind := fault.KindOf(err)
	ev := e.event(rotation.Result, task)
	ev.Outcome, ev.Fault, ev.Note = rotation.Refused, kind.String(), r.words(err)
	ev.Attempt = r.Failures(task) + 1
	// after a crash a refusal speaks of this try; the one before may have arrived
	if _, announced := r.Open(task); announced && task.HasEffect() && (kind.MayHaveHappened() || r.crashed()) {
		ev.Outcome = rotation.Unclear
	}
	wait := backoff(ev.Attempt, fault.RetryAfterOf(err))
	decided := r.judge(task, kind, ev)
	if _, ok := r.back(ev); decided == again && ok && !r.Undoing && e.overstays(r, wait) {
		decided = turn // nothing was changed, and consumers stand still for it
	}
	switch decided {
	case again:
		return []rotation.Event{ev, e.pause(task, wait, "trying again")}
	case turn:
		if !r.begun() {
			end := e.event(rotation.Closing, task)
			end.Status = rotation.Failed
			return []rotation.Event{ev, end}
		}
		return []rotation.Event{ev, e.event(rotation.Turn, task)}
	case anew:
		redo := e.event(rotation.Redo, rotation.Task{Action: rotation.Action{Step: rotation.Generate, Phase: rotation.Accept}})
		return []rotation.Event{ev, redo}
	}
	return []rotation.Event{ev, e.stop(task, rotation.Stuck, r.hint(err))}
}

// judge decides on the kind of fault, how often it came, and whether there is a
// way back from here; ev is the outcome that is about to be noted.
func (r *run) judge(task rotation.Task, kind fault.Kind, ev rotation.Event) verdict {
	n := ev.Attempt
	passing := kind == fault.Transient || kind == fault.Unknown
	limit := tries
	if task.Phase == rotation.Before || task.Step == rotation.Preflight {
		limit = triesBefore
	}
	switch {
	case passing && n < limit:
		return again
	case r.Kind == rotation.KindRetirement || task.Phase == rotation.Undo || task.Step == rotation.Release:
		return person
	case kind == fault.NeedsPerson && task.Step != rotation.Preflight:
		return person
	case task.Step == rotation.Sweep && !seeded.Bug("back-for-a-sweep"):
		return person // all is well but for the looking; that is no reason to go back
	}
	if kind == fault.Rejected && task.Step == rotation.Generate && r.Minter == rotation.ByRotor &&
		ev.Outcome == rotation.Refused && r.refusals()+1 < regenerates {
		return anew // a policy may take another one
	}
	if task.Step == rotation.Generate && r.unclear() && r.Minter != rotation.ByRotor && r.Live.OneWay(r.Strategy) {
		return person // the old value may be gone and the new one unknown
	}
	if _, ok := r.back(ev); ok {
		return turn
	}
	if kind == fault.Rejected && task.Step == rotation.Verify && r.made() < regenerates {
		return anew
	}
	return person
}

// back is the plan of a rollback after an outcome that is about to be noted.
func (r *run) back(ev rotation.Event) ([]rotation.Action, bool) {
	return rotation.Back(r.Strategy, r.Live, append(slices.Clone(r.Events), ev))
}

// made counts the values made since a person last had a say.
func (r *run) made() int {
	n := 0
	for _, e := range r.Events {
		switch {
		case e.Type == rotation.Input:
			n = 0
		case e.Type == rotation.Intent && e.Action.Step == rotation.Generate:
			n++
		}
	}
	return n
}

// refusals counts the values that the provider would not have since a person last had
// a say.
func (r *run) refusals() int {
	n := 0
	for _, e := range r.Events {
		switch {
		case e.Type == rotation.Input:
			n = 0
		case e.Type == rotation.Result && e.Action.Step == rotation.Generate && e.Fault == fault.Rejected.String():
			n++
		}
	}
	return n
}

// begun says whether anything outside may have been touched.
func (r *run) begun() bool {
	_, found := r.Last(func(e rotation.Event) bool { return e.Type == rotation.Intent })
	return found || r.Reverse || r.supplied() || r.Mode == rotation.Adopt && r.has(r.Generation)
}

// supplied says whether a person has minted a value for this rotation.
func (r *run) supplied() bool {
	return r.Ordered(rotation.OrderSupply, rotation.Action{})
}

// unclear says whether some try to generate may have been applied without our
// knowing.
func (r *run) unclear() bool {
	_, found := r.Last(func(e rotation.Event) bool {
		return e.Type == rotation.Result && e.Action.Step == rotation.Generate && e.Outcome == rotation.Unclear
	})
	return found
}

func backoff(n int, wish time.Duration) time.Duration {
	d := time.Second << min(n-1, 16)
	return max(min(d, maxBackoff), wish)
}

// pause waits for a time; nobody needs to act.
func (e *Engine) pause(task rotation.Task, d time.Duration, why string) rotation.Event {
	ev := e.event(rotation.Pause, task)
	ev.Status, ev.Note = rotation.Waiting, why
	ev.Wake = &rotation.Wait{Since: ev.At, For: d, Reason: why}
	return ev
}

// stop waits for a person: Asking for something planned, Stuck for something
// that went wrong.
func (e *Engine) stop(task rotation.Task, s rotation.Status, why string) rotation.Event {
	ev := e.event(rotation.Pause, task)
	ev.Status, ev.Note = s, why
	return ev
}

// words is an error's text without any value known here: the last net, for a
// provider that breaks its contract.
func (r *run) words(err error) string {
	text := err.Error()
	if h := fault.HintOf(err); h != "" && !strings.Contains(text, h) {
		text += " (" + h + ")"
	}
	return r.scrubber().Scrub(text)
}

func (r *run) scrubber() *secret.Scrubber {
	var known []secret.Value
	for _, s := range r.opened {
		known = append(known, s.Secrets()...)
	}
	return secret.NewScrubber(known...)
}

// hint is scrubbed too: it may come from a program that was run.
func (r *run) hint(err error) string {
	if h := fault.HintOf(err); h != "" {
		return r.scrubber().Scrub(h)
	}
	return "a person must decide"
}

func isNotFound(err error) bool { return errors.Is(err, journal.ErrNotFound) }

func badState(op string, args ...any) *fault.Error {
	return fault.New(fault.NeedsPerson, op, args...)
}
