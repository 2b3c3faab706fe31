package sim

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/agenticverz/rotor/rotation"
)

// TestDoubleKill kills a run at every point, and the run that recovers from it
// at every point again.
func TestDoubleKill(t *testing.T) {
	cases := 0
	for _, class := range Classes {
		plain := New(Setup{Class: class, Mode: rotation.Manual})
		if err := plain.Run(); err != nil {
			t.Fatal(err)
		}
		for _, p := range plain.W.Worth() {
			first := killsAt(p)[len(killsAt(p))-1] // the later of the two: more has happened
			once := New(Setup{Class: class, Mode: rotation.Manual, Script: map[int]Fault{p.N: first}})
			if err := once.Run(); err != nil {
				t.Fatal(err)
			}
			for _, q := range once.W.Worth() {
				if q.N <= p.N {
					continue
				}
				for _, second := range killsAt(q) {
					cases++
					s := run(t, Setup{Class: class, Mode: rotation.Manual, Script: map[int]Fault{p.N: first, q.N: second}})
					if s.trouble != nil {
						t.FailNow()
					}
				}
			}
		}
	}
	t.Logf("double kills: %d cases", cases)
}

func killsAt(p Point) []Fault {
	if p.Write {
		return []Fault{K1, K2}
	}
	return []Fault{K3, K4}
}

// TestSwarm throws several random faults into each run. A failure prints the
// seed; ROTOR_SIM_SEED runs that one alone, ROTOR_SIM_RUNS says how many.
func TestSwarm(t *testing.T) {
	from, runs := 1, 3000
	if text := os.Getenv("ROTOR_SIM_RUNS"); text != "" {
		runs, _ = strconv.Atoi(text)
	}
	if text := os.Getenv("ROTOR_SIM_SEED"); text != "" {
		from, runs = atoi(t, text), 1
	}
	for seed := from; seed < from+runs; seed++ {
		setup := random(uint64(seed))
		s := New(setup)
		if err := s.Run(); err != nil {
			t.Fatalf("ROTOR_SIM_SEED=%d: %s %s %v broken=%q: %v\n%s", seed, setup.Class, setup.Mode, setup.Script, setup.Broken, err, s.show())
		}
	}
}

func atoi(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("ROTOR_SIM_SEED: %v", err)
	}
	return n
}

func random(seed uint64) Setup {
	r := rand.New(rand.NewPCG(seed, 1))
	all := append(append([]Fault{}, EffectFaults...), WriteFaults...)
	setup := Setup{Class: Classes[r.IntN(len(Classes))], Mode: modes[r.IntN(len(modes))], Script: map[int]Fault{}}
	if r.IntN(4) == 0 {
		setup.Broken = []string{"one", "two", "three"}[r.IntN(3)]
	}
	for range 1 + r.IntN(5) {
		setup.Script[r.IntN(60)] = all[r.IntN(len(all))]
	}
	return setup
}
