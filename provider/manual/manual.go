// Package manual is the provider of values that only a person can get: a vendor
// without an API, a console behind a second factor.
//
// What surprises: it speaks to no one. Issue checks the form of what the person
// supplied, Verify the same; whether the value works is for the credential's
// checks to see. Everything else is words.
package manual

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Provider takes values from a person.
type Provider struct {
	opts     Options
	patterns map[string]*regexp.Regexp // by field name
	now      func() time.Time
}

var (
	_ provider.Provider = (*Provider)(nil)
	_ provider.Guide    = (*Provider)(nil)
)

// New checks the options.
func New(opts Options) (*Provider, error) {
	opts, patterns, err := opts.validated()
	if err != nil {
		return nil, err
	}
	return &Provider{opts: opts, patterns: patterns, now: time.Now}, nil
}

// Traits: minter person; the fields are the configured ones.
func (p *Provider) Traits() provider.Traits {
	t := provider.Traits{
		Name:     name,
		Strategy: rotation.Strategy(p.opts.Strategy),
		Minter:   rotation.ByPerson,
	}
	for _, f := range p.opts.Fields {
		t.Fields = append(t.Fields, provider.Field{Name: f.Name, Secret: !f.Public})
	}
	if t.Strategy == rotation.InPlace {
		t.Outage = "requests fail from the moment a person makes the new value until the last consumer presents it"
	}
	return t
}

// Issue checks the supplied values and reads the handle, if a field holds the
// vendor's id. A value of the wrong form is fault.Rejected, in words that do not
// repeat it.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	if err := ctx.Err(); err != nil {
		return provider.Issued{}, fault.Wrap(fault.Transient, "manual: issue", err)
	}
	values, err := p.take("issue", req.Values)
	if err != nil {
		return provider.Issued{}, err
	}
	v := provider.Issued{Values: values}
	if p.opts.ID != "" {
		v.Handle.ID = values[p.opts.ID].Reveal() // a public field
	}
	if p.opts.ExpiresDays > 0 {
		v.NotAfter = p.now().AddDate(0, 0, p.opts.ExpiresDays)
	}
	return v, nil
}

// Verify checks the form again.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Transient, "manual: verify", err)
	}
	_, err := p.take("verify", v.Values)
	return err
}

// Revoke is a person's step.
func (p *Provider) Revoke(_ context.Context, h rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "manual: revoke: a person must do it").
		WithHint("%s", p.revoking(provider.Request{Current: h}))
}

// take checks every field and marks it public or secret, as configured.
func (p *Provider) take(step string, supplied secret.Set) (secret.Set, error) {
	out := secret.Set{}
	for _, f := range p.opts.Fields {
		v, ok := supplied[f.Name]
		if !ok || v.IsZero() {
			return nil, rejected(step, f, "is missing")
		}
		text := v.Reveal() // the form is checked in memory, the text goes nowhere
		switch pattern := p.patterns[f.Name]; {
		case strings.TrimSpace(text) != text:
			return nil, rejected(step, f, "begins or ends with white space")
		case strings.ContainsRune(text, 0):
			return nil, rejected(step, f, "contains a NUL byte")
		case len(text) < f.MinLength:
			return nil, rejected(step, f, fmt.Sprintf("has %d bytes, fewer than %d", len(text), f.MinLength))
		case pattern != nil && !pattern.MatchString(text):
			return nil, rejected(step, f, "does not match the configured pattern")
		}
		if out[f.Name] = secret.New(text); f.Public {
			out[f.Name] = secret.Public(text)
		}
	}
	if len(supplied) > len(out) {
		return nil, fault.New(fault.Rejected, "manual: %s: %d fields were supplied, %d are configured", step, len(supplied), len(out))
	}
	return out, nil
}

func rejected(step string, f Field, what string) error {
	return fault.New(fault.Rejected, "manual: %s: field %s %s", step, f.Name, what).
		WithHint("copy the value again; is it the right one?")
}

// Instructions says what to do for step ask (and generate) and for step revoke.
func (p *Provider) Instructions(step rotation.Step, req provider.Request) string {
	switch step {
	case rotation.Ask, rotation.Generate:
		return p.asking(req)
	case rotation.Revoke:
		return p.revoking(req)
	}
	return ""
}

func (p *Provider) asking(req provider.Request) string {
	lines := []string{"Make a new value" + p.where() + "."}
	if p.opts.Strategy == string(rotation.InPlace) {
		lines[0] += " The old one stops working at that moment."
	} else {
		lines = append(lines, "Leave the old one alive; Rotor says when it is to be revoked.")
	}
	if p.opts.Instructions != "" {
		lines = append(lines, strings.TrimSpace(p.opts.Instructions))
	}
	if req.Label != "" {
		lines = append(lines, "If it can be given a name, name it "+req.Label+".")
	}
	return strings.Join(append(lines, "Then supply: "+p.fieldNames()+"."), "\n")
}

// revoking speaks of one generation's value, which need not be the older one:
// after a rollback it is the new one that ends.
func (p *Provider) revoking(req provider.Request) string {
	if p.opts.Strategy == string(rotation.InPlace) {
		return "Nothing to revoke: the new value has replaced the old."
	}
	which := "the value that ends"
	if req.Generation > 0 {
		which = fmt.Sprintf("the value of generation %d", req.Generation)
	}
	if req.Current.ID != "" {
		which += " (" + p.opts.ID + " " + req.Current.ID + ")"
	}
	lines := []string{"Revoke " + which + p.where() + ", then confirm it here. Take care not to revoke the one in use."}
	if p.opts.RevokeInstructions != "" {
		lines = append(lines, strings.TrimSpace(p.opts.RevokeInstructions))
	}
	return strings.Join(lines, "\n")
}

func (p *Provider) where() string {
	if p.opts.URL == "" {
		return ""
	}
	return " at " + p.opts.URL
}

func (p *Provider) fieldNames() string {
	var names []string
	for _, f := range p.opts.Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}
