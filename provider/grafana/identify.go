package grafana

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Identify finds the token that a value belongs to. Nothing that Grafana shows of a token
// is a part of its value; but using it moves the time of its last use.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	if name := keyName(values[field]); name != "" {
		return p.identifyKey(ctx, name, values[field])
	}
	a, err := p.own(ctx, "identify")
	if err != nil {
		return rotation.Handle{}, err
	}
	before, err := p.tokens(ctx, "identify", a.ID)
	if err != nil {
		return rotation.Handle{}, err
	}
	var got seen
	var after []token
	for range 2 { // a use is noted after its answer: what the first one moved is seen after the second
		if got, err = p.use(ctx, a, values[field]); err != nil {
			return rotation.Handle{}, err
		}
		if after, err = p.tokens(ctx, "identify", a.ID); err != nil {
			return rotation.Handle{}, err
		}
	}
	return p.chosen(a, got, before, after)
}

// use of a value that must work, and be the account's.
func (p *Provider) use(ctx context.Context, a account, value secret.Value) (seen, error) {
	got, err := p.look(ctx, "identify", value)
	switch {
	case got.live != provider.Alive && got.live != provider.Restricted:
		return got, provider.Judged("grafana: identify", got.live, err)
	case got.account != 0 && got.account != a.ID, got.org != 0 && a.Org != 0 && got.org != a.Org:
		return got, fault.New(fault.Rejected, "grafana: identify: the value works, but is not of the configured service account").
			WithHint("correct service-account-id or service-account")
	}
	return got, nil
}

// noted is how long Grafana does not note a further use.
const noted = 5*time.Minute + 10*time.Second

// chosen is the token whose last use moved while we used it, if there is none whose use
// would not have been noted: then somebody else may have moved the other. If none moved,
// one that was noted minutes ago is it, provided that the account is known to be the
// right one.
func (p *Provider) chosen(a account, got seen, before, after []token) (rotation.Handle, error) {
	had := map[int64]time.Time{}
	for _, t := range before {
		had[t.ID] = moment(t.Used)
	}
	var moved, recent []token
	for _, t := range after {
		if used := moment(t.Used); !used.IsZero() && !used.Equal(had[t.ID]) {
			moved = append(moved, t)
		} else if t.lives() && !used.IsZero() && got.at.Sub(used) < noted {
			recent = append(recent, t)
		}
	}
	switch {
	case len(moved) == 1 && len(recent) == 0:
		return p.handle(a.ID, moved[0].ID), nil
	case len(moved) == 0 && len(recent) == 1 && got.account == a.ID:
		return p.handle(a.ID, recent[0].ID), nil
	}
	const hint = "Grafana notes a use every five minutes: try again in six; delete tokens that nobody uses, and give each consumer a service account of its own"
	if len(moved)+len(recent) == 0 {
		return rotation.Handle{}, fault.New(fault.Rejected, "grafana: identify: the value works, and no token's last use has moved").WithHint(hint)
	}
	return rotation.Handle{}, fault.New(fault.Rejected, "grafana: identify: %d tokens may be this one", len(moved)+len(recent)).WithHint(hint)
}

// identifyKey finds an API key of before by the name that it holds.
func (p *Provider) identifyKey(ctx context.Context, name string, value secret.Value) (rotation.Handle, error) {
	got, err := p.look(ctx, "identify", value)
	if got.live != provider.Alive && got.live != provider.Restricted {
		return rotation.Handle{}, provider.Judged("grafana: identify", got.live, err)
	}
	keys, err := p.keys(ctx, "identify")
	if err != nil {
		return rotation.Handle{}, err
	}
	for _, k := range keys {
		if k.Name == name { // unique in the organisation
			return p.handle(0, k.ID), nil
		}
	}
	return rotation.Handle{}, fault.New(fault.Rejected, "grafana: identify: the API key works, but is not listed").
		WithHint("is it of the admin's organisation? one that was turned into a service account's token must be deleted by hand")
}
