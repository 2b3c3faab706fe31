package sim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/rotation"
)

func run(t *testing.T, setup Setup) *Sim {
	t.Helper()
	s := New(setup)
	if err := s.Run(); err != nil {
		t.Errorf("%s %s %v: %v\n%s", setup.Class, setup.Mode, setup.Script, err, strings.Join(s.W.Log, "\n"))
	}
	return s
}

// modes in which every single fault is tried.
var modes = []rotation.Mode{rotation.Manual, rotation.Emergency}

func TestWithoutFaults(t *testing.T) {
	for _, class := range Classes {
		for _, mode := range modes {
			t.Run(string(class)+" "+string(mode), func(t *testing.T) {
				s := run(t, Setup{Class: class, Mode: mode})
				r, _, err := s.J.Journal.Load(t.Context(), s.rotation)
				if err != nil || r.Status != rotation.Done {
					t.Errorf("ended as %s (%v)\n%s", r.Status, err, strings.Join(s.W.Log, "\n"))
				}
			})
		}
	}
}

// TestEverySingleFault tries every fault of its sort at every effect and every
// journal write of a run without faults.
func TestEverySingleFault(t *testing.T) {
	cases := 0
	for _, class := range Classes {
		for _, mode := range modes {
			plain := New(Setup{Class: class, Mode: mode})
			if err := plain.Run(); err != nil {
				t.Fatalf("%s %s without faults: %v", class, mode, err)
			}
			for _, p := range plain.W.Worth() {
				for _, f := range faultsAt(p) {
					cases++
					if s := run(t, Setup{Class: class, Mode: mode, Script: map[int]Fault{p.N: f}}); s.trouble != nil {
						t.Fatalf("at %s", p)
					}
				}
			}
		}
	}
	fmt.Printf("single faults: %d cases\n", cases)
}

func faultsAt(p Point) []Fault {
	if p.Write {
		return WriteFaults
	}
	return EffectFaults
}
