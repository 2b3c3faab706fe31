package cli

import (
	"fmt"
	"io"
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
	Notes     []string          `json:"notes,omitempty"`
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
			Strategy: p.Strategy, Minter: p.Minter, Windows: append([]string{}, p.Windows...), Notes: p.Notes,
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
	}
	table(w, "  ", rows)
	for _, p := range plans {
		for _, words := range p.Windows {
			fmt.Fprintf(w, "  %s %s: %s\n", paint(on, yellow, "window"), p.Name, words)
		}
		for _, words := range p.Notes {
			fmt.Fprintf(w, "  %s %s: %s\n", paint(on, yellow, "note"), p.Name, words)
		}
	}
	line := fmt.Sprintf("Plan: %d to rotate", len(plans)-asks)
	if asks > 0 {
		line += fmt.Sprintf(", %d %s input", asks, map[bool]string{true: "needs", false: "need"}[asks == 1])
	}
	if others >= 0 {
		line += ", " + upToDate(others)
	}
	fmt.Fprintf(w, "%s. %s\n", line, graceWords(plans))
}

func upToDate(n int) string {
	if n < 0 {
		n = 0
	}
	return fmt.Sprintf("%d up to date", n)
}

// graceWords says what becomes of the old values.
func graceWords(plans []app.Plan) string {
	grace, revokes := plans[0].Config.Policy.Grace, false
	for _, p := range plans {
		revokes = revokes || p.Revokes
		if p.Config.Policy.Grace != grace {
			grace = -1
		}
	}
	switch {
	case !revokes:
		return "Nobody outside refuses the old values; those who check them forget them."
	case grace < 0:
		return "Old values are revoked after their grace (rotor status NAME)."
	case grace == 0:
		return "Old values are revoked at once."
	}
	return "Old values are revoked after " + policy.FormatSpan(grace) + "."
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
