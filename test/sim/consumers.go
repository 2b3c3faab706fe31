package sim

import (
	"context"
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/store"
)

// trippedStore is a real memory store with faults in front.
type trippedStore struct {
	store.Store
	w *World
}

func (s *trippedStore) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, m store.Mark) (store.Revision, error) {
	rev := prev
	err := s.w.effect("put "+path, func() error {
		if s.w.last() == E8 {
			return nil // said ok, wrote nothing
		}
		var err error
		rev, err = s.Store.Put(ctx, path, edit, prev, m)
		return err
	})
	return rev, err
}

// text is what a process that starts now would read.
func (s *trippedStore) text(key string) string {
	set, _, _ := s.Store.Get(context.Background(), "app")
	return set[key].Reveal()
}

// Now is the store's own clock: the true time.
func (s *trippedStore) Now(context.Context) (time.Time, error) {
	return epoch.Add(s.w.real), nil
}

func (s *trippedStore) Erase(ctx context.Context, path string, upTo store.Revision) error {
	return s.w.effect("erase "+path, func() error {
		return s.Store.(store.Eraser).Erase(ctx, path, upTo)
	})
}

// units present a value: each took what the store held when it was deployed.
type units struct {
	w     *World
	names []string
	holds map[string]string
	// stubborn units say "restarted" and keep what they had
	stubborn map[string]int
	// broken units refuse any new value
	broken map[string]bool
}

func (u *units) Units(context.Context) ([]string, error) { return u.names, nil }

func (u *units) Deploy(_ context.Context, unit string, c consumer.Change) error {
	return u.w.effect("deploy "+unit, func() error {
		if u.stubborn[unit] > 0 || u.w.last() == E8 {
			u.stubborn[unit]--
			return nil
		}
		text := c.Values["KEY"].Reveal()
		if u.broken[unit] && strings.Contains(text, "m") && text != u.w.first {
			u.holds[unit] = ""
			return fault.New(fault.Rejected, "deploy %s: exited 3", unit)
		}
		u.holds[unit] = text
		return nil
	})
}

func (u *units) Confirm(_ context.Context, unit string, c consumer.Change) (consumer.Proof, error) {
	if u.holds[unit] == c.Values["KEY"].Reveal() {
		return consumer.Proven, nil
	}
	return consumer.NotYet, nil
}

// health is a check: the share of units whose value the provider accepts.
type health struct {
	w     *World
	blind bool
}

func (h health) Measure(context.Context, check.Window) (check.Sample, error) {
	good := 0
	for _, text := range h.w.Units.holds {
		if h.w.Provider.Accepts(text) {
			good++
		}
	}
	return check.Sample{Known: !h.blind, Value: float64(good)}, nil
}

func (h health) Judge(_, now check.Sample) check.Result {
	switch {
	case !now.Known:
		return check.Result{Verdict: check.Unknown, Reason: "no data"}
	case int(now.Value) < len(h.w.Units.names):
		return check.Result{Verdict: check.Fail, Reason: "units are refused"}
	}
	return check.Result{Verdict: check.Pass, Reason: "healthy"}
}
