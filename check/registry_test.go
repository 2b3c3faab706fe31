package check_test

import (
	"slices"
	"testing"

	"github.com/agenticverz/rotor/check"
)

func named(name string) check.Type {
	return check.Type{
		Name:       name,
		NewOptions: func() any { return new(struct{}) },
		New:        func(any, check.Context) (check.Check, error) { return nil, nil },
	}
}

func TestRegistryFindsAndSorts(t *testing.T) {
	r := check.NewRegistry(named("zeta"), named("alpha"))
	if got := r.Names(); !slices.Equal(got, []string{"alpha", "zeta"}) {
		t.Errorf("Names = %v", got)
	}
	if got, ok := r.Get("zeta"); !ok || got.Name != "zeta" {
		t.Errorf("Get(zeta) = %v, %v", got.Name, ok)
	}
	if _, ok := r.Get("none"); ok {
		t.Error("Get finds a type that was never given")
	}
}

func TestRegistryPanicsOnMistakes(t *testing.T) {
	unfinished := named("zeta")
	unfinished.New = nil
	for name, types := range map[string][]check.Type{
		"twice":      {named("zeta"), named("zeta")},
		"nameless":   {named("")},
		"unfinished": {unfinished},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			check.NewRegistry(types...)
		})
	}
}
