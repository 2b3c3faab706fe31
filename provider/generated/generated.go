// Package generated is the provider of values that Rotor itself makes up and that
// nobody issues: machine tokens, webhook signing keys, session keys. Who checks
// them are the credential's acceptors.
//
// What surprises: there is no other side, so nothing here can prove a value alive
// or dead. Verify checks the form only; acceptors and checks do the rest.
package generated

import (
	"context"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// field is the one field of a value.
const field = "value"

// Provider makes random values.
type Provider struct {
	opts    Options
	overlap bool
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Maker    = (*Provider)(nil)
)

// New checks the options. overlap says that every acceptor holds the old and the
// new value side by side; otherwise the strategy is in-place.
func New(opts Options, overlap bool) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	return &Provider{opts: opts, overlap: overlap}, nil
}

// Traits: no issuer, one secret field.
func (p *Provider) Traits() provider.Traits {
	t := provider.Traits{
		Name:     name,
		Strategy: rotation.Overlap,
		Minter:   rotation.ByRotor,
		Fields:   []provider.Field{{Name: field, Secret: true}},
		NoIssuer: true,
	}
	if !p.overlap {
		t.Strategy = rotation.InPlace
		t.Outage = "requests fail from the moment the first service checks the new value until the last caller presents it"
	}
	return t
}

// Make draws the value from crypto/rand.
func (p *Provider) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{field: p.opts.draw()}, nil
}

// Issue has nobody to tell: it checks the form and returns no handle.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	if err := ctx.Err(); err != nil {
		return provider.Issued{}, fault.Wrap(fault.Transient, "generated: issue", err)
	}
	issued := provider.Issued{Values: req.Values.Clone()}
	return issued, p.check("issue", issued.Values)
}

// Verify checks that the value has the form which the options ask for. A value
// adopted from before Rotor may well not have it; it is never verified.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Transient, "generated: verify", err)
	}
	return p.check("verify", v.Values)
}

// Revoke is nil: a value dies when its acceptors forget it.
func (p *Provider) Revoke(ctx context.Context, _ rotation.Handle) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Transient, "generated: revoke", err)
	}
	return nil
}

func (p *Provider) check(step string, values secret.Set) error {
	v, ok := values[field]
	if !ok || v.IsZero() {
		return fault.New(fault.Rejected, "generated: %s: there is no value", step)
	}
	// Reveal: the form is checked in memory, the text goes nowhere.
	body, hasPrefix := strings.CutPrefix(v.Reveal(), p.opts.Prefix)
	if !hasPrefix {
		return fault.New(fault.Rejected, "generated: %s: the value lacks the configured prefix", step)
	}
	if !p.opts.fits(body) {
		return fault.New(fault.Rejected, "generated: %s: the value is not %d random bytes as %s", step, p.opts.Bytes, p.opts.Encoding)
	}
	return nil
}
