package provider_test

import (
	"context"
	"testing"

	"github.com/agenticverz/rotor/provider"
)

// able has two abilities by its type.
type able struct{ provider.Provider }

func (able) Probe(context.Context, provider.Issued) (provider.Liveness, error) {
	return provider.Alive, nil
}
func (able) Preflight(context.Context, provider.Request) error { return nil }

// picky says which of them it has.
type picky struct {
	able
	probes bool
}

func (p picky) As(ability any) bool {
	switch a := ability.(type) {
	case *provider.Prober:
		if p.probes {
			*a = p
		}
		return p.probes
	case *provider.Preflighter:
		*a = p
		return true
	}
	return false
}

func TestAs(t *testing.T) {
	for name, c := range map[string]struct {
		p                         provider.Provider
		probes, preflights, finds bool
	}{
		"by its type":        {able{}, true, true, false},
		"selective":          {picky{probes: true}, true, true, false},
		"selective, without": {picky{}, false, true, false},
	} {
		prober, ok := provider.As[provider.Prober](c.p)
		if ok != c.probes || ok != (prober != nil) {
			t.Errorf("%s: Prober %v, %v", name, prober, ok)
		}
		if _, ok := provider.As[provider.Preflighter](c.p); ok != c.preflights {
			t.Errorf("%s: Preflighter %v", name, ok)
		}
		if _, ok := provider.As[provider.Finder](c.p); ok != c.finds {
			t.Errorf("%s: Finder %v", name, ok)
		}
	}
}
