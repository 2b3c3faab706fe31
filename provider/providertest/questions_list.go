package providertest

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/provider"
)

// seeks says whether the provider can tell what a lost answer left.
func (s *sitting) seeks() bool {
	_, finds := provider.As[provider.Finder](s.Provider)
	_, lists := provider.As[provider.Lister](s.Provider)
	return finds || lists
}

// look is Find for our labels, or List.
func (s *sitting) look(ctx context.Context) ([]provider.Found, error) {
	if f, ok := provider.As[provider.Finder](s.Provider); ok {
		return f.Find(ctx, s.label(1, 0).Prefix())
	}
	lister, _ := provider.As[provider.Lister](s.Provider)
	return lister.List(ctx)
}

// listed is what is in the account, by id; nil if values bear labels.
func (s *sitting) listed() (map[string]provider.Found, error) {
	lister, ok := provider.As[provider.Lister](s.Provider)
	if !ok {
		return nil, nil
	}
	found, err := lister.List(s.ctx)
	if s.hear("List", err, found) != nil {
		return nil, fmt.Errorf("List fails: %w", err)
	}
	out := map[string]provider.Found{}
	for _, f := range found {
		if _, twice := out[f.Handle.ID]; twice || f.Handle.ID == "" {
			return nil, fmt.Errorf("List gives handle %q twice or empty", f.Handle.ID)
		}
		if f.Label != "" {
			return nil, fmt.Errorf("List gives label %q; values with labels are for Find", f.Label)
		}
		out[f.Handle.ID] = f
	}
	return out, nil
}

// strays is what a try left: by its label, or by what was not there before.
func (s *sitting) strays(label string, there map[string]provider.Found) ([]provider.Found, error) {
	if _, ok := provider.As[provider.Finder](s.Provider); ok {
		return s.find(label)
	}
	now, err := s.listed()
	var out []provider.Found
	for id, f := range now {
		if _, before := there[id]; !before {
			out = append(out, f)
		}
	}
	return out, err
}

func askList(s *sitting) error {
	if _, ok := provider.As[provider.Lister](s.Provider); !ok {
		return skip("the provider has no List")
	}
	there, err := s.listed()
	if err != nil {
		return err
	}
	var current provider.Issued
	for n := range s.crowd() {
		if current, _, err = s.next(current); err != nil {
			return err
		}
		if err := s.lists(len(there)+n+1, current); err != nil {
			return err
		}
	}
	if s.canRevoke() != nil {
		return nil
	}
	if err := s.revoke(s.ctx, s.Provider, current.Handle); err != nil {
		return err
	}
	now, err := s.listed()
	if _, still := now[current.Handle.ID]; err == nil && still {
		err = fmt.Errorf("List gives %s, which was revoked", current.Handle.ID)
	}
	return err
}

func (s *sitting) lists(want int, v provider.Issued) error {
	now, err := s.listed()
	if err != nil {
		return err
	}
	f, ok := now[v.Handle.ID]
	if len(now) != want || !ok || f.Handle != v.Handle {
		return fmt.Errorf("List gives %d values, want %d with handle %v; are all pages read?", len(now), want, v.Handle)
	}
	if age := time.Since(f.Created); !f.Created.IsZero() && (age < -24*time.Hour || age > 24*time.Hour) {
		return fmt.Errorf("List: a fresh value was created %v ago; wrong unit or zone?", age)
	}
	return nil
}
