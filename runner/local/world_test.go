package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/runner/local"
	"github.com/agenticverz/rotor/secret"
	memstore "github.com/agenticverz/rotor/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendor is a small provider: it keeps what lives, and can be made to fail.
type vendor struct {
	mu      sync.Mutex
	live    map[string]bool
	n       int
	issued  []time.Time
	revoked []time.Time
	fail    func() error
	active  int // Issue calls at this moment
	most    int
	slow    time.Duration
}

func (v *vendor) Traits() provider.Traits {
	return provider.Traits{Name: "vendor", Strategy: rotation.Overlap, Minter: rotation.ByRotor,
		Fields: []provider.Field{{Name: "value", Secret: true}}}
}

func (v *vendor) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{"value": secret.Random(24)}, nil
}

func (v *vendor) Issue(_ context.Context, req provider.Request) (provider.Issued, error) {
	v.mu.Lock()
	v.active++
	v.most = max(v.most, v.active)
	v.mu.Unlock()
	if v.slow > 0 {
		time.Sleep(v.slow)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.active--
	if v.fail != nil {
		if err := v.fail(); err != nil {
			return provider.Issued{}, err
		}
	}
	v.n++
	id := fmt.Sprint("key", v.n)
	v.live[id] = true
	v.issued = append(v.issued, time.Now())
	return provider.Issued{Handle: rotation.Handle{ID: id}}, nil
}

func (v *vendor) Verify(context.Context, provider.Issued) error { return nil }

func (v *vendor) Revoke(_ context.Context, h rotation.Handle) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.live, h.ID)
	v.revoked = append(v.revoked, time.Now())
	return nil
}

// saw is what the vendor knows at this moment.
func (v *vendor) saw() *vendor {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &vendor{live: maps.Clone(v.live), issued: slices.Clone(v.issued), revoked: slices.Clone(v.revoked), most: v.most}
}

// world is one installation on virtual time.
type world struct {
	t       *testing.T
	journal *memory.Journal
	engine  *engine.Engine
	store   *memstore.Store
	creds   map[string]*engine.Credential
	lock    *oneLock
}

func (w *world) Credential(name string) (*engine.Credential, error) {
	if c, ok := w.creds[name]; ok {
		return c, nil
	}
	return nil, fault.New(fault.BadConfig, "no %s", name)
}

func newWorld(t *testing.T) *world {
	keys, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, journal: memory.New(nil, "abc123"), creds: map[string]*engine.Credential{}, lock: &oneLock{held: map[string]bool{}}}
	start := time.Now()
	w.store = memstore.New(time.Now)
	ids := 0
	var mu sync.Mutex
	w.engine = &engine.Engine{Journal: w.journal, Catalog: w, Keys: keys,
		Now: func() rotation.Instant {
			return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: time.Since(start) + time.Second, BootID: "boot"}
		},
		NewID: func(k rotation.Kind) string {
			mu.Lock()
			defer mu.Unlock()
			ids++
			return fmt.Sprintf("%s-%06d", k[:3], ids)
		}}
	return w
}

func (w *world) add(name string, v *vendor, change func(*engine.Credential)) *vendor {
	v.live = map[string]bool{}
	key, _ := secret.ParseTemplate("KEY_" + name)
	c := &engine.Credential{Name: name, Owner: "me", Provider: v, Targets: []engine.Target{
		{StoreName: "mem", Store: w.store, Path: "app", Key: key, Value: secret.FieldTemplate("value")}}}
	if change != nil {
		change(c)
	}
	w.creds[name] = c
	return v
}

func (w *world) inline() runner.Inline {
	return runner.Inline{Engine: w.engine, Journal: w.journal, Lock: w.lock, After: runner.GoTimer}
}

func (w *world) loop(s local.Schedule, workers int) *local.Loop {
	return local.New(local.Options{Inline: w.inline(), Schedule: s, Workers: workers, Log: slog.New(slog.DiscardHandler)})
}

func (w *world) stop(l *local.Loop) {
	w.t.Helper()
	if err := l.Stop(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) unfinished() int {
	w.t.Helper()
	open, err := w.journal.Unfinished(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return len(open)
}

// oneLock is a lock within the test that fails the test if it is broken.
type oneLock struct {
	mu   sync.Mutex
	held map[string]bool
}

func (l *oneLock) Acquire(_ context.Context, name string) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name] {
		return nil, &runner.HeldError{Credential: name, Pid: 7}
	}
	l.held[name] = true
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, name)
	}), nil
}
