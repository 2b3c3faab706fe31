// Package proc runs child programs: hooks, commands of checks, docker. No shell,
// a clean environment, bounded and scrubbed output, the whole process group
// ended when time is up.
//
// What surprises: an exit status other than zero is not an error here but a
// Result, because its meaning belongs to the caller. An error means that the
// program did not start (nothing happened) or that its end was not seen (it may
// have happened); the fault.Kind says which.
//
// A child outlives a killed Rotor on purpose: a half-done `docker compose up`
// that is killed as well leaves a service down, one that goes on leaves it up.
package proc

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Command is one run of a program. Args must never hold a value: every user of
// the machine can read them. Values travel in Env.
type Command struct {
	Path    string         // absolute
	Args    []string       // without the program's name
	Dir     string         // working directory; "" = ours
	Env     secret.Set     // handed to the child beside the base environment
	Hide    []secret.Value // scrubbed from captured output, as Env's secrets are
	Timeout time.Duration  // 0 = only the context's deadline
	// Stdin is what the program reads; nil: nothing. It may hold values.
	Stdin io.Reader
	// Stdout receives the raw, unbounded and unscrubbed standard output instead
	// of Result.Stdout; for JSON that is parsed and dropped, never for logs.
	Stdout io.Writer
}

// Result is what a program that ended by itself left behind: the exit status
// and the last 64 KiB of each stream without known values.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Limit is how much of each captured stream is kept: the end of it.
const Limit = 64 << 10

// killAfter is how long a process group may take to end after SIGTERM.
var killAfter = 5 * time.Second

// Run starts the program and waits for its end. It blocks until then, until the
// context ends or Timeout has passed. Errors: fault.BadConfig, the program could
// not be started; fault.Unknown, it was ended by us or by a signal.
func Run(ctx context.Context, c Command) (Result, error) {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	scrub := c.scrubber()
	stdout, stderr := newTail(c.slack()), newTail(c.slack())
	ch, err := c.build(ctx)
	if err != nil {
		return Result{}, err
	}
	ch.cmd.Stdin, ch.cmd.Stdout, ch.cmd.Stderr = c.Stdin, stdout, stderr
	if c.Stdout != nil {
		ch.cmd.Stdout = c.Stdout
	}
	if err := ch.cmd.Start(); err != nil {
		return Result{}, c.startError(ctx, err)
	}
	code, err := ch.wait(ctx, filepath.Base(c.Path))
	return Result{Code: code, Stdout: stdout.text(scrub), Stderr: stderr.text(scrub)}, err
}

// child is a program in its own process group.
type child struct {
	cmd   *exec.Cmd
	ended atomic.Bool // by us, because the context ended
	kill  *time.Timer
}

// build makes the child: SIGTERM to the whole group when ctx ends, SIGKILL a
// little later.
func (c Command) build(ctx context.Context) (*child, error) {
	if !filepath.IsAbs(c.Path) {
		return nil, fault.New(fault.BadConfig, "run %s: not an absolute path", filepath.Base(c.Path))
	}
	env, err := environment(c.Env)
	if err != nil {
		return nil, err
	}
	ch := &child{cmd: exec.CommandContext(ctx, c.Path, c.Args...)}
	ch.cmd.Dir, ch.cmd.Env = c.Dir, env
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ch.cmd.Cancel = func() error {
		pid := ch.cmd.Process.Pid
		ch.kill = time.AfterFunc(killAfter, func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
		ch.ended.Store(true)
		return syscall.Kill(-pid, syscall.SIGTERM)
	}
	// a grandchild may keep our pipes open after the child's end; it may live on
	// (a hook that starts a server), but we do not wait for it
	ch.cmd.WaitDelay = killAfter + time.Second
	return ch, nil
}

// wait returns the exit status. The error is nil for every end of the program's
// own making; one that was told to end does not count as done even if its status
// is 0.
func (ch *child) wait(ctx context.Context, name string) (int, error) {
	err := ch.cmd.Wait()
	code := ch.cmd.ProcessState.ExitCode()
	if ch.ended.Load() {
		ch.kill.Stop()
		_ = syscall.Kill(-ch.cmd.Process.Pid, syscall.SIGKILL) // what is left of the group
		return code, fault.Wrap(fault.Unknown, "run "+name+": ended before it was done", context.Cause(ctx))
	}
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay), errors.As(err, &exit) && code >= 0:
		return code, nil
	case errors.As(err, &exit):
		return code, fault.New(fault.Unknown, "run %s: ended by a signal", name)
	}
	return code, fault.New(fault.Unknown, "run %s: its output could not be read", name)
}

func (c Command) scrubber() *secret.Scrubber {
	return secret.NewScrubber(append(c.Env.Secrets(), c.Hide...)...)
}

// slack is the length of the longest form in which a known value can appear.
func (c Command) slack() int {
	longest := 0
	for _, v := range append(c.Env.Secrets(), c.Hide...) {
		longest = max(longest, 6*v.Len()) // JSON's \u00XX is the longest form
	}
	return longest
}

// startError: the program never ran.
func (c Command) startError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.Wrap(fault.Transient, "run "+filepath.Base(c.Path), context.Cause(ctx))
	}
	kind := fault.BadConfig
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) {
		kind = fault.Transient
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno // without the path a second time
	}
	return fault.Wrap(kind, "run "+filepath.Base(c.Path), err)
}
