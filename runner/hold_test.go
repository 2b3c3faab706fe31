package runner_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/engine"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// still is a consumer that can stand still.
type still struct{ held bool }

func (s *still) Units(context.Context) ([]string, error)               { return nil, nil }
func (s *still) Deploy(context.Context, string, consumer.Change) error { return nil }
func (s *still) Hold(context.Context) error                            { s.held = true; return nil }
func (s *still) Release(context.Context) error                         { s.held = false; return nil }
func (s *still) Confirm(context.Context, string, consumer.Change) (consumer.Proof, error) {
	return consumer.Proven, nil
}

// replacing is a vendor that replaces its value, and may be away.
type replacing struct {
	*vendor
	away bool
}

func (r *replacing) Traits() provider.Traits {
	t := r.vendor.Traits()
	t.Strategy = rotation.InPlace
	return t
}

func (r *replacing) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	v, err := r.vendor.Issue(ctx, req)
	if r.away {
		err = fault.New(fault.Transient, "issue: no contact")
	}
	return v, err
}

// TestStoppingKeepsNobodyStandingStill: between hold and release a run is stopped only
// where it would wait, and then consumers go on.
func TestStoppingKeepsNobodyStandingStill(t *testing.T) {
	for name, away := range map[string]bool{"in an effect": false, "in a wait": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, s := setUp(t), &still{}
				p := &replacing{f.vendor, away}
				f.cred.Provider, f.cred.Consumers = p, []engine.Consumer{{Name: "app", Consumer: s}}
				ctx, cancel := context.WithCancel(t.Context())
				f.vendor.during = func() {
					if !s.held {
						t.Error("not held during the change")
					}
					time.AfterFunc(time.Millisecond, cancel)
					if !away { // it is stopped in the middle of this
						time.Sleep(2 * time.Millisecond)
					}
				}
				rep, err := f.Start(ctx, engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
				if !errors.Is(err, context.Canceled) || rep.Record.Status.Over() || s.held {
					t.Fatalf("%v, %s, held: %v", err, rep.Record.Status, s.held)
				}
				f.vendor.during, p.away = nil, false
				if rep, err = f.Run(t.Context(), rep.Record.ID); err != nil || rep.Record.Status != rotation.Done || s.held {
					t.Errorf("resumed: %s, %v, held: %v", rep.Record.Status, err, s.held)
				}
			})
		})
	}
}

// Whatever ends a run, a mistake in a provider or a worker that gives long waits back, it
// leaves nobody standing still.
func TestNoEndLeavesAnybodyStandingStill(t *testing.T) {
	for name, end := range map[string]func(*fixture, *replacing){
		"a panic":     func(f *fixture, _ *replacing) { f.vendor.during = func() { panic("a mistake") } },
		"a long wait": func(f *fixture, p *replacing) { p.away, f.MaxWait = true, time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, s := setUp(t), &still{}
				p := &replacing{f.vendor, false}
				f.cred.Provider, f.cred.Consumers = p, []engine.Consumer{{Name: "app", Consumer: s}}
				end(f, p)
				rep, err := f.Start(t.Context(), engine.Request{Credential: "a", Mode: rotation.Manual, Actor: "me"})
				if s.held || err == nil && name == "a panic" {
					t.Fatalf("%v, %s, held: %v", err, rep.Record.Status, s.held)
				}
				if rep.Record.Status.Over() {
					return
				}
				f.vendor.during, p.away = nil, false
				if rep, err = f.Run(t.Context(), rep.Record.ID); err != nil || rep.Record.Status != rotation.Done || s.held {
					t.Errorf("resumed: %s, %v, held: %v", rep.Record.Status, err, s.held)
				}
			})
		})
	}
}
