package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	room "github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Ways back, and ways out of what only a person can judge.

// unwatched has no consumers: people restart their services themselves.
func unwatched(_ *Sim, c *engine.Credential) { c.Consumers, c.Checks = nil, nil }

// After a rollback somebody must be able to take the old value again: nobody is known
// to have done so, so the newer one has a grace too.
func TestARollbackLeavesTimeToo(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, unwatched)
	st.until(st.over(st.begin(engine.Request{})))
	newer := st.W.Store.text("KEY")
	back, err := st.e.Reverse(t.Context(), name, "person", "")
	if err != nil {
		t.Fatal(err)
	}
	st.until(st.over(back.ID))
	since := st.W.real
	st.until(func() bool { return st.W.real > since+grace-2*settle })
	if !st.W.Provider.Accepts(newer) {
		t.Fatalf("the newer value was ended while services present it\n%s", st.show())
	}
	open := st.known().OpenOf(rotation.KindRetirement)
	if len(open) != 1 {
		t.Fatalf("%v\n%s", open, st.show())
	}
	at := st.W.real
	st.supply(open[0].ID, rotation.OrderRetire, nil) // nobody took it
	st.until(st.over(open[0].ID))
	if st.W.Provider.Accepts(newer) || st.W.real > at+time.Minute {
		t.Errorf("%s after the order it lives: %v\n%s", st.W.real-at, st.W.Provider.Accepts(newer), st.show())
	}
}

// A rollback to a value that is dead by now is refused before anything is noted.
func TestNoRollbackToWhatDiedMeanwhile(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	delete(st.W.Provider.live, st.W.firstID)
	before := len(st.known().Open)
	if _, err := st.e.Reverse(t.Context(), name, "person", ""); fault.KindOf(err) != fault.Rejected || !strings.Contains(fault.HintOf(err), "rotor rotate") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
	if len(st.known().Open) != before {
		t.Error("the retirement of the old value was called off")
	}
	st.ended(st.W.first)
	id := st.begin(engine.Request{})
	st.until(never)
	if got := st.record(id).Status; got != rotation.Done {
		t.Errorf("and then nothing goes any more: %s\n%s", got, st.show())
	}
}

// unending cannot end anything, and it is not for a person's console.
type unending struct{ lister }

func (u unending) Revoke(context.Context, rotation.Handle) error {
	return fault.New(fault.BadConfig, "revoke: not a handle of this strategy")
}

// What cannot be revoked for whatever reason can be ended by hand.
func TestARevocationThatNeverWorks(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) { c.Provider = unending{lister{finder{s.W.Provider}}} })
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	open := st.known().OpenOf(rotation.KindRetirement)
	if len(open) != 1 || open[0].Status != rotation.Stuck || !strings.Contains(st.show(), "--retire 0") {
		t.Fatalf("%v\n%s", open, st.show())
	}
	delete(st.W.Provider.live, st.W.firstID)
	st.supply(open[0].ID, rotation.OrderRetry, nil)
	st.ended(st.W.first)
}

// No target shows the value itself, and its template was changed: what is taken over is
// the value that Rotor knows.
func TestAcceptedDriftThatNobodyCanRead(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) {
		unwatched(s, c)
		c.Targets = c.Targets[1:]
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	first, _ := st.known().Current()
	text := ""
	for _, v := range st.W.Provider.live {
		if v.id == first.Handle.ID {
			text = v.text
		}
	}
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + text + "@another-host")})
	id := st.begin(engine.Request{Drift: true})
	st.until(st.over(id))
	current := 0
	for _, g := range st.known().Generations {
		if g.Life == rotation.Current {
			current++
		}
	}
	if got := st.record(id).Status; got != rotation.Done || current != 1 {
		t.Fatalf("%s, %d current generations\n%s", got, current, st.show())
	}
	st.ended(text)
}

// Somebody puts the old value back by hand in its grace, and that is accepted: it ends
// once, and nobody is told to end what is in use.
func TestTheOldValueIsPutBackByHand(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, nil)
	st.until(st.over(st.begin(engine.Request{})))
	half := st.W.real + grace/2
	st.until(func() bool { return st.W.real >= half })
	st.byHand("app", secret.Set{"KEY": secret.New(st.W.first)})
	st.byHand("url", secret.Set{"URL": secret.New("proto://" + st.W.first + "@host")})
	for u := range st.W.Units.holds {
		st.W.Units.holds[u] = st.W.first
	}
	id := st.begin(engine.Request{Drift: true})
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done {
		t.Fatalf("%s\n%s", got, st.show())
	}
	st.ended(st.W.first)
	if live := st.W.Provider.Live(); len(live) != 1 {
		t.Errorf("live: %v\n%s", live, st.show())
	}
}

// blinded cannot list at the moment.
type blinded struct {
	lister
	on *bool
}

func (b blinded) Find(ctx context.Context, prefix string) ([]room.Found, error) {
	if *b.on {
		return nil, fault.New(fault.Denied, "find: forbidden")
	}
	return b.lister.Find(ctx, prefix)
}

// A sweep that does not work is no reason to take a healthy value back.
func TestASweepThatFails(t *testing.T) {
	on := true
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) { c.Provider = blinded{lister{finder{s.W.Provider}}, &on} })
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.record(id).Status == rotation.Stuck || st.record(id).Status.Over() })
	if r := st.record(id); r.Status != rotation.Stuck || r.Undoing {
		t.Fatalf("%s\n%s", r.Status, st.show())
	}
	on = false
	st.supply(id, rotation.OrderRetry, nil)
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done {
		t.Errorf("%s\n%s", got, st.show())
	}
	st.ended(st.W.first)
}

// undated lists values without their dates.
type undated struct{ lists }

func (u undated) List(ctx context.Context) ([]room.Found, error) {
	found, err := u.lists.List(ctx)
	for i := range found {
		found[i].Created = time.Time{}
	}
	return found, err
}

// What bears no date and appears long after the last try is named to a person, who can
// say that it is somebody else's.
func TestAStrangerWithoutADate(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, func(s *Sim, c *engine.Credential) { c.Provider = undated{lists{s.W.Provider}} })
	st.until(st.over(st.begin(engine.Request{})))
	st.W.Advance(inFlight + 2*rotation.ClockSkew)
	st.stranger("theirs", false)
	st.until(never)
	open := st.known().OpenOf(rotation.KindRetirement)
	if _, lives := st.W.Provider.live["theirs"]; !lives || len(open) != 1 || open[0].Status != rotation.Stuck {
		t.Fatalf("lives: %v, %v\n%s", lives, open, st.show())
	}
	st.supply(open[0].ID, rotation.OrderRetire, nil)
	st.ended(st.W.first)
	if _, lives := st.W.Provider.live["theirs"]; !lives {
		t.Error("somebody else's value was revoked")
	}
}

// In an account that others use, what the date shows to be theirs stops nobody.
func TestAStrangerInASharedAccount(t *testing.T) {
	st := newStage(t, Setup{Class: Unnamed}, func(s *Sim, c *engine.Credential) { c.Provider = shared{lists{s.W.Provider}} })
	st.until(st.over(st.begin(engine.Request{})))
	st.W.Advance(inFlight + 2*rotation.ClockSkew)
	st.stranger("theirs", false)
	st.ended(st.W.first)
	if _, lives := st.W.Provider.live["theirs"]; !lives {
		t.Error("somebody else's value was revoked")
	}
}

// A person who approves what could not be seen is obeyed at once.
func TestAnApprovalCountsAtOnce(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapCaller, Blind: true}, nil)
	st.cred.Checks[0].Check = health{st.W, false}
	id := st.begin(engine.Request{})
	st.until(func() bool { return st.next(id).Step == rotation.Monitor })
	st.cred.Checks[0].Check = health{st.W, true}
	st.restart()
	st.until(func() bool { return st.record(id).Status == rotation.Asking })
	at := st.W.real
	st.supply(id, rotation.OrderApprove, nil)
	st.until(func() bool { return st.next(id).Step != rotation.Monitor })
	if st.W.real != at || st.record(id).Undoing {
		t.Errorf("obeyed %s later\n%s", st.W.real-at, st.show())
	}
}

// The old value is not known, and the request to replace it was lost without effect: what
// is shown afterwards is the old value, and no new one.
func TestALostRequestWithoutEffectIsNoNewValue(t *testing.T) {
	st := newStage(t, Setup{Class: InPlaceServer}, func(s *Sim, c *engine.Credential) {
		unwatched(s, c)
		c.Targets = c.Targets[1:] // in a text of which nobody can read it out
	})
	id := st.begin(engine.Request{})
	st.loseNextIssue = E2
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done || st.W.Provider.Accepts(st.W.first) {
		t.Errorf("%s, and the value from before still works: %v\n%s", got, st.W.Provider.Accepts(st.W.first), st.show())
	}
}

// expiring makes values whose time is over after an hour.
type expiring struct{ lister }

func (x expiring) Issue(ctx context.Context, req room.Request) (room.Issued, error) {
	v, err := x.lister.Issue(ctx, req)
	if err == nil {
		v.NotAfter = x.w.wall.Add(time.Hour)
		x.w.later(time.Hour, func() { delete(x.live, v.Handle.ID) })
	}
	return v, err
}

// The machine slept longer than a value lives: nobody has to say that it may be replaced.
func TestAValueWhoseTimeIsOver(t *testing.T) {
	st := newStage(t, Setup{Class: OverlapServer}, func(s *Sim, c *engine.Credential) {
		c.Provider = expiring{lister{finder{s.W.Provider}}}
		c.Grace = time.Minute
	})
	st.until(st.over(st.begin(engine.Request{})))
	st.until(never)
	st.W.Advance(2 * time.Hour)
	if st.W.Provider.Accepts(st.W.Store.text("KEY")) {
		t.Fatal("it still works")
	}
	id := st.begin(engine.Request{Mode: rotation.Scheduled})
	st.until(st.over(id))
	if got := st.record(id).Status; got != rotation.Done || !st.W.Provider.Accepts(st.W.Store.text("KEY")) {
		t.Errorf("%s\n%s", got, st.show())
	}
}

// In place all generations have one handle: the old one's death is proven by trying it,
// not by its name.
func TestADeathInPlaceIsProven(t *testing.T) {
	for _, class := range []Class{InPlaceCaller, InPlaceServer, Alternating} {
		st := newStage(t, Setup{Class: class}, nil)
		st.until(st.over(st.begin(engine.Request{})))
		st.until(never)
		if g, _ := st.known().Get(0); g.Proof != engine.DeadProven {
			t.Errorf("%v: %q\n%s", class, g.Proof, st.show())
		}
	}
}
