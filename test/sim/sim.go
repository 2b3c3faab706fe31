package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	memstore "github.com/agenticverz/rotor/store/memory"
)

const name = "cred"

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Setup is one case: a class, a mode, and what goes wrong where.
type Setup struct {
	Class    Class
	Mode     rotation.Mode
	Script   map[int]Fault
	Broken   string // a unit that does not come up with a new value
	Stubborn string // a unit that says it restarted and keeps the old value
	Blind    bool   // the check sees nothing
	Nameless bool   // the provider cannot tell a value's handle from the value
}

// Sim runs one case.
type Sim struct {
	Setup
	W        *World
	J        *trippedJournal
	keys     *secret.Keyset
	engine   *engine.Engine
	acting   *engine.Engine // whose Advance runs now
	taker    *engine.Engine // who raised the fence last
	ids      int
	rotation string
	finished time.Duration // when the rotation was done, on the real clock
	healing  bool

	loseNextIssue Fault // set by scenarios: hits the next issue, wherever it comes

	minted    string // what the person of class MAN made
	neighbour string
	trouble   error // the first broken invariant
}

var keyset = func() *secret.Keyset {
	k, err := secret.NewKeyset()
	if err != nil {
		panic(err)
	}
	return k
}()

// New makes the world of a case.
func New(setup Setup) *Sim {
	if setup.Script == nil {
		setup.Script = map[int]Fault{}
	}
	w := &World{Script: setup.Script, wall: epoch, bootID: "boot"}
	s := &Sim{Setup: setup, W: w, keys: keyset, neighbour: "neighbour-marker-0000"}
	w.sim = s
	w.Provider = newProvider(w, setup.Class)
	w.first = w.Provider.live[w.firstID].text
	w.Store = &trippedStore{memstore.New(nil), w}
	seed := secret.Set{"KEY": secret.New(w.first), "OTHER": secret.New(s.neighbour)}
	if setup.Class == Alternating {
		seed["SLOT"] = secret.New("a")
	}
	must(w.Store.Store.Put(context.Background(), "app", store.Edit{Set: seed}, revision(w, "app"), store.Mark{}))
	url := secret.Set{"URL": secret.New("proto://" + w.first + "@host")}
	must(w.Store.Store.Put(context.Background(), "url", store.Edit{Set: url}, revision(w, "url"), store.Mark{}))
	w.Units = &units{w: w, names: []string{"one", "two", "three"}, holds: map[string]string{},
		stubborn: map[string]int{}, broken: map[string]bool{setup.Broken: true}}
	for _, u := range w.Units.names {
		w.Units.holds[u] = w.first
	}
	if setup.Stubborn != "" {
		w.Units.stubborn[setup.Stubborn] = 1000
	}
	s.J = &trippedJournal{memory.New(nil, "abc123"), w}
	s.engine = s.newEngine()
	return s
}

func revision(w *World, path string) store.Revision {
	_, rev, _ := w.Store.Store.Get(context.Background(), path)
	return rev
}

func must(_ store.Revision, err error) {
	if err != nil {
		panic(err)
	}
}

func (s *Sim) newEngine() *engine.Engine {
	return &engine.Engine{Journal: s.J, Catalog: s, Keys: s.keys, Now: s.W.Now,
		NewID:   func(k rotation.Kind) string { s.ids++; return fmt.Sprintf("%s-%03d", k[:3], s.ids) },
		Observe: func(r rotation.Record, e rotation.Event) { s.observe(r, e) }}
}

// Credential is the catalog of one.
func (s *Sim) Credential(string) (*engine.Credential, error) {
	target := func(path, key, text string) engine.Target {
		k, err1 := secret.ParseTemplate(key)
		v, err2 := secret.ParseTemplate(text)
		if err := errors.Join(err1, err2); err != nil {
			panic(err)
		}
		return engine.Target{StoreName: "mem", Store: s.W.Store, Path: path, Key: k, Value: v}
	}
	c := &engine.Credential{Name: name, Owner: "sim", Provider: s.W.Provider.withAbilities(),
		Targets:   []engine.Target{target("app", "KEY", "{{.value}}"), target("url", "URL", "proto://{{.value}}@host")},
		Consumers: []engine.Consumer{{Name: "app", Consumer: s.W.Units}},
		Checks:    []engine.Check{{Name: "health", Check: health{s.W, s.Blind}}},
		Monitor:   time.Minute, Grace: grace, Bound: 24 * time.Hour, AtBound: "hold"}
	if s.Class == Alternating {
		c.Targets = append(c.Targets, target("app", "SLOT", "{{.slot}}"))
	}
	return c, nil
}

var _ check.Check = health{}

func (s *Sim) took() { s.taker = s.acting }

// limit is how many calls of Advance a case may need: V10.
const limit = 600

// Run takes the case to its end and returns the first broken invariant.
func (s *Sim) Run() error {
	s.start()
	s.settle()
	for i := 0; i < 4 && s.trouble == nil && s.waiting() > 0; i++ {
		s.heal()
		s.settle()
	}
	if s.trouble == nil {
		s.trouble = s.final()
	}
	return s.trouble
}

func (s *Sim) start() {
	for i := 0; i < 10; i++ {
		if s.open(); s.rotation != "" {
			return
		}
		s.protect(s.engine, func(e *engine.Engine) error {
			_, err := e.Start(context.Background(), engine.Request{Credential: name, Mode: s.Mode, Actor: "sim"})
			return err
		})
	}
}

// settle advances until nothing is due any more.
func (s *Sim) settle() {
	ctx := context.Background()
	for i := 0; i < limit; i++ {
		due, next, err := s.J.Due(ctx, s.W.Now())
		if err != nil {
			s.fail(err)
		}
		if len(due) == 0 && s.console() {
			continue
		}
		if s.trouble != nil || len(due) == 0 && next == 0 {
			return
		}
		if len(due) == 0 {
			s.W.Advance(next)
			continue
		}
		for _, r := range due {
			s.protect(s.engine, func(e *engine.Engine) error {
				_, err := e.Advance(ctx, r.ID)
				return err
			})
			s.check()
		}
	}
	s.fail(fmt.Errorf("V10: no end after %d calls of Advance", limit))
}

// protect runs a piece of the engine; a kill or a journal error ends that
// process, and another one starts.
func (s *Sim) protect(e *engine.Engine, do func(*engine.Engine) error) (alive bool) {
	before := s.acting
	s.acting = e
	defer func() { s.acting = before }()
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(killed); !ok {
					panic(p)
				}
				err = errors.New("killed")
			}
		}()
		return do(e)
	}()
	if err != nil {
		s.W.logf("process ended: %v", err)
		s.W.Advance(time.Second)
		if e == s.engine {
			s.engine = s.newEngine()
		}
	}
	return err == nil
}

// secondWorker takes over beside the live one and goes on until it must wait.
func (s *Sim) secondWorker() {
	second := s.newEngine()
	for i := 0; i < 30; i++ {
		due, _, _ := s.J.Due(context.Background(), s.W.Now())
		if len(due) == 0 {
			return
		}
		alive := s.protect(second, func(e *engine.Engine) error {
			_, err := e.Advance(context.Background(), due[0].ID)
			return err
		})
		if !alive {
			return
		}
	}
}

func (s *Sim) fail(err error) {
	if s.trouble == nil {
		s.trouble = err
	}
}
