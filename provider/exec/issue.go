package exec

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// drawn is the length of a value that Rotor makes up itself: 256 bits.
const drawn = 43

// Make asks the program for a candidate, or draws one where it leaves that to Rotor.
func (p *Provider) Make(ctx context.Context, req provider.Request) (secret.Set, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Transient, p.name+": make", err)
	}
	if !p.can("make") {
		out := secret.Set{}
		for _, f := range p.opts.Fields {
			out[f.Name] = secret.Random(drawn)
		}
		return out, nil
	}
	c := call{Method: "make"}
	c.Request = c.request(req)
	got, err := speak[made](ctx, p, c)
	if err != nil {
		return nil, err
	}
	values, ok := p.fit(got.Values)
	if !ok {
		return nil, p.senseless(c, "has not the fields that rotor.yaml lists")
	}
	return values, nil
}

// Issue has the program bring a value to life.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	if p.opts.Minter != string(rotation.ByProvider) {
		given := map[string]apiclient.Secret{}
		for field, v := range req.Values {
			given[field] = apiclient.Secret{Value: v}
		}
		values, ok := p.fit(given)
		if !ok {
			return provider.Issued{}, fault.New(fault.Rejected, "%s: issue: the value has not the fields that rotor.yaml lists", p.name).
				WithHint("supply each of the fields, and no other")
		}
		req.Values = values
	}
	c := call{Method: "issue"}
	c.Request = c.request(req)
	got, err := speak[issued](ctx, p, c)
	if err != nil {
		return provider.Issued{}, err
	}
	return p.issued(c, got, req.Values)
}

// Reveal has the program read a live value again.
func (p *Provider) Reveal(ctx context.Context, h rotation.Handle) (provider.Issued, error) {
	c := call{Method: "reveal"}
	c.Handle = c.handle(h)
	got, err := speak[issued](ctx, p, c)
	if err != nil {
		return provider.Issued{}, err
	}
	return p.issued(c, got, nil)
}

// issued takes an answer for a live value. given is what was sealed before; nil if the
// answer must bring it.
func (p *Provider) issued(c call, got issued, given secret.Set) (provider.Issued, error) {
	v := provider.Issued{Values: given.Clone(), NotAfter: moment(got.NotAfter), Created: moment(got.Created)}
	if got.Values != nil || p.opts.Minter == string(rotation.ByProvider) || c.Method == "reveal" {
		values, ok := p.fit(got.Values)
		if !ok {
			return provider.Issued{}, p.senseless(c, "has not the fields that rotor.yaml lists")
		}
		if given != nil && p.opts.Minter != string(rotation.ByProvider) && !values.Equal(given) {
			return provider.Issued{}, p.senseless(c, "has another value than the one that was handed over")
		}
		v.Values = values
	}
	if got.Handle == nil || got.Handle.ID == "" {
		if p.opts.Minter == string(rotation.ByPerson) {
			return v, nil // only that person knows which one it is
		}
		return provider.Issued{}, p.senseless(c, "has no handle: nobody could revoke the value")
	}
	v.Handle = rotation.Handle{ID: got.Handle.ID, Slot: got.Handle.Slot}
	return v, p.printable(c, got.Handle, v.Values)
}

// printable: handles are kept and shown, so they must not hold a value.
func (p *Provider) printable(c call, h *handle, values secret.Set) error {
	hidden := append(values.Secrets(), c.hide...)
	if shows(h.ID, hidden) || shows(h.Slot, hidden) {
		return p.senseless(c, "has a handle that holds the value, and handles are shown")
	}
	return nil
}

// fit takes values that have exactly the configured fields, each of them not empty.
func (p *Provider) fit(got map[string]apiclient.Secret) (secret.Set, bool) {
	out := secret.Set{}
	for _, f := range p.opts.Fields {
		v := got[f.Name].Value
		if v.IsZero() {
			return nil, false
		}
		if f.Public {
			v = v.AsPublic()
		}
		out[f.Name] = v
	}
	return out, len(got) == len(out)
}

// senseless is an answer that was understood and makes no sense: nobody knows what
// happened.
func (p *Provider) senseless(c call, why string) error {
	return fault.New(fault.Unknown, "%s: %s: the answer of %s %s", p.name, c.Method, p.hook.Name(), why)
}
