// Package exec is the check that runs a program of yours.
//
// What surprises: what the program prints is not kept. A sample is journalled
// and shown, and Rotor cannot know which secrets a program prints.
package exec

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
)

// Options configure a program as a check.
type Options struct {
	// Command is the program with its arguments: an absolute path to a file that
	// nobody but root and Rotor's user can write. There is no shell. Exit status 0
	// says healthy, 1 or 2 not healthy, anything else cannot tell.
	Command []string `yaml:"command" json:"command"`
	// Timeout is how long it may run; longer is cannot tell.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=1m"`
}

// T is one program.
type T struct{ hook *proc.Hook }

var _ check.Check = (*T)(nil)

// New checks the options; the program itself is looked at when it is run.
func New(o Options) (*T, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	hook, err := proc.NewHook("command", o.Command, o.Timeout)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "exec check", err)
	}
	return &T{hook}, nil
}

// Measure implements check.Check; the window does not matter. Value is 1 for
// healthy and 0 for not healthy.
func (t *T) Measure(ctx context.Context, _ check.Window) (check.Sample, error) {
	res, err := t.hook.Run(ctx, nil)
	if err != nil {
		return check.Sample{}, fault.Wrap(fault.KindOf(err), "exec check", err)
	}
	s := check.Sample{Known: true, Detail: fmt.Sprintf("%s: exit status %d", t.hook.Name(), res.Code)}
	switch res.Code {
	case 0:
		s.Value = 1
	case 1, 2:
	default:
		s.Known = false
	}
	return s, nil
}

// Judge implements check.Check. What was not well before the change either cannot
// tell whether the change did harm.
func (t *T) Judge(base, now check.Sample) check.Result {
	switch {
	case !now.Known || now.Value != 0 && now.Value != 1:
		reason := "the program cannot tell"
		if now.Detail != "" {
			reason = now.Detail
		}
		return check.Result{Verdict: check.Unknown, Reason: reason}
	case now.Value == 1:
		return check.Result{Verdict: check.Pass, Reason: now.Detail}
	case base.Known && base.Value == 0:
		return check.Result{Verdict: check.Unknown, Reason: now.Detail + "; it was not well before the change either"}
	}
	return check.Result{Verdict: check.Fail, Reason: now.Detail}
}

// Type describes this check to the registry.
func Type() check.Type {
	return check.Type{
		Name:       "exec",
		Summary:    "A program of yours that says by its exit status whether all is well",
		Doc:        doc,
		Evidence:   check.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Commands:   func(opts any) map[string][]string { return map[string][]string{"command": opts.(*Options).Command} },
		New:        func(opts any, _ check.Context) (check.Check, error) { return New(*opts.(*Options)) },
	}
}

const doc = `
Exit status 0 is *pass*, 1 and 2 are *fail* (Nagios plugins fit), anything else, a time-out and a program
that cannot be run are *unknown*. The program gets PATH, HOME, LANG, DOCKER_* and COMPOSE_* of Rotor's
environment and no secret. What it prints is not kept. It must change nothing.
`
