// Package exec is the provider of programs of yours: rotor-provider-NAME, which reads
// one request as JSON on standard input and writes one answer as JSON on standard
// output, and sits the same exam as every other provider.
//
// What surprises: the program is trusted with values and with nothing else. What it says
// in words is scrubbed, what it prints elsewhere is thrown away, and an answer that is
// not exactly one of those agreed means that nobody knows what happened.
package exec

import (
	"context"
	"maps"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

const name = "exec"

// Provider runs one program.
type Provider struct {
	opts    Options
	name    string
	hook    *proc.Hook
	secrets map[string]secret.Source
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Selective     = (*Provider)(nil)
	_ provider.Maker         = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Finder        = (*Provider)(nil)
	_ provider.Lister        = (*Provider)(nil)
	_ provider.Keyholder     = (*Provider)(nil)
	_ provider.Revealer      = (*Provider)(nil)
	_ provider.ValueRevoker  = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Guide         = (*Provider)(nil)
	_ provider.Noter         = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; the program itself is looked at before each run. secrets has
// a source for each of opts.Secrets.
func New(opts Options, secrets map[string]secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	hook, err := proc.NewHook("program", opts.Program, opts.Timeout)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "exec", err)
	}
	return &Provider{opts: opts, name: opts.name(), hook: hook, secrets: maps.Clone(secrets)}, nil
}

// Traits are those of rotor.yaml: they must be known without running anything.
// Preflight asks the program whether they are its own.
func (p *Provider) Traits() provider.Traits { return p.opts.traits() }

// As implements provider.Selective: what the program can, and preflight.
func (p *Provider) As(ability any) bool {
	switch a := ability.(type) {
	case *provider.Preflighter:
		return grant(true, a, p)
	case *provider.Keyholder:
		return grant(len(p.secrets) > 0, a, p)
	case *provider.Maker:
		return grant(p.opts.Minter == string(rotation.ByRotor), a, p)
	case *provider.Finder:
		return grant(p.can("find"), a, p)
	case *provider.Lister:
		return grant(p.can("list"), a, p)
	case *provider.Revealer:
		return grant(p.can("reveal"), a, p)
	case *provider.ValueRevoker:
		return grant(p.can("revoke-value"), a, p)
	case *provider.Identifier:
		return grant(p.can("identify"), a, p)
	case *provider.Prober:
		return grant(p.can("probe"), a, p)
	case *provider.UsageReporter:
		return grant(p.can("usage"), a, p)
	case *provider.Guide:
		return grant(p.can("instructions"), a, p)
	case *provider.Noter:
		return grant(p.can("notes"), a, p)
	case *provider.Clock:
		return grant(p.can("now"), a, p)
	}
	return false
}

func (p *Provider) can(method string) bool { return slices.Contains(p.opts.Can, method) }

func grant[T any](able bool, slot *T, p *Provider) bool {
	if able {
		*slot = any(p).(T)
	}
	return able
}

// Keys implements provider.Keyholder: any of them may be what the program enters with.
func (p *Provider) Keys(ctx context.Context) (secret.Set, error) { return p.read(ctx) }

// read gives the secrets that the program logs in with.
func (p *Provider) read(ctx context.Context) (secret.Set, error) {
	out := secret.Set{}
	for name, source := range p.secrets {
		v, err := source(ctx)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}
