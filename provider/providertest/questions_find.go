package providertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

func (s *sitting) find(prefix string) ([]provider.Found, error) {
	finder, _ := provider.As[provider.Finder](s.Provider)
	found, err := finder.Find(s.ctx, prefix)
	if s.hear("Find", err, found) != nil {
		return nil, fmt.Errorf("Find(%q) fails: %w", prefix, err)
	}
	seen := map[string]bool{}
	for _, f := range found {
		if !strings.HasPrefix(f.Label, prefix) {
			return nil, fmt.Errorf("Find(%q) gives label %q: a stranger's value would be revoked", prefix, f.Label)
		}
		if f.Handle.ID == "" || seen[f.Handle.ID] {
			return nil, fmt.Errorf("Find(%q) gives handle %q twice or empty", prefix, f.Handle.ID)
		}
		seen[f.Handle.ID] = true
	}
	return found, nil
}

func askFind(s *sitting) error {
	if _, ok := provider.As[provider.Finder](s.Provider); !ok {
		return skip("the provider has no Find")
	}
	if s.Stranger != nil {
		if _, err := s.Stranger(s.ctx); err != nil {
			return fmt.Errorf("the setup cannot make a stranger: %w", err)
		}
	}
	labels := map[string]provider.Issued{}
	var current provider.Issued
	for range s.crowd() {
		v, req, err := s.next(current)
		if err != nil {
			return err
		}
		labels[req.Label], current = v, v
	}
	if err := s.compareFound(s.label(1, 0).Prefix(), labels); err != nil {
		return err
	}
	if err := s.compareFound(s.label(2, 0).Prefix(), nil); err != nil {
		return err
	}
	if s.canRevoke() != nil {
		return nil
	}
	if err := s.revoke(s.ctx, s.Provider, current.Handle); err != nil {
		return err
	}
	for label, v := range labels {
		if v.Handle == current.Handle {
			delete(labels, label)
		}
	}
	return s.compareFound(s.label(1, 0).Prefix(), labels)
}

// crowd is how many values Find is to list: more than a page where values can
// pile up, else as many as can live at once.
func (s *sitting) crowd() int {
	t := s.traits()
	switch {
	case t.Strategy == rotation.InPlace:
		return 1
	case t.Strategy == rotation.Alternate:
		return 2
	case t.Quota > 0:
		return min(t.Quota, s.PageSize+2)
	}
	return s.PageSize + 2
}

func (s *sitting) compareFound(prefix string, want map[string]provider.Issued) error {
	found, err := s.find(prefix)
	if err != nil {
		return err
	}
	if len(found) != len(want) {
		return fmt.Errorf("Find(%q) gives %d values, want %d; are all pages read?", prefix, len(found), len(want))
	}
	for _, f := range found {
		v, ok := want[f.Label]
		if !ok || v.Handle.ID != f.Handle.ID {
			return fmt.Errorf("Find(%q): label %q with handle %v, Issue gave %v", prefix, f.Label, f.Handle, v.Handle)
		}
		if age := time.Since(f.Created); !f.Created.IsZero() && (age < -24*time.Hour || age > 24*time.Hour) {
			return fmt.Errorf("Find: a fresh value was created %v ago; wrong unit or zone?", age)
		}
	}
	return nil
}

func askReveal(s *sitting) error {
	revealer, ok := provider.As[provider.Revealer](s.Provider)
	if !ok {
		return skip("the provider has no Reveal")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	got, err := revealer.Reveal(s.ctx, v.Handle)
	s.note(got.Values.Secrets()...)
	if s.hear("Reveal", err, got); fault.KindOf(err) == fault.Rejected && s.traits().Strategy == rotation.InPlace {
		return s.anotherCures(v)
	}
	if err != nil {
		return fmt.Errorf("Reveal fails: %w", err)
	}
	if got.Handle != v.Handle || !got.Values.Equal(v.Values) {
		return fmt.Errorf("Reveal gives another value than Issue did")
	}
	return nil
}

// anotherCures: a value that cannot be shown again is replaced by another.
func (s *sitting) anotherCures(v provider.Issued) error {
	w, _, err := s.next(v)
	if err != nil {
		return fmt.Errorf("the value cannot be shown again, and no other can be made: %w", err)
	}
	return s.verify(s.ctx, w)
}

func askIdentify(s *sitting) error {
	id, ok := provider.As[provider.Identifier](s.Provider)
	if !ok {
		return skip("the provider has no Identify")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	h, err := id.Identify(s.ctx, v.Values)
	if s.hear("Identify", err, h) != nil {
		return fmt.Errorf("Identify of a live value fails: %w", err)
	}
	if h != v.Handle {
		return fmt.Errorf("Identify gives %v, Issue gave %v", h, v.Handle)
	}
	bad := wrong(v)
	s.note(bad.Values.Secrets()...)
	_, err = id.Identify(s.ctx, bad.Values)
	return wantKind("Identify of a wrong value", s.hear("Identify", err), fault.Rejected)
}

func askUsage(s *sitting) error {
	reporter, ok := provider.As[provider.UsageReporter](s.Provider)
	if !ok {
		return skip("the provider has no Usage")
	}
	v, _, err := s.next(provider.Issued{})
	if err != nil {
		return err
	}
	u, err := reporter.Usage(s.ctx, v.Handle)
	if s.hear("Usage", err, u) != nil {
		return fmt.Errorf("Usage of a live value fails: %w", err)
	}
	if u.Active < 0 || !u.LastUsed.IsZero() && time.Until(u.LastUsed) > 24*time.Hour {
		return fmt.Errorf("Usage makes no sense: %d sessions, last used %v", u.Active, u.LastUsed)
	}
	again, err := reporter.Usage(s.ctx, v.Handle)
	if s.hear("Usage", err, again) != nil || !again.LastUsed.Equal(u.LastUsed) {
		return fmt.Errorf("asking for the use counts as use (%v, then %v; %v)", u.LastUsed, again.LastUsed, err)
	}
	return s.usageOfGone(reporter, v)
}

// usageOfGone: somebody else may have ended the value. An error would hold the evidence up
// for ever.
func (s *sitting) usageOfGone(reporter provider.UsageReporter, v provider.Issued) error {
	if s.canRevoke() != nil {
		return nil
	}
	if err := s.revoke(s.ctx, s.Provider, v.Handle); err != nil {
		return fmt.Errorf("Revoke fails: %w", err)
	}
	u, err := reporter.Usage(s.ctx, v.Handle)
	if s.hear("Usage", err, u) != nil {
		return fmt.Errorf("Usage of a value that is gone must not be an error, but not known: %w", err)
	}
	return nil
}

func askClock(s *sitting) error {
	clock, ok := provider.As[provider.Clock](s.Provider)
	if !ok {
		return skip("the provider has no Now")
	}
	now, err := clock.Now(s.ctx)
	if s.hear("Now", err) != nil {
		return fmt.Errorf("Now fails: %w", err)
	}
	if off := time.Since(now); off < -24*time.Hour || off > 24*time.Hour {
		return fmt.Errorf("Now is %v off; wrong unit or zone?", off)
	}
	return nil
}
