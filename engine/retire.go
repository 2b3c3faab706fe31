package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// The two ways in which a generation can be dead.
const (
	DeadProven   = "dead, proven"
	DeadReplaced = "replaced, death not provable"
)

// grace lets the old generation live on for a while. A generation that was
// rolled back has none; but a request that brought it to life and whose answer
// was lost must have had time to arrive.
func (e *Engine) grace(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	if r.Undone {
		w := rotation.Wait{Since: r.Created, For: r.Grace}
		if r.Ordered(rotation.OrderRetire, rotation.Action{}) {
			w.For = r.Late
		}
		if left := w.Left(e.Now()); left > 0 && !seeded.Bug("no-wait-for-late-requests") {
			why := "until the lost request can no longer take effect"
			if r.Grace > r.Late {
				why = fmt.Sprintf("grace: whoever took it needs time to take the old one again; or end it now: rotor set %s --retire %d", r.Credential, r.Generation)
			}
			return []rotation.Event{e.pause(task, left, why)}
		}
		return []rotation.Event{e.ok(task, nil, "")}
	}
	wait, begun := r.graceWait(task)
	if !begun {
		return []rotation.Event{e.guarded(ctx, r, task)}
	}
	outside := r.outsideClock(ctx)
	switch e.graceOver(r, wait, outside) {
	case rotation.Over:
		return []rotation.Event{e.ok(task, nil, "")}
	case rotation.NotOver:
		if wait.Look > 0 && wait.Look < wait.For {
			return []rotation.Event{e.lookAround(ctx, r, task, wait)}
		}
	case rotation.StartOver:
		ev := e.guarded(ctx, r, task)
		ev.Note = "the machine was restarted and no outside clock confirms this one: the whole grace begins again"
		return []rotation.Event{ev}
	}
	// the clocks disagree: look again, but keep what the wait is measured from
	later := max(time.Minute, wait.Left(e.Now()), r.Seen.Sub(e.Now().Wall))
	if outside != nil {
		later = max(later, wait.Witness.Add(wait.For).Sub(*outside))
	}
	return []rotation.Event{e.pause(task, later, "the clocks do not agree that grace has passed")}
}

// noGrace says whether nothing has to be waited for.
func (r *run) noGrace() bool {
	if r.Undone {
		return r.Grace <= 0
	}
	return r.Grace <= 0 || r.Ordered(rotation.OrderRetire, rotation.Action{})
}

func (e *Engine) guarded(ctx context.Context, r *run, task rotation.Task) rotation.Event {
	ev := e.pause(task, r.Grace, "grace")
	ev.Wake.Guarded = true
	if t := r.outsideClock(ctx); t != nil {
		ev.Wake.Witness = *t
	}
	if _, ok := provider.As[provider.UsageReporter](r.cred.Provider); ok {
		ev.Wake.Look = lookEvery(r.Grace)
	}
	return ev
}

// graceWait is the guarded wait that counts: the newest one.
func (r *run) graceWait(task rotation.Task) (rotation.Wait, bool) {
	ev, ok := r.Last(func(e rotation.Event) bool {
		return e.Action == task.Action && e.Wake != nil && e.Wake.Guarded
	})
	if !ok {
		return rotation.Wait{}, false
	}
	return *ev.Wake, true
}

func (e *Engine) graceOver(r *run, w rotation.Wait, outside *time.Time) rotation.Ending {
	now := e.Now()
	if seeded.Bug("trust-wall-clock") && !now.Wall.Before(w.Until()) {
		return rotation.Over
	}
	return w.Check(now, r.Seen, outside)
}

// outsideClock asks the provider's or a store's own clock.
func (r *run) outsideClock(ctx context.Context) *time.Time {
	if c, ok := provider.As[provider.Clock](r.cred.Provider); ok {
		if t, err := c.Now(ctx); err == nil {
			return &t
		}
	}
	for _, target := range r.cred.Targets {
		if c, ok := target.Store.(store.Clock); ok {
			if t, err := c.Now(ctx); err == nil {
				return &t
			}
		}
	}
	return nil
}

// overwritten says whether the value no longer exists where it lived: its slot
// or id belongs to a living generation, the current one or one that came later. Such
// a value must not be revoked. An earlier one that ends too is no shield.
func (r *run) overwritten(h rotation.Handle) bool {
	for _, g := range r.known.Generations {
		took := g.N > r.Generation && g.Life != rotation.Dead || g.N != r.Generation && g.Life == rotation.Current
		if took && g.Handle.Shares(h) {
			return true
		}
	}
	return false
}

// revoke ends the value at its provider by its immutable id; never while the
// generation that everybody should use does not work at this moment.
func (e *Engine) revoke(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	for _, x := range r.known.OpenOf(rotation.KindRotation) {
		if x.Reverse && x.From == r.Generation {
			return []rotation.Event{e.pause(task, awaitEvery, "a rollback to this generation is under way")}
		}
	}
	g, _ := r.known.Get(r.Generation)
	handle, known, err := e.handle(ctx, r, g)
	if err != nil {
		return e.failed(r, task, err)
	}
	if !known {
		return []rotation.Event{e.ok(task, nil, "nobody knows this value there")}
	}
	if r.overwritten(handle) && !seeded.Bug("revoke-by-slot") {
		return []rotation.Event{e.ok(task, nil, "its place was taken by a living generation")}
	}
	if g, ok := r.twin(g); ok {
		return []rotation.Event{e.ok(task, nil, fmt.Sprintf("it is the value of generation %d too", g.N))}
	}
	if other, err := e.elsewhere(ctx, r, g); err != nil {
		return e.failed(r, task, err)
	} else if other != "" {
		return []rotation.Event{e.waitForOthers(r, task, other)}
	}
	if handle.IsZero() && r.Undone && r.Minter == rotation.ByProvider {
		return []rotation.Event{e.ok(task, nil, "no handle is known; swept by label")}
	}
	ending, byValue, err := e.byValue(ctx, r, g, handle)
	if err != nil {
		return e.failed(r, task, err)
	}
	if handle.IsZero() && byValue == nil {
		return e.notRevoked(ctx, r, task, badState("nobody knows the handle of generation %d", r.Generation).
			WithHint("end generation %d (%s) at %s by hand", r.Generation, g.Fingerprint, r.cred.Provider.Traits().Name))
	}
	if living := r.successor(); living != r.Generation && r.has(living) {
		if err := e.alive(ctx, r, living); err != nil {
			return e.failed(r, task, err)
		}
	}
	if err := e.notOurKey(ctx, r, g); err != nil {
		return e.failed(r, task, err)
	}
	if byValue != nil {
		err = byValue.RevokeValue(ctx, ending)
	} else {
		err = r.cred.Provider.Revoke(ctx, handle)
	}
	if err != nil {
		return e.notRevoked(ctx, r, task, err)
	}
	return []rotation.Event{e.ok(task, &rotation.Facts{Handle: handle}, "")}
}

// byValue is the provider where it ends values by presenting them, and the value.
func (e *Engine) byValue(ctx context.Context, r *run, g rotation.Generation, h rotation.Handle) (provider.Issued, provider.ValueRevoker, error) {
	p, ok := provider.As[provider.ValueRevoker](r.cred.Provider)
	if !ok {
		return provider.Issued{}, nil, nil
	}
	values, err := e.values(ctx, r, g.N)
	if err != nil || len(values) == 0 {
		return provider.Issued{}, nil, err
	}
	return provider.Issued{Handle: h, Values: values, NotAfter: g.NotAfter}, p, nil
}

// notOurKey is an error while Rotor itself enters with the value that is to end.
func (e *Engine) notOurKey(ctx context.Context, r *run, g rotation.Generation) error {
	p, ok := provider.As[provider.Keyholder](r.cred.Provider)
	if !ok || seeded.Bug("saw-off-the-branch") {
		return nil
	}
	keys, err := p.Keys(ctx)
	if err != nil {
		return err
	}
	values, err := e.values(ctx, r, g.N)
	ours := func(v secret.Value) bool { return slices.ContainsFunc(keys.Secrets(), v.Equal) }
	if err != nil || !slices.ContainsFunc(values.Secrets(), ours) {
		return err
	}
	return fault.New(fault.BadConfig, "generation %d is what Rotor itself enters %s with", g.N, r.cred.Provider.Traits().Name).
		WithHint("the provider's option must refer to the place that the credential's own target writes; or give Rotor a key of its own; then: rotor resume %s", r.Credential)
}

func sentence(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "."
}

// notRevoked: where only a person can revoke, that person says when it is done. What
// fails for another reason may be ended by a person too.
func (e *Engine) notRevoked(ctx context.Context, r *run, task rotation.Task, err error) []rotation.Event {
	kind := fault.KindOf(err)
	if kind == fault.Transient || kind == fault.Unknown {
		return e.failed(r, task, err)
	}
	if e.refusedAlready(ctx, r) {
		return []rotation.Event{e.ok(task, nil, "it is refused already")}
	}
	if r.Ordered(rotation.OrderRetire, task.Action) {
		return []rotation.Event{e.ok(task, nil, "revoked by a person")}
	}
	if kind != fault.NeedsPerson {
		return e.failed(r, task, r.orRetire("revoke", err))
	}
	why := r.hint(err)
	ending, _ := r.known.Get(r.Generation)
	if g, ok := provider.As[provider.Guide](r.cred.Provider); ok {
		// Current: the value that the step is about
		why = g.Instructions(rotation.Revoke, provider.Request{Label: ending.Label, Generation: ending.N, Current: ending.Handle})
	}
	if r.Undone {
		why = fmt.Sprintf("generation %d was rolled back, so it is the newer value that ends, and the older one stays in use. %s", ending.N, why)
	}
	return []rotation.Event{e.stop(task, rotation.Asking,
		fmt.Sprintf("%s When it is done: rotor set %s --retire %d", sentence(why), r.Credential, r.Generation))}
}

// orRetire adds to what a failure suggests that a person may say when the value is dead.
func (r *run) orRetire(op string, err error) error {
	hint := fmt.Sprintf("make sure that it is dead at %s, and then: rotor set %s --retire %d", r.cred.Provider.Traits().Name, r.Credential, r.Generation)
	if own := fault.HintOf(err); own != "" {
		hint = own + "; or " + hint
	}
	return &fault.Error{Kind: fault.KindOf(err), Op: op, Err: err, Hint: hint, RetryAfter: fault.RetryAfterOf(err)}
}

// refusedAlready: somebody else ended the value, or gave the account another
// password. Proving it comes later.
func (e *Engine) refusedAlready(ctx context.Context, r *run) bool {
	v, err := e.issued(ctx, r, r.Generation)
	return err == nil && r.refused(ctx, v)
}

func (r *run) has(generation int) bool {
	_, ok := r.known.Get(generation)
	return ok
}

// handle of a generation whose answer may have been lost: asked for by value
// where the provider can tell. known is false for a value that it never heard of,
// or no longer.
func (e *Engine) handle(ctx context.Context, r *run, g rotation.Generation) (h rotation.Handle, known bool, err error) {
	id, ok := provider.As[provider.Identifier](r.cred.Provider)
	if !g.Handle.IsZero() || !ok {
		return g.Handle, true, nil
	}
	values, err := e.values(ctx, r, g.N)
	if err != nil || len(values) == 0 {
		return g.Handle, true, err
	}
	h, err = id.Identify(ctx, values)
	if fault.KindOf(err) == fault.Rejected {
		return g.Handle, false, nil
	}
	return h, true, err
}
