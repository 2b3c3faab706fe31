package provider_test

import (
	"slices"
	"testing"

	"github.com/agenticverz/rotor/provider"
)

func named(name string) provider.Type {
	return provider.Type{
		Name:       name,
		NewOptions: func() any { return new(struct{}) },
		New:        func(any, provider.Context) (provider.Provider, error) { return nil, nil },
	}
}

func TestRegistryFindsAndSorts(t *testing.T) {
	r := provider.NewRegistry(named("resend"), named("generated"))
	if got := r.Names(); !slices.Equal(got, []string{"generated", "resend"}) {
		t.Errorf("Names = %v", got)
	}
	if got, ok := r.Get("resend"); !ok || got.Name != "resend" {
		t.Errorf("Get(resend) = %v, %v", got.Name, ok)
	}
	if _, ok := r.Get("openai"); ok {
		t.Error("Get finds a type that was never given")
	}
}

func TestRegistryPanicsOnMistakes(t *testing.T) {
	unfinished := named("resend")
	unfinished.New = nil
	for name, types := range map[string][]provider.Type{
		"twice":      {named("resend"), named("resend")},
		"nameless":   {named("")},
		"unfinished": {unfinished},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			provider.NewRegistry(types...)
		})
	}
}
