package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
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
			out = append(out, "needs a person")
		case r.Status == rotation.Asking:
			out = append(out, "waits for a person")
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

func (s *shell) statusOne(ctx context.Context, a *app.App, name string) error {
	if strings.HasPrefix(name, "r-") || strings.HasPrefix(name, "x-") {
		r, _, err := a.Journal.Load(ctx, name)
		if err == nil {
			return s.statusRecord(ctx, a, r)
		}
		if !errors.Is(err, journal.ErrNotFound) {
			return err
		}
	}
	one, err := s.find(ctx, a, name)
	if err != nil {
		return err
	}
	it := s.item(ctx, a, one)
	it.Generations = one.Known.Generations
	history, err := a.Journal.History(ctx, one.Name, 10)
	if err != nil {
		return err
	}
	return emit(s, "Credential", []statusItem{it}, func() { s.drawCredential(ctx, a, one, it, history) })
}

// find also knows credentials that are no longer in rotor.yaml.
func (s *shell) find(ctx context.Context, a *app.App, name string) (app.Standing, error) {
	one, err := a.Standing(ctx, name)
	if err == nil {
		return one, nil
	}
	known, err2 := a.Journal.Credential(ctx, name)
	if err2 == nil && (len(known.Generations) > 0 || len(known.Open) > 0) {
		return app.Standing{Name: name, Known: known, Schedule: policy.Status{State: policy.Never}}, nil
	}
	return one, err
}

func (s *shell) drawCredential(ctx context.Context, a *app.App, one app.Standing, it statusItem, history []rotation.Record) {
	now := a.Now().Wall
	rows := [][]string{{"Credential", s.tint(bold, it.Name)}, {"Schedule", s.scheduleWords(it, now)}, {"Health", s.healthWords(it.Health)}}
	if one.InConfig {
		c := one.Config
		rows = append(rows, []string{"Owner", c.Owner}, []string{"Provider", it.Provider + ", " + string(it.Strategy)},
			[]string{"Every", c.Policy.Every.String() + ", grace " + policy.FormatSpan(c.Policy.Grace)},
			[]string{"Targets", strings.Join(targetNames(one), ", ")}, []string{"Consumers", orDash(strings.Join(c.Consumers, ", "))},
			[]string{"Checks", orDash(strings.Join(c.Checks, ", "))})
		if c.Note != "" {
			rows = append(rows, []string{"Note", c.Note})
		}
	}
	table(s.out, "", rows)
	if len(one.Known.Generations) > 0 {
		s.say("\n")
		s.drawGenerations(one.Known, now)
	}
	for _, r := range it.Open {
		s.say("\n%s %s is %s", r.Kind, r.ID, r.Status)
		if r.Step != "" {
			s.say(" at %s", r.Step)
		}
		if !r.Until.IsZero() {
			s.say(" until %s (%s)", stamp(r.Until), ago(r.Until, now))
		}
		if r.Why != "" {
			s.say(": %s", r.Why)
		}
		s.say("\n")
	}
	if len(history) > 0 {
		s.say("\n")
		rows = [][]string{{"RECORD", "KIND", "GENERATION", "STATUS", "BEGUN", "BY"}}
		for _, r := range history {
			rows = append(rows, []string{r.ID, string(r.Kind), number(r.Generation), string(r.Status), ago(r.Created.Wall, now), r.Actor})
		}
		table(s.out, "", rows)
	}
	s.suggest(it)
}

func (s *shell) drawGenerations(c rotation.Credential, now time.Time) {
	rows := [][]string{{"GENERATION", "LIFE", "FINGERPRINT", "HANDLE", "MADE", "ENDED"}}
	for i := len(c.Generations) - 1; i >= 0 && len(rows) < 12; i-- {
		g := c.Generations[i]
		ended := ""
		if !g.Ended.IsZero() {
			ended = ago(g.Ended, now) + ", " + g.Proof
		}
		rows = append(rows, []string{number(g.N), string(g.Life), g.Fingerprint, orDash(g.Handle.String()), ago(g.Created, now), ended})
	}
	table(s.out, "", rows)
}

func (s *shell) suggest(it statusItem) {
	for _, r := range it.Open {
		switch {
		case r.Status == rotation.Stuck:
			s.tell("\nWhen the cause is gone: rotor resume %s\n", it.Name)
			return
		case r.Kind == rotation.KindRotation && strings.HasPrefix(r.Step, "ask"):
			s.tell("\nSupply it: rotor set %s -\n", it.Name)
			return
		case r.Kind == rotation.KindRotation && r.Status == rotation.Asking:
			s.tell("\nDecide: rotor set %s --approve, or --refuse\n", it.Name)
			return
		}
	}
}

func (s *shell) statusRecord(ctx context.Context, a *app.App, r rotation.Record) error {
	item, st, err := describe(ctx, a, r)
	if err != nil {
		return err
	}
	item.Events = st.Events
	return emit(s, "Rotation", []rotationItem{item}, func() {
		rows := [][]string{{string(r.Kind), s.tint(bold, r.ID)}, {"Credential", r.Credential},
			{"Generation", fmt.Sprintf("%d (from %d)", r.Generation, r.From)}, {"Mode", string(r.Mode) + ", " + string(r.Strategy)},
			{"Status", string(item.Status)}, {"Begun", stamp(r.Created.Wall) + " by " + r.Actor}}
		if item.Why != "" {
			rows = append(rows, []string{"Why", item.Why})
		}
		table(s.out, "", rows)
		s.say("\n")
		rows = nil
		for _, e := range st.Events {
			if line := s.eventLine(r, e); line != "" {
				rows = append(rows, []string{e.At.Wall.Local().Format("2006-01-02 15:04:05"), line})
			}
		}
		table(s.out, "", rows)
	})
}

func notOpen(name, what string) error {
	return fault.New(fault.Rejected, "%s has no open %s", name, what).WithHint("rotor status %s shows how it stands", name)
}
