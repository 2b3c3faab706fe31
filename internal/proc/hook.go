package proc

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Hook is a program that a user configured. It is examined with CheckProgram
// before each run, for a file may change owner or mode at any time.
type Hook struct {
	argv    []string
	timeout time.Duration
}

// DefaultTimeout is how long a hook may take if nothing else is configured.
const DefaultTimeout = 5 * time.Minute

// NewHook validates the form of argv; what names the option in errors
// ("deploy"). The file itself is looked at by Check, since a configuration may
// be validated on another machine.
func NewHook(what string, argv []string, timeout time.Duration) (*Hook, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, fault.New(fault.BadConfig, "%s: no program given", what).
			WithHint("write a list: %s: [/absolute/path/to/program, argument]", what)
	}
	if !filepath.IsAbs(argv[0]) {
		return nil, fault.New(fault.BadConfig, "%s: program %q is not an absolute path", what, argv[0]).
			WithHint("write the whole path; Rotor does not search PATH for hooks and uses no shell")
	}
	for _, a := range argv {
		if strings.Contains(a, "\x00") {
			return nil, fault.New(fault.BadConfig, "%s: an argument holds a NUL byte", what)
		}
	}
	switch {
	case timeout < 0:
		return nil, fault.New(fault.BadConfig, "%s: timeout %s is negative", what, timeout)
	case timeout == 0:
		timeout = DefaultTimeout
	}
	return &Hook{argv: append([]string(nil), argv...), timeout: timeout}, nil
}

// Check says whether the program may be run.
func (h *Hook) Check() error { return CheckProgram(h.argv[0]) }

// Name is the program's file name, for messages.
func (h *Hook) Name() string { return filepath.Base(h.argv[0]) }

// Run checks and runs the program with env beside the base environment.
func (h *Hook) Run(ctx context.Context, env secret.Set, hide ...secret.Value) (Result, error) {
	if err := h.Check(); err != nil {
		return Result{}, err
	}
	return Run(ctx, Command{Path: h.argv[0], Args: h.argv[1:], Env: env, Hide: hide, Timeout: h.timeout})
}

// Speak checks and runs the program, which reads in and writes its answer, raw, to out:
// both may hold values. Nothing but the exit status is kept.
func (h *Hook) Speak(ctx context.Context, in io.Reader, out io.Writer) (code int, err error) {
	if err := h.Check(); err != nil {
		return 0, err
	}
	res, err := Run(ctx, Command{Path: h.argv[0], Args: h.argv[1:], Stdin: in, Stdout: out, Timeout: h.timeout})
	return res.Code, err
}
