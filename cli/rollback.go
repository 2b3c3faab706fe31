package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
)

func (s *shell) rollbackCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "rollback NAME",
		Short: "Go back to the value before",
		Long: `Turns an open rotation back, or one that is done as long as the old value is in its
grace: proves the old value alive, puts back what the targets held, lets consumers
take it, and ends the new value.`,
		Example:           `  rotor rollback database`,
		Args:              names(1, 1, "name one credential"),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.rollback(cmd.Context(), args[0])
		},
	}
}

func (s *shell) abandonCmd() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "abandon NAME",
		Short: "Give an open rotation up, leaving everything as it is",
		Long: `Ends an open rotation where it stands: nothing is put back and nothing revoked.
Values that it made may be alive and published; rotor status NAME lists them.
Nearly always rotor rollback is what you want.`,
		Example:           `  rotor abandon database`,
		Args:              names(1, 1, "name one credential"),
		ValidArgsFunction: s.completeNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.abandon(cmd.Context(), args[0], yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for the name to be typed")
	return cmd
}

// withOne opens everything that a command on one credential needs.
func (s *shell) withOne(ctx context.Context, name string, do func(*worker, app.Standing) (app.Report, error)) error {
	show := s.newProgress()
	a, err := s.open(ctx, app.Options{Observe: show.event})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	one, err := s.find(ctx, a, name)
	if err != nil {
		return err
	}
	w := &worker{shell: s, app: a, show: show, run: a.Inline()}
	return w.each([]app.Request{{Credential: one.Name}}, func(app.Request) (app.Report, error) { return do(w, one) })
}

func (s *shell) rollback(ctx context.Context, name string) error {
	return s.withOne(ctx, name, func(w *worker, one app.Standing) (app.Report, error) {
		w.ordered = true
		open := one.Known.OpenOf(rotation.KindRotation)
		if len(open) == 0 {
			return w.run.Reverse(ctx, one.Name, w.app.Actor, "rollback")
		}
		if open[0].Undoing {
			return w.goOn(ctx, one.Name)
		}
		return w.supplied(ctx, open[0], rotation.OrderRollback, nil)
	})
}

func (s *shell) abandon(ctx context.Context, name string, yes bool) error {
	return s.withOne(ctx, name, func(w *worker, one app.Standing) (app.Report, error) {
		w.ordered = true
		open := one.Known.OpenOf(rotation.KindRotation)
		if len(open) == 0 {
			return app.Report{}, notOpen(one.Name, "rotation")
		}
		if !yes && !s.mayAsk() {
			return app.Report{}, usage("to abandon a rotation cannot be taken back").
				WithHint("say --yes if you mean it; rotor rollback %s is the orderly way", one.Name)
		}
		if !yes {
			ok, err := s.typed(ctx, "What was done stays as it is, and values that were made may be alive.", one.Name)
			if err != nil || !ok {
				return app.Report{}, errors.Join(err, exitCode(exitFailed))
			}
		}
		if err := w.run.Supply(ctx, open[0].ID, rotation.OrderAbandon, w.app.Actor, nil); err != nil {
			return app.Report{Record: open[0]}, err
		}
		r, _, err := w.app.Journal.Load(ctx, open[0].ID)
		return app.Report{Record: r}, err
	})
}
