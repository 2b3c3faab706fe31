package clerk

import (
	"context"
	"fmt"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// ByHand takes secret keys that a person makes in the dashboard, where several live side
// by side. No id of a key is known, so there are no handles.
type ByHand struct{ account }

var (
	_ provider.Provider = (*ByHand)(nil)
	_ provider.Guide    = (*ByHand)(nil)
	_ provider.Prober   = (*ByHand)(nil)
)

// Traits: no settle time, for whoever pastes a key has just been shown it; so a wrong
// paste is refused at once.
func (p *ByHand) Traits() provider.Traits {
	t := p.traits(secretKey)
	t.Minter, t.Settle, t.Steady = rotation.ByPerson, 0, 0
	return t
}

// Issue looks whose key it is.
func (p *ByHand) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	w, live, err := p.instanceOf(ctx, "issue", req.Values[secretKey], nil)
	switch {
	case live == provider.Refused:
		return provider.Issued{}, fault.New(fault.Rejected, "clerk: issue: Clerk refuses this key").WithHint("copy the key again; it is shown under API keys")
	case live != provider.Alive:
		return provider.Issued{}, err
	case !p.opts.fits(w):
		return provider.Issued{}, stranger("issue", "instance "+p.opts.Instance)
	}
	return provider.Issued{Values: secret.Set{secretKey: req.Values[secretKey]}}, nil
}

// Verify uses the key and asks whose it is.
func (p *ByHand) Verify(ctx context.Context, v provider.Issued) error {
	w, live, err := p.instanceOf(ctx, "verify", v.Values[secretKey], unclear)
	if err := provider.Judged("clerk: verify", live, err); err != nil {
		return err
	}
	if !p.opts.fits(w) {
		return stranger("verify", "instance "+p.opts.Instance)
	}
	return nil
}

// Probe says whether the key lives.
func (p *ByHand) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.keySet(ctx, v.Values[secretKey])
}

// Revoke is a person's step.
func (p *ByHand) Revoke(context.Context, rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "clerk: revoke: no call ends a single key").WithHint("%s", p.Instructions(rotation.Revoke, provider.Request{}))
}

// Instructions: where keys are made and deleted.
func (p *ByHand) Instructions(step rotation.Step, req provider.Request) string {
	where := "In Clerk's dashboard, instance " + p.opts.Instance + ", API keys"
	switch step {
	case rotation.Ask, rotation.Generate:
		return fmt.Sprintf("%s: add a secret key and name it %s. Leave the old one alive; Rotor says when it is to be deleted. Then supply: %s.",
			where, req.Label, secretKey)
	case rotation.Revoke:
		which := "the key of the generation that ends"
		if req.Label != "" {
			which = "the key named " + req.Label
		}
		return fmt.Sprintf("%s: delete %s (generation %d). \"Last used\" shows whether anybody still has it.", where, which, req.Generation)
	}
	return ""
}
