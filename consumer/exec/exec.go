// Package exec is the consumer of programs of yours: one that deploys, and one
// that says whether the deployment is done.
//
// What surprises: values are handed over in the environment and only those that
// are named under env-keys; most programs need none, because they make something
// read the store again.
package exec

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

// Options configure the programs.
type Options struct {
	// Deploy is the program, with arguments, that makes a unit take the new value
	// and returns when the unit is healthy. An absolute path to a file that nobody
	// but root and Rotor's user can write; there is no shell. It may be called
	// again for a unit that was deployed.
	Deploy []string `yaml:"deploy" json:"deploy"`
	// Confirm is the program, with arguments, that says whether a unit runs with
	// the new value: exit status 0 yes, 1 not yet, anything else cannot tell. It
	// must change nothing. Without it nothing can be told.
	Confirm []string `yaml:"confirm,omitempty" json:"confirm,omitempty"`
	// Units are the parts, in the order of deployment; the first is the canary.
	Units []string `yaml:"units,omitempty" json:"units,omitempty" jsonschema:"default=default"`
	// EnvKeys are the target keys whose new texts the programs get as environment
	// variables of the same name.
	EnvKeys []string `yaml:"env-keys,omitempty" json:"env-keys,omitempty"`
	// Timeout is how long each program may run.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=5m"`
}

// T runs the programs.
type T struct {
	deploy, confirm *proc.Hook // confirm may be nil
	units, keys     []string
}

var (
	_ consumer.Consumer    = (*T)(nil)
	_ consumer.Preflighter = (*T)(nil)
)

var unitName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$`)

func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "exec: "+what, args...).WithHint("%s", hint)
}

// New checks the options; the programs are looked at by Preflight and before each
// run.
func New(o Options) (*T, error) {
	t := &T{units: slices.Clone(o.Units), keys: slices.Clone(o.EnvKeys)}
	var err error
	if t.deploy, err = proc.NewHook("deploy", o.Deploy, o.Timeout); err != nil {
		return nil, fault.Wrap(fault.BadConfig, "exec", err)
	}
	if len(o.Confirm) > 0 {
		if t.confirm, err = proc.NewHook("confirm", o.Confirm, o.Timeout); err != nil {
			return nil, fault.Wrap(fault.BadConfig, "exec", err)
		}
	}
	if len(t.units) == 0 {
		t.units = []string{"default"}
	}
	for i, u := range t.units {
		if !unitName.MatchString(u) || slices.Contains(t.units[:i], u) {
			return nil, bad("unit %q cannot be used", "units are names without spaces, each once", u)
		}
	}
	for _, k := range t.keys {
		if !proc.MayName(k) || strings.HasPrefix(k, "ROTOR_") {
			return nil, bad("env-keys: %q cannot be a variable of the programs", "names of letters, digits and _ that do not steer the program itself (PATH, LD_...) and do not begin with ROTOR_", k)
		}
	}
	return t, nil
}

// Units implements consumer.Consumer.
func (t *T) Units(context.Context) ([]string, error) { return slices.Clone(t.units), nil }

// Preflight implements consumer.Preflighter: it looks at the programs and runs
// none.
func (t *T) Preflight(context.Context) error {
	if err := t.deploy.Check(); err != nil {
		return fault.Wrap(fault.KindOf(err), "exec: deploy", err)
	}
	if t.confirm != nil {
		if err := t.confirm.Check(); err != nil {
			return fault.Wrap(fault.KindOf(err), "exec: confirm", err)
		}
	}
	return nil
}

// environment is what the programs are told.
func (t *T) environment(unit string, c consumer.Change) secret.Set {
	env := secret.Set{
		"ROTOR_UNIT": secret.Public(unit), "ROTOR_CREDENTIAL": secret.Public(c.Credential),
		"ROTOR_GENERATION": secret.Public(strconv.Itoa(c.Generation)), "ROTOR_FINGERPRINT": secret.Public(c.Fingerprint),
	}
	for _, k := range t.keys {
		if v, ok := c.Values[k]; ok {
			env[k] = v
		}
	}
	return env
}

func (t *T) known(unit string) error {
	if slices.Contains(t.units, unit) {
		return nil
	}
	return bad("no unit %.80q", "units: lists "+strings.Join(t.units, ", ")+"; was it changed since the rotation began?", unit)
}

// Exit statuses of sysexits.h with which a program promises that it changed
// nothing.
const (
	exTempFail = 75
	exNoPerm   = 77
	exConfig   = 78
)

// Deploy implements consumer.Consumer. Exit status 0 is done; 75, 77 and 78 are
// transient, denied and bad-config, nothing changed; any other status means that
// the unit does not come up with this value. A program that was ended, by time
// or signal, leaves an unknown outcome.
func (t *T) Deploy(ctx context.Context, unit string, c consumer.Change) error {
	if err := t.known(unit); err != nil {
		return err
	}
	op := fmt.Sprintf("exec: deploy %s", unit)
	res, err := t.deploy.Run(ctx, t.environment(unit, c), hidden(c)...)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), op, err)
	}
	kind := fault.Rejected
	switch res.Code {
	case 0:
		return nil
	case exTempFail:
		kind = fault.Transient
	case exNoPerm:
		kind = fault.Denied
	case exConfig:
		kind = fault.BadConfig
	}
	return fault.New(kind, "%s: %s: exit status %d", op, t.deploy.Name(), res.Code).WithHint("%s", lastWords(res.Stderr))
}

// Confirm implements consumer.Consumer.
func (t *T) Confirm(ctx context.Context, unit string, c consumer.Change) (consumer.Proof, error) {
	if err := t.known(unit); err != nil {
		return consumer.CannotTell, err
	}
	if t.confirm == nil {
		return consumer.CannotTell, nil
	}
	res, err := t.confirm.Run(ctx, t.environment(unit, c), hidden(c)...)
	if err != nil {
		return consumer.CannotTell, fault.Wrap(fault.KindOf(err), fmt.Sprintf("exec: confirm %s", unit), err)
	}
	switch res.Code {
	case 0:
		return consumer.Proven, nil
	case 1:
		return consumer.NotYet, nil
	}
	return consumer.CannotTell, nil
}

// hidden is what must not come back in a program's output: it may have read the
// store itself.
func hidden(c consumer.Change) []secret.Value {
	return append(c.Values.Secrets(), c.Old.Secrets()...)
}

// lastWords is the end of what the program said, known values scrubbed, as a
// hint: at three in the morning "exit status 1" is not enough.
func lastWords(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, lines[len(lines)-1]))
	if last == "" {
		return "the program said nothing on its standard error"
	}
	if len(last) > 300 {
		last = strings.ToValidUTF8(last[:300], "") + " ..."
	}
	return "the program said: " + last
}

// Type describes this consumer to the registry.
func Type() consumer.Type {
	return consumer.Type{
		Name:       "exec",
		Summary:    "Programs of yours that deploy and confirm",
		Doc:        doc,
		Evidence:   consumer.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Commands: func(opts any) map[string][]string {
			o := opts.(*Options)
			out := map[string][]string{"deploy": o.Deploy}
			if len(o.Confirm) > 0 {
				out["confirm"] = o.Confirm
			}
			return out
		},
		New: func(opts any, _ consumer.Context) (consumer.Consumer, error) { return New(*opts.(*Options)) },
	}
}

const doc = `
The programs get PATH, HOME, LANG, DOCKER_* and COMPOSE_* of Rotor's environment, and ROTOR_UNIT,
ROTOR_CREDENTIAL, ROTOR_GENERATION and ROTOR_FINGERPRINT; no value but those named under ` + "`env-keys`" + `.

| program | exit status | meaning |
|---|---|---|
| deploy | 0 | done, the unit is healthy |
| | 75 | try again later, nothing changed |
| | 77, 78 | no right, wrong configuration: nothing changed |
| | other | the unit does not come up with this value: rolled back |
| confirm | 0 | the unit runs with the new value |
| | 1 | not yet |
| | other | cannot tell |

Deploy may be called again for a unit that was deployed, after a crash, and with the old value to roll back.
A program that takes longer than ` + "`timeout`" + ` is ended with all that it started, and its outcome is unknown.
The last line of deploy's standard error is shown as a hint, without the values that Rotor knows.
`
