package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

type adoptFlags struct {
	undo, yes bool
	reason    string
}

func (s *shell) adoptCmd() *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt NAME",
		Short: "Take over a credential that existed before Rotor",
		Long: `Reads the value that the targets hold now, proves that it works, and keeps it as
the credential's first generation. Nothing is rotated, and no consumer notices.

Where the provider must be changed first (a PostgreSQL login that owns objects
becomes one of several under an owner role), everything that would be sent is
shown, and nothing is done without a yes. --undo takes it back as long as the
adopted value is the current one.`,
		Example: `  rotor adopt database          show what would change, ask, do it
  rotor adopt database --undo   put everything back as it was`,
		Args:              names(1, 1, "name one credential"),
		ValidArgsFunction: s.completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return s.adopt(cmd.Context(), args[0], f) },
	}
	cmd.Flags().BoolVar(&f.undo, "undo", false, "take an adoption back")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the audit")
	return cmd
}

func (s *shell) adopt(ctx context.Context, name string, f adoptFlags) error {
	return s.withOne(ctx, name, func(w *worker, one app.Standing) (app.Report, error) {
		if open := one.Known.OpenOf(rotation.KindRotation); len(open) > 0 && open[0].Mode == rotation.Adopt {
			return w.goOn(ctx, one.Name)
		} else if len(open) > 0 {
			return app.Report{}, fault.New(fault.Rejected, "a rotation of %s is open; nothing was done", one.Name).
				WithHint("end it first: rotor resume %s, or rotor rollback %s", one.Name, one.Name)
		}
		if f.undo {
			return w.giveBack(ctx, one, f)
		}
		shown, err := w.app.Engine.PlanAdoption(ctx, one.Name)
		if err != nil {
			return app.Report{}, err
		}
		s.drawAdoption(one.Name, shown)
		if err := s.agreed(ctx, one.Name, shown.Steps, f.yes); err != nil {
			return app.Report{}, err
		}
		rep, err := w.run.Start(ctx, app.Request{Credential: one.Name, Mode: rotation.Adopt, Actor: w.app.Actor, Reason: f.reason, Adoption: &shown})
		return w.attend(ctx, rep, err)
	})
}

func (w *worker) giveBack(ctx context.Context, one app.Standing, f adoptFlags) (app.Report, error) {
	w.ordered = true
	adoption, err := w.app.Engine.Adopted(ctx, one.Name)
	if err != nil {
		return app.Report{}, err
	}
	var undo []string
	if adoption != nil {
		undo = adoption.Undo
	}
	w.listed("To undo the adoption of "+one.Name+", this would be done:", undo)
	if err := w.agreed(ctx, one.Name, undo, f.yes); err != nil {
		return app.Report{}, err
	}
	rep, err := w.run.GiveBack(ctx, one.Name, w.app.Actor, f.reason)
	return w.attend(ctx, rep, err)
}

// drawAdoption shows what would be sent, to people.
func (s *shell) drawAdoption(name string, a rotation.Adoption) {
	if len(a.Steps) == 0 {
		s.tell("Nothing has to be changed at the provider to adopt %s.\n", name)
	}
	s.listed("To adopt "+name+", this would be done:", a.Steps)
	s.listed("To know:", a.Notes)
	if len(a.Undo) > 0 {
		s.tell("It can be undone with: rotor adopt %s --undo\n", name)
	}
}

func (s *shell) listed(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	s.tell("%s\n", title)
	for _, line := range lines {
		s.tell("  %s\n", line)
	}
}

// agreed asks before the first effect; without one, nobody needs to be asked.
func (s *shell) agreed(ctx context.Context, name string, steps []string, yes bool) error {
	if yes || len(steps) == 0 {
		return nil
	}
	if !s.mayAsk() {
		return usage("rotor adopt: nobody is there to say yes; nothing was done").
			WithHint("read the steps above, then: rotor adopt %s --yes", name)
	}
	ok, err := s.confirm(ctx, "Do it?")
	if err == nil && !ok {
		s.tell("Nothing was done.\n")
		return exitCode(exitDone)
	}
	return err
}
