package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
)

// The exit codes of every command.
const (
	exitDone     = 0
	exitFailed   = 1
	exitFindings = 2
	exitUsage    = 3
	exitDenied   = 4
	exitWaiting  = 5
	exitHeld     = 6
	exitPerson   = 7
)

const exitCodesText = `  0    done, or nothing to do
  1    failed; nothing changed, or everything is as it was before
  2    only with --detailed-exitcode: work or findings present
  3    bad usage, an invalid or untrusted rotor.yaml
  4    permission refused
  5    waiting: for an approval, a value, or the end of a grace period
  6    another process is working on this credential
  7    needs a person: a rollback is incomplete, or an old value would not die
  130  interrupted (143: terminated); nothing is lost, go on with: rotor resume`

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: "Exit codes of every command:\n\n" + exitCodesText}
}

// exitCode ends a command whose words have been said.
type exitCode int

func (e exitCode) Error() string { return "" }

// worse is the code that more needs to be told of two.
func worse(a, b int) int {
	for _, c := range []int{exitPerson, exitHeld, exitDenied, exitUsage, exitFailed, exitWaiting} {
		if a == c || b == c {
			return c
		}
	}
	return max(a, b)
}

// code is the one place where an error becomes an exit code.
func code(ctx context.Context, err error) int {
	var silent exitCode
	var held *app.HeldError
	var sig signalError
	switch {
	case err == nil:
		return exitDone
	case errors.As(context.Cause(ctx), &sig):
		return 128 + int(sig.signal)
	case errors.Is(err, context.Canceled):
		return 128 + int(syscall.SIGINT)
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &held):
		return exitHeld
	}
	switch fault.KindOf(err) {
	case fault.BadConfig:
		return exitUsage
	case fault.Denied:
		return exitDenied
	case fault.NeedsPerson:
		return exitPerson
	}
	return exitFailed
}

func exit(code int) error {
	if code == exitDone {
		return nil
	}
	return exitCode(code)
}

// signalError is why a context ended.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return e.signal.String() }

// Signals gives a context that the first SIGINT or SIGTERM ends; what is under
// way then finishes. The second one kills the process, which loses nothing
// either.
func Signals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case got := <-ch:
			signal.Stop(ch)
			n, _ := got.(syscall.Signal)
			cancel(signalError{n})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
	}
}
