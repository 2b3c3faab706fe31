package runner_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal/memory"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/secret"
	memstore "github.com/agenticverz/rotor/store/memory"
)

// vendor makes values; during is called in the middle of Issue.
type vendor struct {
	minter  rotation.Minter
	issued  int
	revoked int
	during  func()
}

func (v *vendor) Traits() provider.Traits {
	m := v.minter
	if m == "" {
		m = rotation.ByRotor
	}
	return provider.Traits{Name: "vendor", Strategy: rotation.Overlap, Minter: m,
		Fields: []provider.Field{{Name: "value", Secret: true}}}
}

func (v *vendor) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{"value": secret.Random(24)}, nil
}

func (v *vendor) Issue(context.Context, provider.Request) (provider.Issued, error) {
	if v.during != nil {
		v.during()
	}
	v.issued++
	return provider.Issued{Handle: rotation.Handle{ID: fmt.Sprint("key", v.issued)}}, nil
}

func (v *vendor) Verify(context.Context, provider.Issued) error { return nil }

func (v *vendor) Revoke(context.Context, rotation.Handle) error { v.revoked++; return nil }

// locks counts, and can pretend that somebody else came first.
type locks struct {
	mu       sync.Mutex
	held     bool
	acquired int
	thief    bool
}

func (l *locks) Acquire(_ context.Context, name string) (func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held || l.thief {
		return nil, &runner.HeldError{Credential: name, Pid: 7}
	}
	l.held = true
	l.acquired++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = false
	}), nil
}

func (l *locks) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

type catalog struct{ c *engine.Credential }

func (k catalog) Credential(string) (*engine.Credential, error) { return k.c, nil }

type fixture struct {
	*runner.Inline
	vendor *vendor
	cred   *engine.Credential
	locks  *locks
}

func setUp(t *testing.T) *fixture {
	t.Helper()
	keys, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	key, _ := secret.ParseTemplate("KEY")
	v := &vendor{}
	cred := &engine.Credential{Name: "a", Provider: v, Targets: []engine.Target{
		{StoreName: "mem", Store: memstore.New(time.Now), Path: "app", Key: key, Value: secret.FieldTemplate("value")}}}
	start, n := time.Now(), 0
	j := memory.New(nil, "abc123")
	e := &engine.Engine{Journal: j, Catalog: catalog{cred}, Keys: keys,
		Now: func() rotation.Instant {
			return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: time.Since(start) + time.Second, BootID: "boot"}
		},
		NewID: func(k rotation.Kind) string { n++; return fmt.Sprintf("%s-%06d", k[:3], n) }}
	l := &locks{}
	return &fixture{&runner.Inline{Engine: e, Journal: j, Lock: l, After: runner.GoTimer}, v, cred, l}
}

func (f *fixture) start(t *testing.T) runner.Report {
	t.Helper()
	rep, err := f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
	if err != nil {
		t.Fatal(err)
	}
	if f.locks.isHeld() {
		t.Error("the lock is still held")
	}
	return rep
}
