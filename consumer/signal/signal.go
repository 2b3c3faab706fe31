// Package signal is the consumer of a process that reads its secret again on a
// signal: the process whose id stands in a pid file.
//
// What surprises: it looks before it signals. The pid file must be one that
// nobody but its process' owner could write, the process must be the program
// that is expected, and it must catch the signal: an uncaught SIGHUP ends it, and
// a pid that was given to another program since then would hit that one.
package signal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/pidfile"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

// Options configure a process.
type Options struct {
	// PIDFile is the file with the process' id.
	PIDFile string `yaml:"pid-file" json:"pid-file"`
	// Signal is what makes the process read its secret again: HUP, USR1, USR2,
	// WINCH or CONT.
	Signal string `yaml:"signal,omitempty" json:"signal,omitempty" jsonschema:"default=HUP"`
	// ExpectExe is the program that the process must be running, as an absolute
	// path: /usr/sbin/nginx. To look at another user's process Rotor must be root.
	ExpectExe string `yaml:"expect-exe,omitempty" json:"expect-exe,omitempty"`
	// Wait is how long the process must stay alive after the signal.
	Wait time.Duration `yaml:"wait,omitempty" json:"wait,omitempty" jsonschema:"default=1s"`
	// Confirm is a program, with arguments, that says whether the process runs
	// with the new value: exit status 0 yes, 1 not yet, anything else cannot tell.
	// It must change nothing. Without it nothing can be told.
	Confirm []string `yaml:"confirm,omitempty" json:"confirm,omitempty"`
	// Timeout is how long confirm may run.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=5m"`
}

// unit is the only part of this consumer.
const unit = "default"

// T signals one process.
type T struct {
	o       Options
	target  pidfile.Target
	confirm *proc.Hook // may be nil
}

var (
	_ consumer.Consumer    = (*T)(nil)
	_ consumer.Preflighter = (*T)(nil)
)

func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "signal: "+what, args...).WithHint("%s", hint)
}

// failed puts words before what pidfile says.
func failed(err error) error { return fault.Wrap(fault.KindOf(err), "signal", err) }

// New checks the options. dir is the folder that a relative pid-file counts from.
func New(o Options, dir string) (*T, error) {
	if o.PIDFile == "" || strings.ContainsRune(o.PIDFile, 0) {
		return nil, bad("pid-file is missing", "pid-file: /run/nginx.pid")
	}
	if !filepath.IsAbs(o.PIDFile) {
		o.PIDFile = filepath.Join(dir, o.PIDFile)
	}
	if o.Signal == "" {
		o.Signal = "HUP"
	}
	number, ok := pidfile.Signals[strings.TrimPrefix(o.Signal, "SIG")]
	if !ok {
		return nil, bad("signal %q cannot be used", "HUP, USR1, USR2, WINCH or CONT", o.Signal)
	}
	if o.ExpectExe != "" && !filepath.IsAbs(o.ExpectExe) {
		return nil, bad("expect-exe %q is not an absolute path", "write the whole path: /usr/sbin/nginx", o.ExpectExe)
	}
	if o.Wait < 0 || o.Timeout < 0 {
		return nil, bad("a negative time", "wait and timeout are not below zero")
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	t := &T{o: o, target: pidfile.Target{Path: o.PIDFile, Exe: o.ExpectExe, Signal: number}}
	if len(o.Confirm) > 0 {
		var err error
		if t.confirm, err = proc.NewHook("confirm", o.Confirm, o.Timeout); err != nil {
			return nil, fault.Wrap(fault.BadConfig, "signal", err)
		}
	}
	return t, nil
}

// Units implements consumer.Consumer.
func (t *T) Units(context.Context) ([]string, error) { return []string{unit}, nil }

// Preflight implements consumer.Preflighter.
func (t *T) Preflight(context.Context) error {
	p, err := t.target.Find()
	if err != nil {
		return failed(err)
	}
	_ = p.Release()
	if t.confirm != nil {
		if err := t.confirm.Check(); err != nil {
			return fault.Wrap(fault.KindOf(err), "signal: confirm", err)
		}
	}
	return nil
}

// Deploy implements consumer.Consumer. To signal twice is harmless.
func (t *T) Deploy(ctx context.Context, name string, _ consumer.Change) error {
	if name != unit {
		return bad("no unit %.80q", "the only unit is "+unit, name)
	}
	if ctx.Err() != nil {
		return fault.Wrap(fault.Transient, "signal", context.Cause(ctx))
	}
	p, err := t.target.Find()
	if err != nil {
		return failed(err)
	}
	defer func() { _ = p.Release() }()
	if err := t.target.SendTo(p); err != nil {
		return failed(err)
	}
	return t.survives(ctx, p)
}

// survives watches the process for a while: a value that it cannot take may end
// it.
func (t *T) survives(ctx context.Context, p *os.Process) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(t.o.Wait)
	for {
		if p.Signal(syscall.Signal(0)) != nil || pidfile.Zombie(p.Pid) {
			return fault.New(fault.Rejected, "signal: process %d ended after SIG%s", p.Pid, strings.TrimPrefix(t.o.Signal, "SIG")).
				WithHint("see the program's log; start it again")
		}
		if time.Now().After(deadline) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Unknown, "signal: sent, not watched to the end", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// Confirm implements consumer.Consumer.
func (t *T) Confirm(ctx context.Context, name string, c consumer.Change) (consumer.Proof, error) {
	if name != unit {
		return consumer.CannotTell, bad("no unit %.80q", "the only unit is "+unit, name)
	}
	if t.confirm == nil {
		return consumer.CannotTell, nil
	}
	env := secret.Set{
		"ROTOR_UNIT": secret.Public(unit), "ROTOR_CREDENTIAL": secret.Public(c.Credential),
		"ROTOR_GENERATION": secret.Public(strconv.Itoa(c.Generation)), "ROTOR_FINGERPRINT": secret.Public(c.Fingerprint),
	}
	res, err := t.confirm.Run(ctx, env, slices.Concat(c.Values.Secrets(), c.Old.Secrets())...)
	if err != nil {
		return consumer.CannotTell, fault.Wrap(fault.KindOf(err), "signal: confirm", err)
	}
	switch res.Code {
	case 0:
		return consumer.Proven, nil
	case 1:
		return consumer.NotYet, nil
	}
	return consumer.CannotTell, nil
}

// Type describes this consumer to the registry.
func Type() consumer.Type {
	return consumer.Type{
		Name:       "signal",
		Summary:    "A process, found by its pid file, that reads its secret again on a signal",
		Doc:        doc,
		Evidence:   consumer.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Commands: func(opts any) map[string][]string {
			if o := opts.(*Options); len(o.Confirm) > 0 {
				return map[string][]string{"confirm": o.Confirm}
			}
			return nil
		},
		New: func(opts any, c consumer.Context) (consumer.Consumer, error) { return New(*opts.(*Options), c.Dir) },
	}
}

var doc = fmt.Sprintf(`
Reads the process id from %[1]spid-file%[1]s, makes sure that it is alive, runs %[1]sexpect-exe%[1]s and catches the
signal, signals it, and watches that it stays alive for %[1]swait%[1]s. Processes are never looked for by name.

Refused: a pid file that others could write (its owner must be root, Rotor's user or the process' user), and
a process that does not catch the signal (it would end) or ignores it (nothing would happen).

**Confirm** cannot tell by itself. A %[1]sconfirm%[1]s program is called as that of the exec consumer.
Linux only.
`, "`")
