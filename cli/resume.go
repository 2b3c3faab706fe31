package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
)

func (s *shell) resumeCmd() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "resume [NAME...]",
		Short: "Go on with what was interrupted, or with what needed a person",
		Long: `Goes on with the open rotations and retirements of these credentials, or of all.
What had stopped for a person is tried again.`,
		Example: `  rotor resume             everything that is open
  rotor resume database    one credential`,
		ValidArgsFunction: s.completeNames,
		RunE:              func(cmd *cobra.Command, args []string) error { return s.resume(cmd.Context(), args, f) },
	}
	cmd.Flags().BoolVar(&f.wait, "wait", false, "sit through every wait, however long")
	cmd.Flags().BoolVar(&f.detach, "detach", false, "exit 0, not 5, when somebody else has to continue")
	return cmd
}

func (s *shell) resume(ctx context.Context, args []string, f rotateFlags) error {
	show := s.newProgress()
	a, err := s.open(ctx, app.Options{Observe: show.event})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	reqs, err := s.openOnes(ctx, a, args)
	if err != nil {
		return err
	}
	if len(reqs) == 0 {
		s.tell("Nothing is open.\n")
		return nil
	}
	w := &worker{shell: s, app: a, show: show, run: a.Inline(), detach: f.detach}
	w.run.Wait = f.wait
	return w.each(reqs, func(req app.Request) (app.Report, error) { return w.goOn(ctx, req.Credential) })
}

func (s *shell) openOnes(ctx context.Context, a *app.App, args []string) ([]app.Request, error) {
	all, err := a.Journal.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	open, seen := map[string]bool{}, map[string]bool{}
	var out []app.Request
	for _, r := range all {
		if len(args) == 0 && !open[r.Credential] {
			out = append(out, app.Request{Credential: r.Credential})
		}
		open[r.Credential] = true
	}
	for _, name := range args {
		one, err := s.find(ctx, a, name)
		if err != nil {
			return nil, err
		}
		if !open[one.Name] {
			s.tell("Nothing of %s is open.\n", one.Name)
		} else if !seen[one.Name] {
			out = append(out, app.Request{Credential: one.Name})
		}
		seen[one.Name] = true
	}
	return out, nil
}

// goOn tells what needed a person to try again, and runs the credential's open
// records, its rotation first.
func (w *worker) goOn(ctx context.Context, name string) (app.Report, error) {
	known, err := w.app.Journal.Credential(ctx, name)
	if err != nil {
		return app.Report{}, err
	}
	for _, r := range known.Open {
		if r.Status == rotation.Stuck || w.worthALook(r) {
			if err := w.run.Supply(ctx, r.ID, rotation.OrderRetry, w.app.Actor, nil); err != nil {
				return app.Report{Record: r}, err
			}
		}
	}
	records := append(known.OpenOf(rotation.KindRotation), known.OpenOf(rotation.KindRetirement)...)
	if len(records) == 0 {
		return app.Report{}, notOpen(name, "rotation")
	}
	rep, err := w.run.Run(ctx, records[0].ID)
	return w.attend(ctx, rep, err)
}

// worthALook says whether an old value is only held because somebody uses it, or nobody
// can tell, or because a person must end it and may have done so.
func (w *worker) worthALook(r rotation.Record) bool {
	held := r.Kind == rotation.KindRetirement && (r.Status == rotation.Waiting || r.Status == rotation.Asking)
	step := w.recordItem(r).Step
	return held && (strings.HasPrefix(step, string(rotation.Evidence)) || strings.HasPrefix(step, string(rotation.Revoke)))
}
