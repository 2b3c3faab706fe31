package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/rotation"
)

func (s *shell) serveCmd() *cobra.Command {
	var once bool
	var workers int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Keep everything rotated, until stopped",
		Long: `Starts rotations when the policy wants them, ends old values after their grace, and
goes on with whatever waits. SIGHUP reads rotor.yaml again. Stopping finishes what
is under way at that moment and loses nothing.

With --once it does all that is due and returns, for a timer or cron.`,
		Example: `  rotor serve           in the foreground, or as a service
  rotor serve --once    from cron`,
		Args: names(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if once {
				return s.serveOnce(cmd.Context(), workers)
			}
			return s.serve(cmd.Context(), workers)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "do all that is due, then return")
	cmd.Flags().IntVar(&workers, "workers", 4, "how many credentials at once")
	return cmd
}

// stopLimit is how long serve waits for the effects under way when it is told to
// stop; systemd's own patience is 90 s.
const stopLimit = 80 * time.Second

func (s *shell) logger() *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(getenv("ROTOR_LOG_LEVEL", "info")))
	o := &slog.HandlerOptions{Level: level}
	format := getenv("ROTOR_LOG_FORMAT", map[bool]string{true: "text", false: "json"}[s.errTTY])
	if format == "text" {
		return slog.New(slog.NewTextHandler(s.err, o))
	}
	return slog.New(slog.NewJSONHandler(s.err, o))
}

// logEvent writes a durable event as one line of the log.
func logEvent(log *slog.Logger) func(rotation.Record, rotation.Event) {
	return func(r rotation.Record, e rotation.Event) {
		level := slog.LevelInfo
		if e.Type == rotation.Intent {
			level = slog.LevelDebug
		} else if e.Type == rotation.Result && e.Outcome != rotation.OK {
			level = slog.LevelWarn
		} else if e.Status == rotation.Stuck {
			level = slog.LevelError
		}
		args := []any{"rotation", r.ID, "credential", r.Credential, "step", e.Action.String()}
		for _, a := range [][2]string{{"part", e.Part}, {"outcome", string(e.Outcome)}, {"fault", e.Fault}, {"status", string(e.Status)}, {"note", e.Note}} {
			if a[1] != "" {
				args = append(args, a[0], a[1])
			}
		}
		if e.Attempt > 0 {
			args = append(args, "attempt", e.Attempt)
		}
		log.Log(context.Background(), level, string(e.Type), args...)
	}
}

func (s *shell) serve(ctx context.Context, workers int) error {
	log := s.logger()
	a, err := s.open(ctx, app.Options{Observe: logEvent(log)})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	loop := a.Serving(workers, log, true)
	loop.Start(ctx)
	log.Info("serving", "config", a.Config().File, "state", a.StateDir, "credentials", len(a.Config().Credentials))
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // not under systemd: nothing to tell
	s.untilStopped(ctx, a, loop, log)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	log.Info("stopping")
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	if err := loop.Stop(late); err != nil {
		log.Error("stopped in the middle of an effect; rotor serve finds out at its next start what became of it")
		return exitCode(exitFailed)
	}
	return nil
}

// untilStopped reads rotor.yaml again at each SIGHUP. One with a mistake, or
// that nobody trusts yet, changes nothing.
func (s *shell) untilStopped(ctx context.Context, a *app.App, loop *app.Loop, log *slog.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			if err := a.Reload(); err != nil {
				log.Error("rotor.yaml was read again and not taken", "error", err)
				continue
			}
			log.Info("rotor.yaml was read again", "config", a.Config().File)
			loop.Kick()
		}
	}
}

func (s *shell) serveOnce(ctx context.Context, workers int) error {
	show := s.newProgress()
	if show.mode == "tty" {
		show.mode = "plain" // several credentials at once have no one bar
	}
	a, err := s.open(ctx, app.Options{Observe: show.event})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := s.ensureTrust(ctx, a); err != nil {
		return err
	}
	loop := a.Serving(workers, slog.New(slog.DiscardHandler), false)
	outcomes, err := loop.Once(ctx)
	w := &worker{shell: s, app: a, detach: true}
	result := 0
	for _, o := range outcomes {
		if o.Err != nil && !errors.Is(o.Err, context.Canceled) {
			s.complain(o.Err)
			result = worse(result, code(context.Background(), o.Err))
			continue
		}
		if o.Report.Record.ID != "" {
			result = worse(result, w.verdict(o.Report))
		}
		for _, x := range o.Report.Open {
			if x.Status.Over() || x.Status == rotation.Waiting {
				continue
			}
			result = worse(result, w.pending(x, w.recordItem(x)))
		}
	}
	if err != nil {
		return err
	}
	if len(outcomes) == 0 {
		s.tell("Nothing was due.\n")
	}
	if result == exitWaiting {
		result = exitDone // what waits is for the next call
	}
	return exit(result)
}
