package registry

import (
	"slices"
	"testing"
)

type kind struct {
	name string
	done bool
}

func of(types ...kind) Of[kind] {
	return New("room", func(k kind) string { return k.name }, func(k kind) bool { return k.done }, types...)
}

func TestFindsAndSorts(t *testing.T) {
	r := of(kind{"zeta", true}, kind{"alpha", true})
	if got := r.Names(); !slices.Equal(got, []string{"alpha", "zeta"}) {
		t.Errorf("Names = %v", got)
	}
	if all := r.All(); len(all) != 2 || all[0].name != "alpha" {
		t.Errorf("All = %v", all)
	}
	if got, ok := r.Get("zeta"); !ok || got.name != "zeta" {
		t.Errorf("Get(zeta) = %v, %v", got, ok)
	}
	if _, ok := r.Get("none"); ok {
		t.Error("Get finds a type that was never given")
	}
}

func TestPanicsOnMistakes(t *testing.T) {
	for name, types := range map[string][]kind{
		"twice": {{"zeta", true}, {"zeta", true}}, "nameless": {{"", true}}, "unfinished": {{"zeta", false}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			of(types...)
		})
	}
}
