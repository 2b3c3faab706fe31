package providertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	memstore "github.com/agenticverz/rotor/store/memory"
)

// Journey takes the provider through rotations with the real engine: undisturbed,
// killed before and after every write of the journal, and with every answer lost. At
// the end the store's value works, the old one does not, and as many values live as
// before. Not for providers without an issuer, nor where only a person can revoke.
func Journey(t *testing.T, setup Setup) {
	writes := 0
	t.Run("undisturbed", func(t *testing.T) {
		var err error
		if writes, err = travel(t, setup, trip{}); err != nil {
			t.Error(err)
		}
	})
	one := func(name string, x trip) {
		t.Run(name, func(t *testing.T) {
			_, err := travel(t, setup, x)
			var skip skipped
			switch {
			case errors.As(err, &skip):
				t.Skip(skip.reason)
			case err != nil:
				t.Error(err)
			}
		})
	}
	for at := 0; at < writes; at += max(1, setup.Every) {
		one(fmt.Sprintf("killed before write %d", at), trip{kill: true, at: at})
		one(fmt.Sprintf("killed after write %d", at), trip{kill: true, at: at, after: true})
	}
	one("every answer lost", trip{lose: true})
	one("nobody there", trip{gone: true})
}

// travel makes one generation undisturbed and the next one with what goes wrong.
func travel(t testing.TB, setup Setup, x trip) (writes int, err error) {
	j, err := newJourney(setup.Open(t))
	if err != nil {
		return 0, err
	}
	if (x.lose || x.gone) && j.subject.Break == nil {
		return 0, skip("the setup has no Break")
	}
	if writes, err = j.rotate(x); err == nil {
		err = j.arrived(!x.lose && !x.gone) // without answers it may have turned back
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, j.tell())
	}
	return writes, err
}

// trip is what goes wrong in one rotation.
type trip struct {
	kill  bool
	at    int  // the write at which the process dies
	after bool // it dies when the write is on the disk
	lose  bool // every answer to a change is lost, until nothing goes on by itself
	gone  bool // nothing can be reached, likewise
}

// journey is an installation with one credential.
type journey struct {
	ctx       context.Context
	subject   Subject
	journal   *tripped
	store     *watched
	keys      *secret.Keyset
	engine    *engine.Engine
	now       rotation.Instant
	ids       int
	before    provider.Issued // the first generation
	count     int             // of live values with it
	strangers int             // of live values before it
	minted    secret.Set      // what the person made for the rotation that is open
}

var errKilled = errors.New("killed")

// tripped is the journal, and the place where the process dies.
type tripped struct {
	*memory.Journal
	writes int
	trip   trip
}

func (j *tripped) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	n := j.writes
	j.writes++
	if !j.trip.kill || n != j.trip.at {
		return j.Journal.Append(ctx, id, f, events...)
	}
	if j.trip.after {
		if err := j.Journal.Append(ctx, id, f, events...); err != nil {
			return err
		}
	}
	return errKilled
}

const (
	journeyName = "cred"
	journeyPath = "app"
)

// newJourney makes the first generation, undisturbed.
func newJourney(subject Subject) (*journey, error) {
	keys, err := secret.NewKeyset()
	if err != nil {
		return nil, err
	}
	j := &journey{ctx: context.Background(), subject: subject, keys: keys, store: &watched{Store: memstore.New(nil)},
		now:     rotation.Instant{Wall: time.Now(), Boot: time.Hour, BootID: "boot"},
		journal: &tripped{Journal: memory.New(nil, "exam01")}}
	j.restart()
	if j.strangers, err = j.alive(); err != nil {
		return nil, err
	}
	if _, err := j.rotate(trip{}); err != nil {
		return nil, fmt.Errorf("the first rotation: %w\n%s", err, j.tell())
	}
	if j.before, err = j.present(); err != nil {
		return nil, err
	}
	j.count, err = j.alive()
	return j, err
}

// alive is the number of live values; 0 if nobody can tell.
func (j *journey) alive() (int, error) {
	if j.subject.Live == nil {
		return 0, nil
	}
	live, err := j.subject.Live(j.ctx)
	return len(live), err
}

// restart is a new process: nothing is remembered but the journal.
func (j *journey) restart() {
	j.engine = &engine.Engine{Journal: j.journal, Catalog: j, Keys: j.keys, Now: func() rotation.Instant { return j.now },
		NewID: func(k rotation.Kind) string { j.ids++; return fmt.Sprintf("%s-%03d", k[:3], j.ids) }}
}

// Credential implements engine.Catalog: every field has a target of its own.
func (j *journey) Credential(string) (*engine.Credential, error) {
	p := j.subject.Provider
	if j.subject.Again != nil {
		p = j.subject.Again()
	}
	grace := time.Hour
	if ends := p.Traits().Expires; ends > 0 {
		grace = min(grace, ends/8) // who has values that end by themselves does not wait for that
	}
	c := &engine.Credential{Name: journeyName, Owner: "exam", Provider: p, Grace: grace, Bound: 2 * grace, AtBound: "revoke"}
	for _, f := range p.Traits().Fields {
		key, err := secret.ParseTemplate(f.Name)
		if err != nil {
			return nil, err
		}
		c.Targets = append(c.Targets, engine.Target{StoreName: "mem", Store: j.store, Path: journeyPath, Key: key, Value: secret.FieldTemplate(f.Name)})
	}
	return c, nil
}

// pass lets time go by, for the provider too.
func (j *journey) pass(d time.Duration) {
	j.now.Wall, j.now.Boot = j.now.Wall.Add(d), j.now.Boot+d
	if j.subject.Pass != nil {
		j.subject.Pass(d)
		return
	}
	if j.subject.Settled != nil {
		j.subject.Settled()
	}
}

// rotate makes one rotation and its retirements, to the very end; the number of writes.
func (j *journey) rotate(x trip) (int, error) {
	j.journal.writes, j.journal.trip, j.minted = 0, x, nil
	mend := func() {}
	switch {
	case x.lose:
		mend = j.subject.Break(Unanswered)
	case x.gone:
		mend = j.subject.Break(Unsent)
	}
	_, err := j.engine.Start(j.ctx, engine.Request{Credential: journeyName, Mode: rotation.Manual, Actor: "exam"})
	if err == nil {
		err = j.drive()
	}
	mend()
	for range 4 { // a person says: try again, or: it has ended
		if err != nil {
			return 0, err
		}
		open, err := j.journal.Unfinished(j.ctx)
		if err != nil || len(open) == 0 {
			return j.journal.writes, err
		}
		for _, r := range open {
			order := rotation.OrderRetry
			if r.Kind == rotation.KindRetirement && r.Status == rotation.Asking {
				order = rotation.OrderRetire
			}
			if j.engine.Supply(j.ctx, r.ID, order, "person", nil) != nil {
				j.restart()
			}
		}
		if err := j.drive(); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("it does not come to an end")
}

// drive advances until nothing goes on by itself.
func (j *journey) drive() error {
	for range 500 {
		due, next, err := j.journal.Due(j.ctx, j.now)
		if err == nil && len(due) == 0 && j.person() {
			continue
		}
		if err != nil || len(due) == 0 && next == 0 {
			return err
		}
		if len(due) == 0 {
			j.pass(next)
			continue
		}
		for _, r := range due {
			if _, err := j.engine.Advance(j.ctx, r.ID); err != nil {
				j.pass(time.Second)
				j.restart()
			}
		}
	}
	return fmt.Errorf("no end after 500 steps")
}

// tell is the journal in a few lines.
func (j *journey) tell() string {
	text := ""
	records, _ := j.journal.History(j.ctx, journeyName, 10)
	for _, r := range records {
		_, events, _ := j.journal.Load(j.ctx, r.ID)
		text += fmt.Sprintf("%s %s\n", r.ID, r.Status)
		for _, e := range events {
			text += fmt.Sprintf("  %s %s %s %s %s\n", e.Type, e.Action, e.Outcome, e.Status, e.Note)
		}
	}
	return text
}
