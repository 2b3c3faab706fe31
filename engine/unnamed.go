package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/seeded"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Where values bear no names, no label tells whose a value is. What was in the
// account before a try is journalled with its intent; what is there besides, and is no
// generation's, came from the try, if nobody else makes values there.

// present lists what is in the account before a try; nil where labels do better.
func present(ctx context.Context, r *run) ([]string, error) {
	lister, ok := provider.As[provider.Lister](r.cred.Provider)
	if !ok {
		return nil, nil
	}
	found, err := lister.List(ctx)
	var out []string
	for _, f := range found {
		out = append(out, f.Handle.ID)
	}
	return out, err
}

// removeUnnamed revokes what the tries of a rotation left. What cannot be theirs, and
// everything unexplained in an account that others use, is named to a person.
func (e *Engine) removeUnnamed(ctx context.Context, r *run, lister provider.Lister) error {
	tries, err := e.tries(ctx, r)
	if err != nil || len(tries) == 0 {
		return err
	}
	strays, all, err := e.unnamed(ctx, r, lister, tries[0])
	if err != nil || len(strays) == 0 {
		return err
	}
	beside, err := e.beside(ctx, r, all)
	if err != nil {
		return err
	}
	for _, f := range strays {
		why, theirs := e.notOurs(r, f, tries)
		switch {
		case theirs:
			continue
		case beside.left > 0 || why != "" && beside.name != "":
			return beside.wait(r)
		case why != "":
			return unexplained(r, f, why)
		}
		if err := r.cred.Provider.Revoke(ctx, f.Handle); err != nil {
			return err
		}
	}
	return nil
}

// notOurs says why a value need not, or cannot, have come from the tries. theirs: others
// make values there, and the dates speak for them.
func (e *Engine) notOurs(r *run, f provider.Found, tries []rotation.Event) (why string, theirs bool) {
	t := r.cred.Provider.Traits()
	first, last := tries[0].At.Wall.Add(-rotation.ClockSkew), tries[len(tries)-1].At.Wall.Add(t.InFlight+rotation.ClockSkew)
	switch {
	case f.Created.IsZero() && e.Now().Wall.After(last):
		why = "it bears no date, and no request of Rotor's is under way any more"
	case f.Created.IsZero():
	case f.Created.Before(first):
		why = "it was not there before the try, and bears an older date"
	case f.Created.After(last) && !seeded.Bug("late-is-ours"):
		why = "it was made when no request of Rotor's was under way any more"
	}
	if t.Shared && (why == "" || f.Created.IsZero()) {
		return "it may be the stray of a lost answer, or somebody else's", false
	}
	return why, t.Shared
}

func unexplained(r *run, f provider.Found, why string) error {
	made := ""
	if !f.Created.IsZero() {
		made = ", made " + f.Created.UTC().Format("2006-01-02 15:04:05") + " UTC,"
	}
	return fault.New(fault.NeedsPerson, "%s has a value that the journal cannot explain: %s", r.cred.Provider.Traits().Name, f.Handle.ID).
		WithHint("%s%s was not touched: %s. If nobody uses it, end it there by hand; then: rotor resume %s. If it is somebody's: rotor set %s %s",
			f.Handle.ID, made, why, r.Credential, r.Credential, r.notOursOrder())
}

// notOursOrder is how a person says that a value there is somebody else's.
func (r *run) notOursOrder() string {
	if r.Kind == rotation.KindRetirement {
		return fmt.Sprintf("--retire %d", r.Generation)
	}
	return "--approve"
}

// tries are the intents to generate, of this rotation or of the one that a retirement
// came from.
func (e *Engine) tries(ctx context.Context, r *run) ([]rotation.Event, error) {
	events := r.Events
	if r.Kind == rotation.KindRetirement {
		var err error
		if _, events, err = e.Journal.Load(ctx, r.Reason); isNotFound(err) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return triesIn(events), nil
}

func triesIn(events []rotation.Event) []rotation.Event {
	return slices.DeleteFunc(slices.Clone(events), func(x rotation.Event) bool {
		return x.Type != rotation.Intent || x.Action.Step != rotation.Generate || x.Facts == nil
	})
}

// neighbour is another credential that makes a value at such a provider. The account
// may be the same, and until the handle is known the value looks like a stray.
type neighbour struct {
	name string        // "" if there is none
	left time.Duration // until its last request can no longer be answered; 0: that one is a stray too
}

func (n neighbour) wait(r *run) error {
	busy := fault.New(fault.Transient, "%s is making a value at %s: it could be taken for a stray", n.name, r.cred.Provider.Traits().Name).
		WithHint("let it come to its end: rotor resume %s", n.name)
	busy.RetryAfter = max(awaitEvery, n.left)
	return busy
}

// beside is the neighbour whose value may be known last. Without that limit two that
// lost their answers would wait for each other.
func (e *Engine) beside(ctx context.Context, r *run, all []rotation.Credential) (neighbour, error) {
	var out neighbour
	for _, c := range all {
		making := slices.ContainsFunc(c.Generations, func(g rotation.Generation) bool {
			return g.Life == rotation.Pending && g.Handle.IsZero()
		})
		if c.Name == r.Credential || !making || seeded.Bug("alone-in-the-account") {
			continue
		}
		other, err := e.Catalog.Credential(c.Name)
		if err != nil || other.Provider.Traits().Name != r.cred.Provider.Traits().Name {
			continue // it is no longer in rotor.yaml, or of another vendor
		}
		left, err := e.answerable(ctx, c, other.Provider.Traits().InFlight)
		if err != nil {
			return out, err
		}
		if out.name == "" || left > out.left {
			out = neighbour{c.Name, left}
		}
	}
	return out, nil
}

// answerable is how long a credential's last try may still be answered.
func (e *Engine) answerable(ctx context.Context, c rotation.Credential, inFlight time.Duration) (left time.Duration, err error) {
	for _, open := range c.OpenOf(rotation.KindRotation) {
		_, events, err := e.Journal.Load(ctx, open.ID)
		if err != nil {
			return 0, err
		}
		for _, intent := range triesIn(events) {
			left = max(left, rotation.Wait{Since: intent.At, For: inFlight}.Left(e.Now()))
		}
	}
	return left, nil
}

// unnamed lists what is in the account, was not there before the try, and is no
// generation's of any credential as of then: what is listed was announced before, so
// the journal is read afterwards.
func (e *Engine) unnamed(ctx context.Context, r *run, lister provider.Lister, first rotation.Event) (strays []provider.Found, all []rotation.Credential, err error) {
	list := func() (err error) { strays, err = lister.List(ctx); return }
	read := func() (err error) { all, err = e.Journal.Credentials(ctx); return }
	if seeded.Bug("journal-before-list") {
		list, read = read, list
	}
	for _, look := range []func() error{list, read} {
		if err := look(); err != nil {
			return nil, nil, err
		}
	}
	known := map[string]bool{}
	for _, id := range first.Facts.Present {
		known[id] = !seeded.Bug("unknown-is-ours")
	}
	for _, c := range append(slices.Clone(all), *r.known) {
		for _, g := range c.Generations {
			known[g.Handle.ID] = known[g.Handle.ID] || g.Life != rotation.Dead
		}
	}
	return slices.DeleteFunc(strays, func(f provider.Found) bool { return known[f.Handle.ID] }), all, nil
}

// doubted: "the account is full" may be our own doing, by a request that something in
// between sent twice. If there is a value that nobody can explain, the try may have
// had an effect.
func (e *Engine) doubted(ctx context.Context, r *run, err error) error {
	lister, ok := provider.As[provider.Lister](r.cred.Provider)
	if !ok || fault.KindOf(err) != fault.Rejected || seeded.Bug("full-is-refused") {
		return err
	}
	tries, lookErr := e.tries(ctx, r)
	if lookErr != nil || len(tries) == 0 {
		return err
	}
	strays, _, lookErr := e.unnamed(ctx, r, lister, tries[0])
	if lookErr == nil && len(strays) == 0 {
		return err
	}
	return fault.Wrap(fault.Unknown, fmt.Sprintf("refused, and yet %d values are there that nobody can explain", len(strays)), err)
}
