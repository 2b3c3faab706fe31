package clerk

import (
	"context"
	"fmt"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Rotated makes secret keys of an instance or a machine by Clerk's own rotation.
type Rotated struct {
	account
	of holder
}

var (
	_ provider.Provider     = (*Rotated)(nil)
	_ provider.Revealer     = (*Rotated)(nil)
	_ provider.ValueRevoker = (*Rotated)(nil)
	_ provider.Identifier   = (*Rotated)(nil)
	_ provider.Preflighter  = (*Rotated)(nil)
	_ provider.Prober       = (*Rotated)(nil)
	_ provider.Clock        = (*Rotated)(nil)
	_ provider.Guide        = (*Rotated)(nil)
	_ provider.Noter        = (*Rotated)(nil)
)

// Traits: the old key works on until Clerk's timer ends it, or ends at once.
func (p *Rotated) Traits() provider.Traits {
	t := p.traits(secretKey)
	t.Lingers = p.opts.keep()
	if t.Lingers == 0 {
		t.Outage = fmt.Sprintf("Clerk ends the old key of %s at once; from then until a consumer presents the new one its requests are refused", p.of.words())
		return t
	}
	t.Outage = fmt.Sprintf("Clerk ends the old key of %s %d hours after the new one is made, whatever happens meanwhile: whoever has not taken the new key by then is refused, and there is no way back to the old one",
		p.of.words(), p.opts.OldLivesHours)
	return t
}

// Notes says who else is concerned.
func (p *Rotated) Notes(context.Context, provider.Request) ([]string, error) {
	var out []string
	if p.opts.Kind == kindKey {
		out = append(out, "all other secret keys of "+p.of.words()+" end with the old one, those that people made in the dashboard too")
	}
	if p.opts.keep() > 0 {
		out = append(out, fmt.Sprintf("grace lasts %d hours at least: Rotor cannot end the old key sooner", p.opts.OldLivesHours))
	}
	return out, nil
}

// Issue makes a key, once. The label goes along as the reason, where Clerk keeps one; it
// cannot be found by it.
func (p *Rotated) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	id, value, err := p.of.rotate(ctx, "issue", p.opts.keep(), req.Label)
	if err != nil {
		return provider.Issued{}, err
	}
	return p.issued(id, value), nil
}

func (p *Rotated) issued(id string, value secret.Value) provider.Issued {
	return provider.Issued{Handle: rotation.Handle{ID: id}, Values: secret.Set{secretKey: value}}
}

// Reveal shows the newest key: what a lost answer would have brought.
func (p *Rotated) Reveal(ctx context.Context, h rotation.Handle) (provider.Issued, error) {
	id, value, err := p.of.newest(ctx, "reveal")
	if err != nil {
		return provider.Issued{}, err
	}
	if h.ID != "" && h.ID != id {
		return provider.Issued{}, fault.New(fault.Rejected, "clerk: reveal: %s is another one now", p.of.words())
	}
	return p.issued(id, value), nil
}

// Verify uses the key and asks whose it is.
func (p *Rotated) Verify(ctx context.Context, v provider.Issued) error {
	w, live, err := p.of.try(ctx, "verify", v.Values[secretKey])
	if err := provider.Judged("clerk: verify", live, err); err != nil {
		return err
	}
	if !p.of.fits(w) || v.Handle.ID != "" && v.Handle.ID != w.id {
		return stranger("verify", p.of.words())
	}
	return nil
}

// Probe says whether the key lives.
func (p *Rotated) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.of.probe(ctx, v.Values[secretKey])
}

// Identify: the handle is that of the instance or machine.
func (p *Rotated) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	w, live, err := p.of.try(ctx, "identify", values[secretKey])
	if err := provider.Judged("clerk: identify", live, err); err != nil {
		return rotation.Handle{}, err
	}
	if !p.of.fits(w) {
		return rotation.Handle{}, stranger("identify", p.of.words())
	}
	if p.opts.Kind == kindKey { // every application has a production instance: is it that of ours?
		id, _, err := p.of.newest(ctx, "identify")
		switch {
		case err != nil:
			return rotation.Handle{}, err
		case id != w.id:
			return rotation.Handle{}, stranger("identify", p.of.words()+" of application "+p.opts.Application)
		}
	}
	return rotation.Handle{ID: w.id}, nil
}

// Revoke cannot be done by an id: keys have none.
func (p *Rotated) Revoke(context.Context, rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "clerk: revoke: no call ends a single key").WithHint("%s", p.ending())
}

// RevokeValue ends a key only if it is the newest and nothing was to live beside it:
// then another takes its place that nobody gets to know. An older one ends by itself.
func (p *Rotated) RevokeValue(ctx context.Context, v provider.Issued) error {
	_, newest, err := p.of.newest(ctx, "revoke")
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return err
	case newest.Equal(v.Values[secretKey]) && p.opts.keep() == 0:
		if _, _, err = p.of.rotate(ctx, "revoke", 0, "revoked"); isGone(err) {
			return nil
		}
		return err
	}
	live, err := p.of.probe(ctx, v.Values[secretKey])
	switch live {
	case provider.Refused:
		return nil
	case provider.NotKnown:
		return err
	}
	return p.Revoke(ctx, v.Handle)
}

func (p *Rotated) ending() string {
	if p.opts.keep() == 0 {
		return "It ends when the next key is made."
	}
	return fmt.Sprintf("Clerk's timer ends the old key %d hours after the new one was made. To end it sooner: %s.", p.opts.OldLivesHours, p.of.cure())
}

// Instructions for whoever cannot wait for the timer.
func (p *Rotated) Instructions(step rotation.Step, _ provider.Request) string {
	if step != rotation.Revoke {
		return ""
	}
	return p.ending()
}

// Preflight: the newest key can be read, now and after a crash, and it is the present
// one; otherwise somebody else has another that would end too, or the present one is of
// another instance.
func (p *Rotated) Preflight(ctx context.Context, req provider.Request) error {
	id, newest, err := p.of.newest(ctx, "preflight")
	if err != nil {
		return err
	}
	old := req.Old[secretKey]
	if p.opts.Kind != kindKey || old.IsZero() || old.Equal(newest) {
		return nil
	}
	w, live, err := p.of.try(ctx, "preflight", old)
	switch {
	case live == provider.NotKnown:
		return err
	case live == provider.Alive && w.id != id:
		return stranger("preflight", p.of.words()+" of application "+p.opts.Application)
	case p.opts.EndsOtherKeys:
		return nil
	}
	return fault.New(fault.Rejected, "clerk: preflight: the newest key of %s is not the present one: there are others, and they would all end", p.of.words()).
		WithHint("find out in Clerk's dashboard who uses the other keys; ends-other-keys: true if they may end")
}

// Now is the API's clock.
func (p *Rotated) Now(ctx context.Context) (time.Time, error) { return p.now(ctx, p.of.path()) }
