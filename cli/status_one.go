package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/policy"
	"github.com/agenticverz/rotor/rotation"
)

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
		s.say("\n%s %s is %s", recordWord(r.Kind, r.Mode), r.ID, r.Status)
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
			rows = append(rows, []string{r.ID, recordWord(r.Kind, r.Mode), number(r.Generation), string(r.Status), ago(r.Created.Wall, now), r.Actor})
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
		rows := [][]string{{recordWord(r.Kind, r.Mode), s.tint(bold, r.ID)}, {"Credential", r.Credential},
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

// recordWord is what people call a record.
func recordWord(k rotation.Kind, m rotation.Mode) string {
	if k == rotation.KindRotation && m == rotation.Adopt {
		return "adoption"
	}
	return string(k)
}
