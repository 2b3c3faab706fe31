package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/rotation"
)

const plansHead = generated + `
# Plans

The order of the steps stands in one function, ` + "`rotation.Plan`" + `; these tables are its answers. Which
strategy a credential has is said by its provider; ` + "`rotor plan NAME`" + ` shows the plan of one.

The strategies: **overlap** (two values live side by side), **alternate** (two accounts take
turns), **in-place** (the new value replaces the old one at once).

`

type situation struct {
	words string
	mode  rotation.Mode
	m     rotation.Minter
	live  rotation.Live
}

var situations = []situation{
	{"plain", rotation.Manual, rotation.ByRotor, rotation.Live{}},
	{"a person supplies the value", rotation.Manual, rotation.ByPerson, rotation.Live{}},
	{"approval", rotation.Manual, rotation.ByRotor, rotation.Live{Approval: true}},
	{"acceptors", rotation.Manual, rotation.ByRotor, rotation.Live{Acceptors: true}},
	{"consumers that can stand still", rotation.Manual, rotation.ByRotor, rotation.Live{Holders: true}},
	{"the provider lists its values", rotation.Manual, rotation.ByProvider, rotation.Live{Finds: true}},
	{"an older generation still lives", rotation.Manual, rotation.ByRotor, rotation.Live{Older: true}},
	{"nobody outside refuses a value", rotation.Manual, rotation.ByRotor, rotation.Live{NoIssuer: true}},
	{"the old value ends by a timer", rotation.Manual, rotation.ByProvider, rotation.Live{Lingers: true}},
	{"emergency, with approval", rotation.Emergency, rotation.ByRotor, rotation.Live{Approval: true}},
	{"drill", rotation.Drill, rotation.ByRotor, rotation.Live{}},
}

var strategies = []rotation.Strategy{rotation.Overlap, rotation.Alternate, rotation.InPlace}

func plansPage() string {
	var b strings.Builder
	b.WriteString(plansHead)
	for _, s := range strategies {
		fmt.Fprintf(&b, "## A rotation, %s\n\n| situation | order |\n|---|---|\n", s)
		var orders, words []string
		for _, in := range situations {
			if in.live.Lingers && s != rotation.Overlap {
				continue
			}
			order := arrows(rotation.Plan(s, in.m, in.mode, in.live))
			if s == rotation.InPlace && in.mode == rotation.Drill {
				order = "refused: it would be the real thing"
			}
			if i := slices.Index(orders, order); i >= 0 {
				words[i] += "; " + in.words
				continue
			}
			orders, words = append(orders, order), append(words, in.words)
		}
		for i, order := range orders {
			fmt.Fprintf(&b, "| %s | %s |\n", words[i], order)
		}
		b.WriteString("\n")
	}
	retirements(&b)
	backs(&b)
	return b.String()
}

func retirements(b *strings.Builder) {
	b.WriteString("## The end of the old generation\n\nA record of its own, begun when the rotation is done.\n\n| strategy | situation | order |\n|---|---|---|\n")
	for _, s := range strategies {
		for _, in := range []struct {
			words string
			live  rotation.Live
		}{
			{"plain", rotation.Live{}}, {"acceptors", rotation.Live{Acceptors: true}},
			{"the provider lists its values", rotation.Live{Finds: true}}, {"nobody outside refuses a value", rotation.Live{NoIssuer: true}},
			{"the old value ends by a timer", rotation.Live{Lingers: true}},
		} {
			if in.live.Lingers && s != rotation.Overlap {
				continue
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", s, in.words, arrows(rotation.PlanRetirement(s, in.live)))
		}
	}
	b.WriteString("\n")
}

// backs: the way back from each step, once it was announced.
func backs(b *strings.Builder) {
	b.WriteString("## The way back\n\nWhat a rollback does when the step on the left was begun. What came to life is then\nretired by a record of its own, without grace.\n\n| strategy | begun | order |\n|---|---|---|\n")
	for _, s := range strategies {
		var done []rotation.Event
		last := ""
		for _, a := range rotation.Plan(s, rotation.ByRotor, rotation.Manual, rotation.Live{}) {
			if a.HasEffect() {
				done = append(done, rotation.Event{Type: rotation.Intent, Action: a})
			}
			back, ok := rotation.Back(s, rotation.Live{}, done)
			order := arrows(back)
			if !ok {
				order = "no way back: the old value was replaced where it lived"
			}
			if order != last {
				fmt.Fprintf(b, "| %s | %s | %s |\n", s, a.Step, order)
			}
			last = order
		}
	}
	fmt.Fprintf(b, "| overlap, alternate | done, old value still in its grace | %s |\n", arrows(rotation.PlanReverse()))
}

func arrows(plan []rotation.Action) string {
	words := make([]string, len(plan))
	for i, a := range plan {
		words[i] = step(a)
	}
	return strings.Join(words, " → ")
}

// step names the occurrences of a step that mean different things.
func step(a rotation.Action) string {
	both := a.Step == rotation.Publish || a.Step == rotation.Deploy
	switch {
	case both && a.Phase == rotation.Accept:
		return string(a.Step) + " (acceptors)"
	case both && a.Phase == rotation.Retire:
		return string(a.Step) + " (acceptors, without the old)"
	case both && a.Phase == rotation.Undo:
		return string(a.Step) + " (the old)"
	}
	return string(a.Step)
}
