package rotation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func words(p []Action) string {
	out := make([]string, len(p))
	for i, a := range p {
		out[i] = a.String()
	}
	return strings.Join(out, " ")
}

var (
	strategies = []Strategy{Overlap, Alternate, InPlace}
	minters    = []Minter{ByProvider, ByRotor, ByPerson}
	planModes  = []Mode{Scheduled, Manual, Emergency, Drill}
)

// situations a plan is made in.
var situations = []struct {
	name string
	live Live
}{
	{"steady", Live{}},
	{"in grace or held", Live{Older: true}},
	{"acceptors", Live{Acceptors: true}},
	{"acceptors, in grace", Live{Acceptors: true, Older: true}},
	{"approval", Live{Approval: true}},
	{"holders", Live{Holders: true}},
	{"finds", Live{Finds: true}},
	{"no issuer", Live{NoIssuer: true}},
	{"the old one ends by a timer", Live{Lingers: true}},
}

// TestGoldenPlans pins every order there is. A change here is a change of what
// Rotor does: read the difference as if it were a runbook.
func TestGoldenPlans(t *testing.T) {
	var b strings.Builder
	for _, s := range strategies {
		for _, m := range minters {
			for _, mode := range planModes {
				for _, in := range situations {
					fmt.Fprintf(&b, "%s, %s, %s, %s:\n  %s\n", s, m, mode, in.name, words(Plan(s, m, mode, in.live)))
				}
			}
		}
		for _, in := range situations {
			fmt.Fprintf(&b, "retirement, %s, %s:\n  %s\n", s, in.name, words(PlanRetirement(s, in.live)))
		}
	}
	for _, in := range []Live{{}, {Reshapes: true}} {
		fmt.Fprintf(&b, "adopt, reshapes %v:\n  %s\n", in.Reshapes, words(Plan(Alternate, ByRotor, Adopt, in)))
		fmt.Fprintf(&b, "adopt, reshapes %v, given back:\n  %s\n", in.Reshapes, words(PlanGiveBack(in)))
	}
	golden(t, "plans.txt", b.String())
}

// TestGoldenBack pins the way back from every step of a plan.
func TestGoldenBack(t *testing.T) {
	var b strings.Builder
	for _, s := range strategies {
		for _, in := range situations {
			plan := Plan(s, ByRotor, Manual, in.live)
			var done []Event
			for _, a := range plan {
				if a.HasEffect() {
					done = append(done, Event{Type: Intent, Action: a})
				}
				back, ok := Back(s, in.live, done)
				line := words(back)
				if !ok {
					line = "no way back"
				}
				fmt.Fprintf(&b, "%s, %s, at %s:\n  %s\n", s, in.name, a, line)
			}
		}
	}
	for _, in := range []Live{{}, {Reshapes: true}} {
		plan := Plan(Alternate, ByRotor, Adopt, in)
		var done []Event
		for _, a := range plan {
			if a.HasEffect() {
				done = append(done, Event{Type: Intent, Action: a})
			}
			back, _ := Back(Alternate, in, done)
			fmt.Fprintf(&b, "adopt, reshapes %v, at %s:\n  %s\n", in.Reshapes, a, words(back))
		}
	}
	golden(t, "back.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./rotation -update writes it anew; read the difference first)", file)
	}
}

// TestOrderOfSafety: what must be true of every plan there is.
func TestOrderOfSafety(t *testing.T) {
	at := func(p []Action, s Step) int {
		for i, a := range p {
			if a.Step == s {
				return i
			}
		}
		return -1
	}
	for _, s := range strategies {
		for _, m := range minters {
			for _, mode := range planModes {
				for _, in := range situations {
					p := Plan(s, m, mode, in.live)
					name := fmt.Sprint(s, m, mode, in.name)
					for i, a := range p {
						if a.HasEffect() && i < at(p, Preflight) {
							t.Errorf("%s: %s stands before preflight", name, a)
						}
						if a.Step == Revoke {
							t.Errorf("%s: a rotation revokes", name)
						}
					}
					if p[len(p)-1].Step != Finish {
						t.Errorf("%s: does not end with finish", name)
					}
					publish := Action{Publish, Switch}
					for i, a := range p {
						if a == publish && s != InPlace && i < at(p, Verify) {
							t.Errorf("%s: published before it was verified", name)
						}
					}
					if at(p, Hold) >= 0 && at(p, Release) < at(p, Hold) {
						t.Errorf("%s: held and not released", name)
					}
				}
			}
		}
	}
}
