package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// verify uses the new value for real. Within the provider's settle time a
// refusal is not yet a verdict.
func (e *Engine) verify(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	v, err := e.issued(ctx, r, r.Generation)
	if err != nil {
		return e.failed(r, task, err)
	}
	if r.Mode == rotation.Adopt && r.Live.NoIssuer {
		return []rotation.Event{e.ok(task, nil, "nobody outside can say whether it works")}
	}
	err = r.cred.Provider.Verify(ctx, v)
	if err == nil {
		if wait, early := e.steadying(r, task); early {
			return []rotation.Event{wait}
		}
		r.alive.note(r.Generation, e.Now())
		return []rotation.Event{e.ok(task, nil, "")}
	}
	generated, _ := r.Did(rotation.Task{Action: rotation.Action{Step: rotation.Generate, Phase: rotation.Accept}})
	if wait, early := e.settling(r, task, generated.At); early && fault.KindOf(err) == fault.Rejected {
		return []rotation.Event{wait}
	}
	return e.failed(r, task, err)
}

// steadying waits until a value has worked for as long as the provider wants it to:
// a new one may be known at some of its front ends only. Whatever is not a pass
// begins the time anew.
func (e *Engine) steadying(r *run, task rotation.Task) (rotation.Event, bool) {
	steady := r.cred.Provider.Traits().Steady
	if steady <= 0 || r.Mode == rotation.Adopt || seeded.Bug("once-is-enough") {
		return rotation.Event{}, false // what is adopted has worked for long
	}
	now := e.Now()
	since, begun := r.watching(task)
	if !begun {
		since.Started = &now
	}
	left := rotation.Wait{Since: *since.Started, For: steady}.Left(now)
	if left <= 0 {
		return rotation.Event{}, false
	}
	ev := e.pause(task, min(left, max(steady/4, 50*time.Millisecond)), "it works; whether it goes on to")
	ev.Facts = &since
	return ev, true
}

// settling waits a little while a change may not have reached every part of the
// provider.
func (e *Engine) settling(r *run, task rotation.Task, since rotation.Instant) (rotation.Event, bool) {
	traits := r.cred.Provider.Traits()
	settle := traits.Settle
	if task.Step == rotation.Verify {
		settle += traits.Steady // it may have worked first
	}
	left := rotation.Wait{Since: since, For: settle}.Left(e.Now())
	if left <= 0 {
		return rotation.Event{}, false
	}
	return e.pause(task, min(left, max(settle/8, 50*time.Millisecond)), "settling"), true
}

// monitor samples a window this often, besides its end.
const samples = 4

// monitor watches the checks after deploy and compares with the baseline. Two
// bad samples in a row, or a bad one at the end, turn the rotation back. No data
// is not a pass: it earns one more window, then a person decides.
func (e *Engine) monitor(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if r.approved(task) {
		return []rotation.Event{e.ok(task, nil, "")}
	}
	now := e.Now()
	tick, started := r.watching(task)
	if !started {
		tick = rotation.Facts{Started: &now}
		if r.Window > 0 {
			return []rotation.Event{e.watch(task, tick, r.Window/samples)}
		}
	}
	whole := rotation.Wait{Since: *tick.Started, For: r.Window}
	left := whole.Left(now)
	// counted back from now: the wall clock may have been set since
	bad, blind := e.judgeAll(ctx, r, check.Window{From: now.Wall.Add(left - r.Window), To: now.Wall})
	atEnd := left <= 0
	switch {
	case len(bad) > 0 && (atEnd || tick.Fails > 0):
		return e.failed(r, task, fault.New(fault.Rejected, "%s", strings.Join(bad, "; ")))
	case len(bad) > 0:
		tick.Fails++
		return []rotation.Event{e.watch(task, tick, r.Window/samples)}
	case !atEnd:
		tick.Fails = 0
		return []rotation.Event{e.watch(task, tick, r.Window/samples)}
	case len(blind) == 0 || seeded.Bug("blind-is-pass"):
		return []rotation.Event{e.ok(task, nil, "")}
	case !tick.Longer:
		return []rotation.Event{e.watch(task, rotation.Facts{Started: &now, Longer: true}, max(r.Window, time.Second))}
	}
	ask := e.stop(task, rotation.Asking, "nothing can be seen: "+strings.Join(blind, "; ")+"; approve or roll back")
	ask.Facts = &tick
	return []rotation.Event{ask}
}

func (e *Engine) watch(task rotation.Task, tick rotation.Facts, d time.Duration) rotation.Event {
	ev := e.pause(task, max(d, time.Millisecond), "watching the checks")
	ev.Facts = &tick
	return ev
}

// watching gives the newest sample of the present window.
func (r *run) watching(task rotation.Task) (rotation.Facts, bool) {
	ev, ok := r.Last(func(e rotation.Event) bool {
		return e.Action == task.Action && e.Type != rotation.Input || e.Type == rotation.Redo || e.Type == rotation.Turn
	})
	if !ok || ev.Type != rotation.Pause || ev.Facts == nil || ev.Facts.Started == nil {
		return rotation.Facts{}, false
	}
	return *ev.Facts, true
}

// approved: a person said yes after this window's question, and it is as good as a pass.
func (r *run) approved(task rotation.Task) bool {
	yes := false
	for _, e := range r.Events {
		switch {
		case e.Action == task.Action && e.Status == rotation.Asking, e.Type == rotation.Redo, e.Type == rotation.Turn:
			yes = false
		case e.Type == rotation.Input && e.Action == task.Action && e.Facts != nil && e.Facts.Order == rotation.OrderApprove:
			yes = true
		}
	}
	return yes
}

func (e *Engine) judgeAll(ctx context.Context, r *run, w check.Window) (bad, blind []string) {
	for _, c := range r.cred.Checks {
		var base check.Sample
		_ = json.Unmarshal(r.Samples[c.Name], &base) // a missing baseline is an unknown one
		res := c.Judge(base, measure(ctx, c, w))
		line := fmt.Sprintf("%s: %s", c.Name, res.Reason)
		switch res.Verdict {
		case check.Fail:
			bad = append(bad, line)
		case check.Unknown:
			blind = append(blind, line)
		}
	}
	return bad, blind
}

// askPerson waits for a yes or for a value; package rotation's Input events
// bring it.
func (e *Engine) askPerson(r *run, task rotation.Task) []rotation.Event {
	order, why := rotation.OrderApprove, "approve or refuse: rotor set "+r.Credential+" --approve"
	if task.Step == rotation.Ask {
		order, why = rotation.OrderSupply, "a value is needed: rotor set "+r.Credential+" -"
	}
	if g, ok := provider.As[provider.Guide](r.cred.Provider); ok && task.Step == rotation.Ask {
		why = g.Instructions(rotation.Ask, r.request()) + "\n" + why
	}
	if r.Ordered(order, task.Action) {
		return []rotation.Event{e.ok(task, nil, "")}
	}
	return []rotation.Event{e.stop(task, rotation.Asking, why)}
}

// awaitEvery is how often the end of an earlier generation is looked for.
const awaitEvery = 30 * time.Second

// await waits until no earlier generation is left in the slot that is needed. In
// an emergency the earlier one is ended at once, outage or not.
func (e *Engine) await(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	known, err := e.Journal.Credential(ctx, r.Credential)
	if err != nil {
		return e.failed(r, task, err)
	}
	for _, x := range known.OpenOf(rotation.KindRetirement) {
		if err := e.hasten(ctx, r, x); err != nil {
			return e.failed(r, task, err)
		}
		return []rotation.Event{e.pause(task, awaitEvery, fmt.Sprintf("generation %d must end first (%s)", x.Generation, x.Status))}
	}
	*r.known = known
	return []rotation.Event{e.ok(task, nil, "")}
}

// hasten ends an earlier generation without grace or evidence, because an
// emergency needs its slot; whoever still presents it is let down, and the plan
// said so.
func (e *Engine) hasten(ctx context.Context, r *run, x rotation.Record) error {
	if r.Mode != rotation.Emergency {
		return nil
	}
	old, err := e.open(ctx, x.ID)
	if err != nil || old.Ordered(rotation.OrderRetire, rotation.Action{}) {
		return err
	}
	old.batch = nil
	task, _ := old.Next()
	ev := e.event(rotation.Input, task)
	ev.Facts, ev.Status, ev.Actor = &rotation.Facts{Order: rotation.OrderRetire}, rotation.Running, r.Actor
	ev.Note = "an emergency needs the slot"
	old.record(ev)
	_, err = e.commit(ctx, old)
	return err
}
