package cli

import (
	"strings"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/rotation"
)

// drawSteps lists what is done, one credential after the other.
func (s *shell) drawSteps(plans []app.Plan) {
	for _, p := range plans {
		s.say("\n%s, generation %d -> %d\n", s.tint(bold, p.Name), currentOf(p), p.Known.Latest()+1)
		for _, a := range p.Steps {
			s.say("  %-10s %s\n", a.Step, stepWords(p, a))
		}
		if currentOf(p) == 0 && p.Known.Latest() == 0 {
			s.say("then the value from before Rotor, if the targets hold one:\n")
		} else {
			s.say("then generation %d:\n", currentOf(p))
		}
		for _, a := range p.End {
			if words := stepWords(p, a); words != "" {
				s.say("  %-10s %s\n", a.Step, words)
			}
		}
	}
}

func currentOf(p app.Plan) int {
	g, _ := p.Known.Current()
	return g.N
}

func stepWords(p app.Plan, a rotation.Action) string {
	switch a.Step {
	case rotation.Preflight:
		return "look whether everything can work, without any effect"
	case rotation.Approve:
		return "wait for a person's yes"
	case rotation.Ask:
		return "wait for a value from a person"
	case rotation.Await:
		return "wait for the end of the generation before"
	case rotation.Hold, rotation.Release:
		return "consumers that must stand still"
	case rotation.Generate:
		return map[rotation.Minter]string{rotation.ByProvider: p.Config.Provider.Type + " makes the value",
			rotation.ByRotor: "Rotor makes the value", rotation.ByPerson: "take the person's value"}[p.Minter]
	case rotation.Verify:
		return "use the new value for real"
	case rotation.Publish:
		return publishWords(p, a.Phase)
	case rotation.Deploy:
		return deployWords(p, a.Phase)
	case rotation.Monitor:
		if len(p.Config.Checks) == 0 {
			return "no checks are configured"
		}
		return "watch " + strings.Join(p.Config.Checks, ", ") + " for " + policy.FormatSpan(p.Config.Policy.Monitor)
	case rotation.Grace:
		return "let it live for " + policy.FormatSpan(p.Config.Policy.Grace)
	case rotation.Evidence:
		return "make sure that nobody uses it any more"
	case rotation.Revoke:
		return "end it at " + p.Config.Provider.Type
	case rotation.Prove:
		return "try it until it is refused"
	case rotation.Sweep:
		return "look for values that arrived late"
	case rotation.Erase:
		return "destroy the stores' old revisions that hold it"
	case rotation.Finish:
		return "the new generation is the current one"
	}
	return ""
}

func publishWords(p app.Plan, phase rotation.Phase) string {
	var names []string
	if phase == rotation.Switch {
		names = targetNames(p.Standing)
	} else {
		for _, a := range p.Config.Acceptors {
			for _, t := range a.Targets {
				names = append(names, t.Name())
			}
		}
	}
	return strings.Join(names, ", ")
}

func deployWords(p app.Plan, phase rotation.Phase) string {
	names := p.Config.Consumers
	if phase != rotation.Switch {
		names = nil
		for _, a := range p.Config.Acceptors {
			names = append(names, a.Consumer)
		}
	}
	if len(names) == 0 {
		return "nobody is told; they read it by themselves"
	}
	return strings.Join(names, ", ")
}
