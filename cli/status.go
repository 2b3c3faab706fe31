package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/rotation"
)

func (s *shell) statusCmd() *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use:   "status [NAME|ID]",
		Short: "Show how credentials stand",
		Long: `Two things are told apart: the schedule (ok, due soon, due, overdue, never rotated,
paused, exempt) and health (verified, degraded, unknown). With the name of a
credential: its generations and records. With the id of a rotation: its events.`,
		Example: `  rotor status                    every credential
  rotor status database           its generations, and what is under way
  rotor status r-06dz3k9s2m7f2k   one rotation, step by step
  rotor status -o json            for programs`,
		Args:              names(0, 1, "one name or id at most"),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := s.open(cmd.Context(), app.Options{WithConfig: app.Optional})
			if err != nil {
				return err
			}
			defer a.Close()
			if len(args) == 0 {
				return s.statusAll(cmd.Context(), a, detailed)
			}
			return s.statusOne(cmd.Context(), a, args[0])
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 2 if something is overdue, waits for a person or went wrong")
	return cmd
}

// statusItem is a credential as programs see it.
type statusItem struct {
	Name        string                `json:"name"`
	Owner       string                `json:"owner,omitempty"`
	Provider    string                `json:"provider,omitempty"`
	Strategy    rotation.Strategy     `json:"strategy,omitempty"`
	Schedule    policy.State          `json:"schedule"`
	Due         time.Time             `json:"due,omitzero"`
	Next        time.Time             `json:"next,omitzero"`
	Health      string                `json:"health"`
	Rotated     time.Time             `json:"rotated,omitzero"`
	Generation  int                   `json:"generation"`
	Generations []rotation.Generation `json:"generations,omitempty"`
	Open        []rotationItem        `json:"open,omitempty"`
	InConfig    bool                  `json:"inConfig"`
}

func (s *shell) statusAll(ctx context.Context, a *app.App, detailed bool) error {
	all, err := a.Standings(ctx)
	if err != nil {
		return err
	}
	var items []statusItem
	findings := false
	for _, one := range all {
		it := s.item(ctx, a, one)
		findings = findings || it.Health == "degraded" || it.Schedule == policy.Overdue
		items = append(items, it)
	}
	err = emit(s, "Credential", items, func() { s.drawStatus(a, items) })
	if err == nil && detailed && findings {
		err = exitCode(exitFindings)
	}
	return err
}

func (s *shell) item(ctx context.Context, a *app.App, one app.Standing) statusItem {
	it := statusItem{Name: one.Name, Owner: one.Config.Owner, Provider: one.Config.Provider.Type,
		Schedule: one.Schedule.State, Health: health(one.Known), InConfig: one.InConfig,
		Due: whole(one.Schedule.Due), Next: whole(one.Schedule.Next), Rotated: whole(one.Known.Rotated)}
	if one.InConfig {
		if t, err := app.Traits(one.Config); err == nil {
			it.Strategy = t.Strategy
		}
	}
	if g, ok := one.Known.Current(); ok {
		it.Generation = g.N
	}
	for _, r := range one.Known.Open {
		record, _, err := describe(ctx, a, r)
		if err != nil {
			record.Why = "cannot be read: " + err.Error()
		}
		it.Open = append(it.Open, record)
	}
	return it
}

func whole(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// health is what is known about the present value, apart from its age: verified
// by a rotation of ours; degraded if something needs a person or the last
// rotation went wrong; else nobody knows.
func health(c rotation.Credential) string {
	for _, r := range c.Open {
		if r.Status == rotation.Stuck || r.Undoing {
			return "degraded"
		}
	}
	switch {
	case c.LastStatus == rotation.Failed || c.LastStatus == rotation.RolledBack || c.LastStatus == rotation.Abandoned:
		return "degraded"
	case c.Rotated.IsZero():
		return "unknown"
	}
	return "verified"
}

func (s *shell) drawStatus(a *app.App, items []statusItem) {
	if len(items) == 0 {
		s.tell("There are no credentials.\n")
		if a.Config() == nil {
			s.tell("rotor init writes a rotor.yaml to begin with.\n")
		}
		return
	}
	now := a.Now().Wall
	rows := [][]string{{"NAME", "OWNER", "PROVIDER", "SCHEDULE", "HEALTH", "ROTATED", "NOW"}}
	for _, it := range items {
		provider := it.Provider
		if it.Strategy != "" {
			provider += ", " + string(it.Strategy)
		}
		rows = append(rows, []string{it.Name, orDash(it.Owner), orDash(provider), s.scheduleWords(it, now), s.healthWords(it.Health),
			ago(it.Rotated, now), nowWords(it, now)})
	}
	table(s.out, "", rows)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (s *shell) scheduleWords(it statusItem, now time.Time) string {
	words := strings.ReplaceAll(string(it.Schedule), "-", " ")
	switch it.Schedule {
	case policy.Overdue:
		return s.tint(red, words+", "+ago(it.Due, now))
	case policy.Due, policy.NeverRotated:
		return s.tint(yellow, words)
	case policy.DueSoon, policy.OK:
		return words + ", due " + ago(it.Due, now)
	case policy.Never:
		if !it.InConfig {
			return "not in rotor.yaml"
		}
		return "exempt"
	}
	return words
}

func (s *shell) healthWords(h string) string {
	switch h {
	case "degraded":
		return s.tint(red, h)
	case "verified":
		return s.tint(green, h)
	}
	return h
}

func nowWords(it statusItem, now time.Time) string {
	var out []string
	for _, r := range it.Open {
		switch {
		case r.Status == rotation.Stuck:
			out = append(out, "needs a person, stopped "+ago(r.Asked, now))
		case r.Status == rotation.Asking:
			out = append(out, "waits for a person, asked "+ago(r.Asked, now))
		case r.Kind == rotation.KindRetirement && strings.HasPrefix(r.Step, "grace"):
			out = append(out, fmt.Sprintf("generation %d lives %s", r.Generation, span(r.Until.Sub(now))))
		case r.Kind == rotation.KindRetirement:
			out = append(out, fmt.Sprintf("generation %d: %s", r.Generation, r.Step))
		default:
			out = append(out, "rotating: "+r.Step)
		}
	}
	return strings.Join(out, "; ")
}
