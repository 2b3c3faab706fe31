package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/rotation"
)

func (s *shell) planCmd() *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "plan [NAME...]",
		Short: "Show what is due and what would happen; change nothing",
		Long: `Without names: what rotate --due would do. With names: what rotating these would
do, due or not. Nothing is changed and nothing is locked; consumers are asked
whether their deployment has a window.`,
		Example: `  rotor plan                          all that is due
  rotor plan api-token                one credential, step by step
  rotor plan --detailed-exitcode      exit 2 if something is to be done`,
		ValidArgsFunction: s.completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return s.plan(cmd, args, detailed) },
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 2 if there is something to do")
	return cmd
}

func (s *shell) plan(cmd *cobra.Command, args []string, detailed bool) error {
	ctx := cmd.Context()
	a, err := s.open(ctx, app.Options{})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	var chosen []app.Standing
	mode, others := rotation.Manual, -1
	for _, name := range args {
		one, err := a.Standing(ctx, name)
		if err != nil {
			return err
		}
		chosen = append(chosen, one)
	}
	if len(args) == 0 {
		all, err := a.Standings(ctx)
		if err != nil {
			return err
		}
		chosen, mode = app.Due(all), rotation.Scheduled
		others = len(all) - len(chosen)
	}
	plans := make([]app.Plan, 0, len(chosen))
	for _, one := range chosen {
		p, err := a.Plan(ctx, one, mode)
		if err != nil {
			return err
		}
		plans = append(plans, p)
	}
	now := a.Now().Wall
	err = emit(s, "Plan", planItems(plans), func() {
		s.drawPlan(s.out, s.colored(s.outTTY), plans, now, others)
		if len(args) > 0 {
			s.drawSteps(plans)
		}
	})
	if err != nil {
		return err
	}
	s.afterPlan(args, plans)
	if detailed && len(plans) > 0 {
		return exitCode(exitFindings)
	}
	return nil
}

func (s *shell) afterPlan(args []string, plans []app.Plan) {
	switch {
	case s.output != "table" || len(plans) == 0:
	case len(args) == 0:
		s.tell("To do it: rotor rotate --due\n")
	default:
		s.tell("To do it: rotor rotate %s\n", strings.Join(args, " "))
	}
}

type planItem struct {
	Name      string            `json:"name"`
	Owner     string            `json:"owner"`
	Schedule  policy.State      `json:"schedule"`
	Due       time.Time         `json:"due,omitzero"`
	Strategy  rotation.Strategy `json:"strategy"`
	Minter    rotation.Minter   `json:"minter"`
	Windows   []string          `json:"windows"`
	Consumers []string          `json:"consumers"`
	Targets   []string          `json:"targets"`
	Grace     string            `json:"grace"`
	Person    string            `json:"person,omitempty"` // who must act
	Steps     []string          `json:"steps"`
	End       []string          `json:"end"` // of the old value
}

func planItems(plans []app.Plan) []planItem {
	var out []planItem
	for _, p := range plans {
		it := planItem{Name: p.Name, Owner: p.Config.Owner, Schedule: p.Schedule.State, Due: p.Schedule.Due.UTC(),
			Strategy: p.Strategy, Minter: p.Minter, Windows: append([]string{}, p.Windows...),
			Consumers: append([]string{}, p.Config.Consumers...), Targets: targetNames(p.Standing),
			Grace: policy.FormatSpan(p.Config.Policy.Grace), Person: mustAct(p)}
		if p.Schedule.Due.IsZero() {
			it.Due = time.Time{}
		}
		for _, a := range p.Steps {
			it.Steps = append(it.Steps, a.String())
		}
		for _, a := range p.End {
			it.End = append(it.End, a.String())
		}
		out = append(out, it)
	}
	return out
}

func targetNames(s app.Standing) []string {
	out := []string{}
	for _, t := range s.Config.Targets {
		out = append(out, t.Name())
	}
	return out
}

// mustAct says what only a person can do; "" if nothing.
func mustAct(p app.Plan) string {
	switch {
	case p.Minter == rotation.ByPerson:
		return fmt.Sprintf("manual value needed (rotor set %s -)", p.Name)
	case p.Config.Policy.Approval:
		return fmt.Sprintf("approval needed (rotor set %s --approve)", p.Name)
	}
	return ""
}

// drawPlan is the picture for people; others < 0 leaves the up-to-date ones out.
func (s *shell) drawPlan(w io.Writer, on bool, plans []app.Plan, now time.Time, others int) {
	if len(plans) == 0 {
		fmt.Fprintf(w, "Nothing to rotate. %s.\n", upToDate(others))
		return
	}
	fmt.Fprintln(w, "Rotor will perform the following actions:")
	var rows [][]string
	asks := 0
	var graces []time.Duration
	for _, p := range plans {
		sign, person := paint(on, green, "↻"), mustAct(p)
		if person != "" {
			sign, asks = paint(on, yellow, "!"), asks+1
		}
		row := []string{sign + " " + p.Name, dueWords(p.Schedule, now), string(p.Strategy) + ", " + windowWords(p)}
		what := strings.Join(p.Config.Consumers, ", ")
		if person != "" {
			what = strings.TrimPrefix(what+"; "+person, "; ")
		}
		rows = append(rows, append(row, what))
		if !slices.Contains(graces, p.Config.Policy.Grace) {
			graces = append(graces, p.Config.Policy.Grace)
		}
	}
	table(w, "  ", rows)
	for _, p := range plans {
		for _, words := range p.Windows {
			fmt.Fprintf(w, "  %s %s: %s\n", paint(on, yellow, "window"), p.Name, words)
		}
	}
	line := fmt.Sprintf("Plan: %d to rotate", len(plans)-asks)
	if asks > 0 {
		line += fmt.Sprintf(", %d %s input", asks, map[bool]string{true: "needs", false: "need"}[asks == 1])
	}
	if others >= 0 {
		line += ", " + upToDate(others)
	}
	fmt.Fprintf(w, "%s. %s\n", line, graceWords(graces))
}

func upToDate(n int) string {
	if n < 0 {
		n = 0
	}
	return fmt.Sprintf("%d up to date", n)
}

func graceWords(graces []time.Duration) string {
	if len(graces) != 1 {
		return "Old values are revoked after their grace (rotor status NAME)."
	}
	if graces[0] == 0 {
		return "Old values are revoked at once."
	}
	return "Old values are revoked after " + policy.FormatSpan(graces[0]) + "."
}

func windowWords(p app.Plan) string {
	if len(p.Windows) == 0 {
		return "zero downtime"
	}
	return "with a window"
}

func dueWords(st policy.Status, now time.Time) string {
	switch st.State {
	case policy.NeverRotated:
		return "never rotated"
	case policy.Never:
		return "exempt"
	case policy.Paused:
		return "paused"
	case policy.Due, policy.Overdue:
		return strings.ReplaceAll(string(st.State), "-", " ") + " " + ago(st.Due, now)
	}
	return "due " + ago(st.Due, now)
}

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
