package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

type setFlags struct {
	file, env       string
	approve, refuse bool
	retire          int
	wait, detach    bool
}

func (s *shell) setCmd() *cobra.Command {
	var f setFlags
	cmd := &cobra.Command{
		Use:   "set NAME -",
		Short: "Supply a value, approve, refuse, or end an old value",
		Long: `Supplies the value that a rotation waits for (and begins the rotation if none is
open), or says what else only a person can say.

A value is read from stdin (-), a file (@FILE), an environment variable or a hidden
prompt, never from an argument: arguments stand in the shell's history and in the
list of processes. One newline at the end is cut off. A value of several fields is
given as lines NAME=VALUE or as a JSON object.`,
		Example: `  rotor set stripe -  < new-key            from stdin
  rotor set stripe @/run/new-key           from a file
  rotor set stripe --from-env NEW_KEY      from the environment
  rotor set stripe                         hidden prompt
  rotor set database --approve             say yes to a rotation that asks
  rotor set stripe --retire 3              generation 3 is revoked; end it`,
		ValidArgsFunction: s.completeNames,
		Args:              f.check,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && args[1] != "-" {
				f.file = args[1]
			}
			return s.set(cmd.Context(), args, f)
		},
	}
	cmd.Flags().StringVar(&f.file, "file", "", "read the value from `FILE` (also as @FILE)")
	cmd.Flags().StringVar(&f.env, "from-env", "", "read the value from the environment variable `NAME`")
	cmd.Flags().BoolVar(&f.approve, "approve", false, "say yes to what waits for approval")
	cmd.Flags().BoolVar(&f.refuse, "refuse", false, "say no to it; the rotation is turned back")
	cmd.Flags().IntVar(&f.retire, "retire", -1, "end `GENERATION` now: nobody uses it, or it was revoked by hand")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "sit through every wait, however long")
	cmd.Flags().BoolVar(&f.detach, "detach", false, "exit 0, not 5, when somebody else has to continue")
	return cmd
}

// check refuses a value as an argument, without repeating it.
func (f *setFlags) check(_ *cobra.Command, args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return usage("rotor set: name one credential").WithHint("rotor set --help")
	}
	if len(args) == 2 && args[1] != "-" && !strings.HasPrefix(args[1], "@") {
		return usage("rotor set: a value is not taken from an argument: it would stand in the shell's history and in the list of processes").
			WithHint("pipe it in: rotor set %s - ; or @FILE, --from-env NAME, or the hidden prompt: rotor set %s", args[0], args[0])
	}
	given := 0
	for _, on := range []bool{len(args) == 2, f.file != "", f.env != "", f.approve, f.refuse, f.retire >= 0} {
		if on {
			given++
		}
	}
	if given > 1 {
		return usage("rotor set: more than one thing is said at once").WithHint("rotor set --help")
	}
	return nil
}

func (s *shell) set(ctx context.Context, args []string, f setFlags) error {
	return s.withOne(ctx, args[0], func(w *worker, one app.Standing) (app.Report, error) {
		w.run.Wait, w.detach = f.wait, f.detach
		switch {
		case f.retire >= 0:
			return w.retire(ctx, one, f.retire)
		case f.approve:
			return w.decide(ctx, one, rotation.OrderApprove)
		case f.refuse:
			w.ordered = true
			return w.decide(ctx, one, rotation.OrderRefuse)
		}
		return w.supply(ctx, one, args, f)
	})
}

func (w *worker) retire(ctx context.Context, one app.Standing, generation int) (app.Report, error) {
	for _, r := range one.Known.OpenOf(rotation.KindRetirement) {
		if r.Generation == generation {
			return w.supplied(ctx, r, rotation.OrderRetire, nil)
		}
	}
	return app.Report{}, notOpen(one.Name, "retirement of generation "+number(generation))
}

func (w *worker) decide(ctx context.Context, one app.Standing, order rotation.Order) (app.Report, error) {
	open := one.Known.OpenOf(rotation.KindRotation)
	if len(open) == 0 {
		return app.Report{}, notOpen(one.Name, "rotation")
	}
	return w.supplied(ctx, open[0], order, nil)
}

// supply reads the value and hands it to the rotation that waits for it. The
// value is read before a rotation is begun: nothing begins for a broken pipe.
func (w *worker) supply(ctx context.Context, one app.Standing, args []string, f setFlags) (app.Report, error) {
	cred, err := w.app.Credential(one.Name)
	if err != nil {
		return app.Report{}, err
	}
	if cred.Provider.Traits().Minter != rotation.ByPerson {
		return app.Report{}, usage("the values of %s are not supplied by a person", one.Name).
			WithHint("Rotor makes them: rotor rotate %s", one.Name)
	}
	value, err := w.readValue(ctx, one.Name, args, f)
	if err != nil {
		return app.Report{}, err
	}
	open := one.Known.OpenOf(rotation.KindRotation)
	if len(open) == 0 {
		rep, err := w.run.Start(ctx, app.Request{Credential: one.Name, Mode: rotation.Manual, Actor: w.app.Actor})
		if err != nil || rep.Record.Status != rotation.Asking {
			return rep, err
		}
		open = []rotation.Record{rep.Record}
	}
	return w.supplied(ctx, open[0], rotation.OrderSupply, value)
}

func (w *worker) supplied(ctx context.Context, r rotation.Record, order rotation.Order, value secret.Set) (app.Report, error) {
	if err := w.run.Supply(ctx, r.ID, order, w.app.Actor, value); err != nil {
		return app.Report{Record: r}, err
	}
	return w.run.Run(ctx, r.ID)
}
