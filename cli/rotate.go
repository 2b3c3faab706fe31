package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

type rotateFlags struct {
	drift, gone            bool
	due, wait, detach, yes bool
	reason                 string
}

func (s *shell) rotateCmd() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate NAME...",
		Short: "Rotate credentials now",
		Long: `Takes each credential from its present value to a new one: makes it, proves it,
publishes it, lets consumers take it, watches, and ends the old one after its grace.

It goes on until all is done or a wait is longer than a minute; then it says who
continues and exits 5. Stopping it at any point loses nothing: rotor resume.`,
		Example: `  rotor rotate api-token                rotate one credential
  rotor rotate vault:app-prod#API_KEY   the credential that is read there
  rotor rotate --due --yes              all that is due, from a timer
  rotor rotate api-token --wait         sit through every wait, the grace period too`,
		ValidArgsFunction: s.completeNames,
		Args: func(_ *cobra.Command, args []string) error {
			if f.due == (len(args) > 0) {
				return usage("rotor rotate: name credentials, or say --due").WithHint("rotor plan shows what is due")
			}
			if f.wait && f.detach {
				return usage("rotor rotate: --wait and --detach exclude each other")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return s.rotate(cmd.Context(), args, f) },
	}
	cmd.Flags().BoolVar(&f.due, "due", false, "rotate every credential that is due")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "sit through every wait, however long")
	cmd.Flags().BoolVar(&f.detach, "detach", false, "exit 0, not 5, when somebody else has to continue")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&f.drift, "accept-drift", false, "a target was changed by hand, and what it holds is right")
	cmd.Flags().BoolVar(&f.gone, "accept-dead", false, "the present value was ended already; there is no way back to it")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the audit")
	return cmd
}

func (s *shell) rotate(ctx context.Context, args []string, f rotateFlags) error {
	show := s.newProgress()
	a, err := s.open(ctx, app.Options{Observe: show.event})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	reqs, err := s.requests(ctx, a, args, f)
	if err != nil || len(reqs) == 0 {
		return err
	}
	for i := range reqs {
		reqs[i].Drift, reqs[i].Gone = f.drift, f.gone
	}
	if s.mayAsk() && !f.yes {
		if ok, err := s.agree(ctx, a, reqs); err != nil || !ok {
			return err
		}
	}
	w := &worker{shell: s, app: a, show: show, run: a.Inline(), detach: f.detach}
	w.run.Wait = f.wait
	return w.each(reqs, func(req app.Request) (app.Report, error) { return w.start(ctx, req) })
}

// requests says what is to be rotated; nothing is an answer too.
func (s *shell) requests(ctx context.Context, a *app.App, args []string, f rotateFlags) ([]app.Request, error) {
	var out []app.Request
	if f.due {
		all, err := a.Standings(ctx)
		if err != nil {
			return nil, err
		}
		for _, one := range app.Due(all) {
			out = append(out, app.Request{Credential: one.Name, Mode: rotation.Scheduled, Actor: a.Actor, Reason: f.reason})
		}
		if len(out) == 0 {
			s.tell("Nothing is due. rotor status shows what comes next.\n")
		}
		return out, nil
	}
	seen := map[string]bool{}
	for i, name := range args {
		c, err := a.Find(name)
		if err != nil && i > 0 && !strings.Contains(fault.HintOf(err), "did you mean") {
			// the runbook's script took the value as its last argument: do not repeat it
			return nil, usage("rotor rotate: argument %d is not a credential, and a value is not taken from an argument: it would stand in the shell's history and in the list of processes", i+1).
				WithHint("rotor status lists the credentials; a value of your own goes in with: rotor set %s -", args[0])
		}
		if err != nil {
			return nil, err
		}
		if !seen[c.Name] {
			seen[c.Name] = true
			out = append(out, app.Request{Credential: c.Name, Mode: rotation.Manual, Actor: a.Actor, Reason: f.reason})
		}
	}
	return out, nil
}

// agree shows the plan and asks.
func (s *shell) agree(ctx context.Context, a *app.App, reqs []app.Request) (bool, error) {
	var plans []app.Plan
	for _, req := range reqs {
		one, err := a.Standing(ctx, req.Credential)
		if err != nil {
			return false, err
		}
		p, err := a.Plan(ctx, one, req.Mode)
		if err != nil {
			return false, err
		}
		plans = append(plans, p)
	}
	s.drawPlan(s.err, s.colored(s.errTTY), plans, a.Now().Wall, -1)
	ok, err := s.confirm(ctx, "Go on?")
	if !ok && err == nil {
		s.tell("Nothing was done.\n")
	}
	return ok, err
}

// worker runs rotations one after the other and tells how they went.
type worker struct {
	*shell
	app    *app.App
	show   *progress
	run    *app.Inline
	detach bool
	// ordered: a person wanted the rotation to end without a new value
	ordered bool
	shown   []rotationItem
	code    int
}

// each runs do for every request. One that fails does not keep the others from
// their turn, but a stopped command does.
func (w *worker) each(reqs []app.Request, do func(app.Request) (app.Report, error)) error {
	var first error
	for _, req := range reqs {
		w.show.begin(req.Credential)
		rep, err := do(req)
		w.show.end()
		if stopped := w.stopped(rep, err); stopped != nil {
			return stopped
		}
		if err != nil {
			if len(reqs) == 1 {
				return err
			}
			w.complain(fault.Wrap(fault.KindOf(err), req.Credential, err))
			w.code = worse(w.code, code(context.Background(), err))
			first = errors.Join(first, err)
			continue
		}
		w.code = worse(w.code, w.verdict(rep))
	}
	if w.output != "table" {
		if err := emit(w.shell, "Rotation", w.shown, nil); err != nil {
			return err
		}
	}
	return exit(w.code)
}

func (w *worker) stopped(rep app.Report, err error) error {
	if !errors.Is(err, context.Canceled) {
		return nil
	}
	if rep.Record.ID != "" {
		w.tell("Nothing is lost; go on with: rotor resume %s\n", rep.Record.Credential)
	}
	return err
}

// start begins a rotation, or goes on with the one that is open.
func (w *worker) start(ctx context.Context, req app.Request) (app.Report, error) {
	rep, err := w.run.Start(ctx, req)
	if errors.Is(err, journal.ErrOpen) {
		known, err := w.app.Journal.Credential(ctx, req.Credential)
		if err != nil {
			return rep, err
		}
		for _, open := range known.OpenOf(rotation.KindRotation) {
			w.tell("A rotation of %s is open since %s: going on with %s.\n", req.Credential, ago(open.Created.Wall, w.app.Now().Wall), open.ID)
			rep, err = w.run.Run(ctx, open.ID)
			return w.attend(ctx, rep, err)
		}
	}
	return w.attend(ctx, rep, err)
}
