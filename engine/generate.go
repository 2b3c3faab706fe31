package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// freshness is how old a preflight may be when generate begins: after a longer
// wait (a person, a stopped worker) it runs again.
const freshness = 10 * time.Minute

// announceGenerate opens the intent of a try: its label and, if Rotor makes the
// value, the value itself, sealed before anyone else sees it.
func (e *Engine) announceGenerate(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	pre := rotation.Task{Action: rotation.Action{Step: rotation.Preflight, Phase: rotation.Accept}}
	if done, ok := r.Did(pre); ok && r.Attempt == 0 && e.stale(done.At) {
		return []rotation.Event{e.event(rotation.Redo, pre)}
	}
	ev := e.event(rotation.Intent, task)
	ev.Attempt = r.Attempt + 1
	label, err := e.label(ctx, r, ev.Attempt)
	if err != nil {
		return e.failed(r, task, err)
	}
	ev.Facts = &rotation.Facts{Label: label}
	if ev.Facts.Present, err = present(ctx, r); err != nil {
		return e.failed(r, task, err)
	}
	if ev.Facts.Shown, err = e.shown(ctx, r); err != nil {
		return e.failed(r, task, err)
	}
	values, err := e.candidate(ctx, r, label)
	if err != nil {
		return e.failed(r, task, err)
	}
	g := rotation.Generation{Credential: r.Credential, N: r.Generation, Life: rotation.Pending,
		Attempt: ev.Attempt, Label: label, Created: ev.At.Wall}
	if values != nil {
		sealed, err := e.seal(r, r.Generation, valueSlot(ev.Attempt), values)
		if err != nil {
			return e.failed(r, task, err)
		}
		ev.Sealed = []rotation.Sealed{sealed}
		g.Fingerprint = e.Keys.FingerprintSet(values)
	}
	ev.Generations = []rotation.Generation{g}
	return []rotation.Event{ev}
}

func (e *Engine) stale(at rotation.Instant) bool {
	return (&rotation.Wait{Since: at, For: freshness}).Ripe(e.Now())
}

func (e *Engine) label(ctx context.Context, r *run, attempt int) (string, error) {
	prefix, err := e.prefix(ctx, r)
	return fmt.Sprintf("%sg%d-a%d", prefix, r.Generation, attempt), err
}

// prefix begins every label of this credential.
func (e *Engine) prefix(ctx context.Context, r *run) (string, error) {
	in, err := e.installed(ctx)
	return rotation.Label{Installation: in.ID, Epoch: in.Epoch, Credential: r.Credential}.Prefix(), err
}

// installed is read once: the id never changes, and the epoch only while no
// engine runs.
func (e *Engine) installed(ctx context.Context) (journal.Installation, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.installation != nil {
		return *e.installation, nil
	}
	in, err := e.Journal.Installation(ctx)
	if err == nil {
		e.installation = &in
	}
	return in, err
}

// candidate is the value to seal before the provider is told: made by Rotor, or
// supplied by a person; nil if the provider makes it.
func (e *Engine) candidate(ctx context.Context, r *run, label string) (secret.Set, error) {
	switch r.Minter {
	case rotation.ByPerson:
		return e.unseal(ctx, r, r.Generation, inputSlot)
	case rotation.ByProvider:
		return nil, nil
	}
	maker, ok := provider.As[provider.Maker](r.cred.Provider)
	if !ok {
		return nil, fault.New(fault.BadConfig, "provider %s cannot make values", r.cred.Provider.Traits().Name)
	}
	req := r.request()
	req.Label = label
	var err error
	if req.Values, err = e.values(ctx, r, r.From); err != nil {
		return nil, err
	}
	return maker.Make(ctx, req)
}

// generate brings the announced value to life. After a crash, or an answer that
// was lost, it first finds out what became of the try before.
func (e *Engine) generate(ctx context.Context, r *run, task rotation.Task) []rotation.Event {
	intent, _ := r.Open(task)
	if r.crashed() && r.Minter == rotation.ByRotor && seeded.Bug("regenerate-on-timeout") {
		return []rotation.Event{e.event(rotation.Redo, task), e.forget(r)}
	}
	if r.crashed() && r.Minter == rotation.ByProvider && !seeded.Bug("mint-again") {
		return e.reconcile(ctx, r, task, intent)
	}
	req := r.request()
	req.Label = intent.Facts.Label
	if r.Minter != rotation.ByProvider {
		var err error
		if req.Values, err = e.unseal(ctx, r, r.Generation, valueSlot(intent.Attempt)); err != nil {
			return e.failed(r, task, err)
		}
	}
	if err := e.withOld(ctx, r, &req); err != nil {
		return e.failed(r, task, err)
	}
	issued, err := r.cred.Provider.Issue(ctx, req)
	if r.Minter == rotation.ByPerson && err != nil && fault.KindOf(err) == fault.Rejected {
		// it was taken when the person supplied it: it may not have arrived everywhere
		if wait, early := e.settling(r, task, intent.At); early {
			return []rotation.Event{wait}
		}
	}
	if err != nil {
		return e.failed(r, task, e.doubted(ctx, r, err))
	}
	if issued.Values == nil {
		issued.Values = req.Values
	}
	return e.received(r, task, intent, issued)
}

// triedBefore marks an answer that came to a second try: the first may still be
// on its way.
const triedBefore = "an earlier try may still arrive"

// received closes a try with the value's handle and, if the provider made it,
// the sealed value: one append.
func (e *Engine) received(r *run, task rotation.Task, intent rotation.Event, v provider.Issued) []rotation.Event {
	ev := e.ok(task, &rotation.Facts{Label: intent.Facts.Label, Handle: v.Handle, NotAfter: v.NotAfter}, "")
	ev.Attempt = intent.Attempt
	if r.crashed() {
		ev.Facts.Proof = triedBefore
	}
	if r.Minter == rotation.ByProvider {
		sealed, err := e.seal(r, r.Generation, valueSlot(intent.Attempt), v.Values)
		if err != nil {
			return e.failed(r, task, err)
		}
		ev.Sealed = []rotation.Sealed{sealed}
	}
	ev.Generations = []rotation.Generation{{Credential: r.Credential, N: r.Generation, Life: rotation.Pending,
		Attempt: intent.Attempt, Label: intent.Facts.Label, Handle: v.Handle, NotAfter: v.NotAfter,
		Fingerprint: e.Keys.FingerprintSet(v.Values), Created: intent.At.Wall}}
	return []rotation.Event{ev}
}

// reconcile deals with a try of a provider-made value whose outcome is unknown:
// reveal it where the provider can, else find what the try left by its label and
// revoke that, then try again under a new label.
func (e *Engine) reconcile(ctx context.Context, r *run, task rotation.Task, intent rotation.Event) []rotation.Event {
	if wait, early := e.inFlight(r, task, intent.At); early {
		return []rotation.Event{wait}
	}
	if rev, ok := provider.As[provider.Revealer](r.cred.Provider); ok {
		return e.reveal(ctx, r, task, intent, rev)
	}
	ok := seeks(r.cred.Provider)
	if expires := r.cred.Provider.Traits().Expires; !ok && expires > 0 {
		ev := e.event(rotation.Redo, task)
		ev.Note = fmt.Sprintf("the answer was lost; what it may have left ends by itself within %s", expires)
		return []rotation.Event{ev}
	}
	if !ok {
		return e.failed(r, task, badState("the answer to generate was lost, and %s can neither show nor list values", r.cred.Provider.Traits().Name))
	}
	if err := e.removeStrays(ctx, r); err != nil {
		return e.failed(r, task, err)
	}
	ev := e.event(rotation.Redo, task)
	ev.Note = "the answer was lost; what it left was looked for and revoked"
	return []rotation.Event{ev}
}

// inFlight waits until a request whose answer was lost can no longer take
// effect.
func (e *Engine) inFlight(r *run, task rotation.Task, sent rotation.Instant) (rotation.Event, bool) {
	w := rotation.Wait{Since: sent, For: r.cred.Provider.Traits().InFlight}
	left := w.Left(e.Now())
	if left <= 0 {
		return rotation.Event{}, false
	}
	return e.pause(task, left, "until the lost request can no longer take effect"), true
}

// shown is the fingerprint of what the provider shows before a try, where the journal does
// not know the old value: if the same is shown afterwards, the lost request had no effect.
func (e *Engine) shown(ctx context.Context, r *run) (string, error) {
	rev, ok := provider.As[provider.Revealer](r.cred.Provider)
	if !ok || r.Minter != rotation.ByProvider || seeded.Bug("whatever-is-shown") {
		return "", nil
	}
	old, err := e.values(ctx, r, r.From)
	if err != nil || len(old) > 0 && !r.Gone {
		return "", err
	}
	v, err := rev.Reveal(ctx, rotation.Handle{})
	if fault.KindOf(err) == fault.Rejected {
		return "", nil // it cannot be shown afterwards either
	}
	if err != nil {
		return "", err
	}
	return e.Keys.FingerprintSet(v.Values), nil
}

func (e *Engine) reveal(ctx context.Context, r *run, task rotation.Task, intent rotation.Event, rev provider.Revealer) []rotation.Event {
	v, err := rev.Reveal(ctx, r.Handle)
	if fault.KindOf(err) == fault.Rejected {
		ev := e.event(rotation.Redo, task)
		ev.Note = "the answer was lost, and the value cannot be shown: another is made"
		return []rotation.Event{ev}
	}
	if err != nil {
		return e.failed(r, task, err)
	}
	same := intent.Facts.Shown != "" && intent.Facts.Shown == e.Keys.FingerprintSet(v.Values)
	if old, err := e.values(ctx, r, r.From); same || err == nil && old.Agrees(v.Values) {
		ev := e.event(rotation.Redo, task)
		ev.Note, ev.Facts = rotation.NoEffect, &rotation.Facts{Proof: rotation.NoEffect}
		return []rotation.Event{ev}
	}
	return e.received(r, task, intent, v)
}

// forget drops the last candidate: only the seeded bug does so.
func (e *Engine) forget(r *run) rotation.Event {
	ev := e.event(rotation.Input, rotation.Task{})
	ev.Destroy = []rotation.Sealed{{Generation: r.Generation, Slot: valueSlot(r.Attempt)}}
	return ev
}
