package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/journal/sqlite"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/runner"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/memory"
)

// instant is a provider without latency: it holds what it was given.
type instant struct{ live map[string]bool }

func (p *instant) Traits() provider.Traits {
	return provider.Traits{Name: "instant", Strategy: rotation.Overlap, Minter: rotation.ByRotor,
		Fields: []provider.Field{{Name: "value", Secret: true}}}
}

func (p *instant) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{"value": secret.Random(32)}, nil
}

func (p *instant) Issue(_ context.Context, req provider.Request) (provider.Issued, error) {
	p.live[req.Label] = true
	return provider.Issued{Handle: rotation.Handle{ID: req.Label}, Values: req.Values}, nil
}

func (p *instant) Verify(context.Context, provider.Issued) error { return nil }

func (p *instant) Revoke(_ context.Context, h rotation.Handle) error {
	delete(p.live, h.ID)
	return nil
}

func (p *instant) Probe(_ context.Context, v provider.Issued) (provider.Liveness, error) {
	if p.live[v.Handle.ID] {
		return provider.Alive, nil
	}
	return provider.Refused, nil
}

// bench is an engine on a real SQLite journal, with the runner of the CLI.
type bench struct {
	journal *recorder
	inline  *runner.Inline
	creds   map[string]*engine.Credential
	ids     atomic.Int64
}

func (b *bench) Credential(name string) (*engine.Credential, error) { return b.creds[name], nil }

func newBench(ctx context.Context, dir string) (*bench, error) {
	keys, err := secret.NewKeyset()
	if err != nil {
		return nil, err
	}
	j, err := sqlite.Open(ctx, sqlite.Options{Dir: filepath.Join(dir, "state"), MAC: keys.AuditMAC})
	if err != nil {
		return nil, err
	}
	b := &bench{journal: &recorder{Journal: j}, creds: map[string]*engine.Credential{}}
	eng := &engine.Engine{Journal: b.journal, Catalog: b, Keys: keys, Now: now,
		NewID: func(k rotation.Kind) string { return fmt.Sprintf("%s-%08d", k[:3], b.ids.Add(1)) }}
	b.inline = &runner.Inline{Engine: eng, Journal: b.journal, Lock: &runner.FileLock{Dir: filepath.Join(dir, "locks")}}
	return b, nil
}

func now() rotation.Instant {
	return rotation.Instant{Wall: time.Now(), Boot: time.Since(began), BootID: "bench"}
}

var began = time.Now()

// add makes a credential with one path in a memory store, no consumer, grace 0.
func (b *bench) add(name string, p provider.Provider, fields ...string) error {
	c := &engine.Credential{Name: name, Owner: "bench", Provider: p, AtBound: "revoke"}
	s := memory.New(nil)
	for _, f := range fields {
		key, err := secret.ParseTemplate("KEY_" + f)
		if err != nil {
			return err
		}
		c.Targets = append(c.Targets, engine.Target{StoreName: "memory", Store: forgetful{s}, Path: "app", Key: key, Value: secret.FieldTemplate(f)})
	}
	b.creds[name] = c
	return nil
}

// forgetful hides that the store keeps revisions: the comparison is with a loop
// that has none.
type forgetful struct{ store.Store }

func (f forgetful) Traits() store.Traits {
	t := f.Store.Traits()
	t.Versions = false
	return t
}

func (b *bench) rotate(ctx context.Context, name string) error {
	report, err := b.inline.Start(ctx, engine.Request{Credential: name, Mode: rotation.Manual, Actor: "bench"})
	if err == nil && !report.Settled() {
		err = fmt.Errorf("%s ended as %s with %d records open", name, report.Record.Status, len(report.Open))
	}
	return err
}

// recorder notes what is appended, so that the floor makes the same commits.
type recorder struct {
	*sqlite.Journal
	on      atomic.Bool
	batches [][]rotation.Event
}

func (r *recorder) Create(ctx context.Context, rec rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	r.note(events)
	return r.Journal.Create(ctx, rec, events...)
}

func (r *recorder) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	r.note(events)
	return r.Journal.Append(ctx, id, f, events...)
}

func (r *recorder) note(events []rotation.Event) {
	if r.on.Load() {
		r.batches = append(r.batches, events)
	}
}

var _ journal.Journal = (*recorder)(nil)

var errNothing = errors.New("nothing was recorded")
