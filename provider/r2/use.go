package r2

import (
	"context"
	"net/http"
	"slices"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify looks into each bucket with the key, and makes sure that it is the token of the
// handle, switched on, and allowed to write if it should be.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	id := v.Values[idField]
	named, err := p.split("verify", v.Handle)
	switch {
	case err != nil:
		return err
	case named != "" && !id.Equal(secret.New(named)):
		return fault.New(fault.Rejected, "r2: verify: the value is not that of token %s", named)
	}
	for _, bucket := range p.opts.Buckets {
		s, err := p.list(ctx, "verify", bucket, v.Values)
		if err := s.words("r2: verify: bucket "+bucket, err); err != nil {
			return err
		}
		if !p.opts.VerifyWrite {
			continue
		}
		s, err = p.erase(ctx, bucket, v.Values)
		if err := s.words("r2: verify: writing to bucket "+bucket, err); err != nil {
			return err
		}
	}
	if err := p.verifyToken(ctx, v.Values); err != nil {
		return err
	}
	return p.verifyRecord(ctx, id.Reveal())
}

// verifyToken tries the third field, where there is one.
func (p *Provider) verifyToken(ctx context.Context, values secret.Set) error {
	if !p.opts.Token {
		return nil
	}
	value := values[tokenField]
	if !derived(value).Equal(values[keyField]) {
		return fault.New(fault.Rejected, "r2: verify: the secret does not belong to the token")
	}
	got, live, err := p.itself(ctx, "verify", value)
	if err := provider.Judged("r2: verify: the token itself", live, err); err != nil {
		return err
	}
	if !values[idField].Equal(secret.New(got)) {
		return fault.New(fault.Rejected, "r2: verify: the token works, but is not the one of the key id")
	}
	return nil
}

// verifyRecord compares with what Cloudflare has on record.
func (p *Provider) verifyRecord(ctx context.Context, id string) error {
	t, err := p.get(ctx, "verify", id)
	switch {
	case isGone(err):
		return fault.New(fault.Rejected, "r2: verify: the key still works, but its token is deleted").
			WithHint("is it a token of another owner? see owner")
	case err != nil:
		return err
	case t.Status != "active":
		return fault.New(fault.Rejected, "r2: verify: the token is %.20q", t.Status)
	case p.opts.Permission == canWrite && !p.opts.VerifyWrite:
		return p.verifyPolicies(ctx, t)
	}
	return nil
}

// verifyPolicies: a PUT would prove more, and leave traces: events, versions, costs.
func (p *Provider) verifyPolicies(ctx context.Context, t token) error {
	if len(t.Policies) == 0 {
		return fault.New(fault.Unknown, "r2: verify: the answer does not say what the token may do")
	}
	unnamed := false
	for _, rule := range t.Policies {
		for _, g := range rule.Groups {
			if rule.Effect == "allow" && (g.Name == itemWrite || g.Name == anyWrite) {
				return nil
			}
			unnamed = unnamed || g.Name == ""
		}
	}
	if unnamed { // only ids
		id, err := p.group(ctx, "verify")
		if err != nil {
			return err
		}
		if slices.ContainsFunc(t.Policies, func(rule policy) bool {
			return rule.Effect == "allow" && slices.ContainsFunc(rule.Groups, func(g group) bool { return g.ID == id })
		}) {
			return nil
		}
	}
	return provider.Judged("r2: verify: writing", provider.Restricted, nil)
}

// itself asks the owner's verify endpoint with the token: its id, and whether it lives.
func (p *Provider) itself(ctx context.Context, step string, value secret.Value) (string, provider.Liveness, error) {
	var got token
	var a apiclient.Answer
	_, err := p.do(ctx, apiclient.Call{Step: step, Path: p.path("verify"), Answer: &a, Auth: apiclient.Bearer(secret.Fixed(value)),
		Judge: func(apiclient.Answer) *apiclient.Verdict { return nil }}, &got)
	if err == nil {
		return got.ID, status(got.Status), nil
	}
	codes, _, ok := says(a)
	if ok && slices.Contains(codes, 1000) && a.Status != http.StatusTooManyRequests && a.Status < 500 {
		return "", provider.Refused, nil
	}
	return "", provider.NotKnown, err
}

// status in the words of liveness.
func status(text string) provider.Liveness {
	switch text {
	case "active":
		return provider.Alive
	case "disabled":
		return provider.Refused
	case "expired":
		return provider.Expired
	}
	return provider.NotKnown
}

// Probe says whether the key lives. That S3 does not know it is half a proof; the other
// half is what the API says of its token: see doc.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	if _, err := p.split("probe", v.Handle); err != nil {
		return provider.NotKnown, err // this account does not know the token, and that is no death
	}
	s, err := p.list(ctx, "probe", p.opts.Buckets[0], v.Values)
	switch s {
	case works:
		return provider.Alive, nil
	case noRight:
		return provider.Restricted, nil
	case notKnown:
	default:
		return provider.NotKnown, err
	}
	live, err := p.recorded(ctx, v.Values[idField].Reveal())
	if live == provider.Alive || live == provider.NotKnown && err == nil {
		return provider.NotKnown, fault.New(fault.Unknown, "r2: probe: S3 does not know the key, and its token is active")
	}
	return live, err
}

// recorded is what the API says of a token whose key S3 does not know. Its verify
// endpoint is not asked: it may not know a new token yet either.
func (p *Provider) recorded(ctx context.Context, id string) (provider.Liveness, error) {
	t, err := p.get(ctx, "probe", id)
	switch {
	case isGone(err):
		return provider.Refused, nil
	case err != nil:
		return provider.NotKnown, err
	}
	return status(t.Status), nil
}

// Identify: the pair works, and its id is that of a token of the owner.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	s, err := p.list(ctx, "identify", p.opts.Buckets[0], values)
	if s != noRight {
		if err := s.words("r2: identify", err); err != nil {
			return rotation.Handle{}, err
		}
	}
	t, err := p.get(ctx, "identify", values[idField].Reveal())
	if isGone(err) {
		return rotation.Handle{}, fault.New(fault.Rejected, "r2: identify: the pair works, but its token is not the %s's", p.opts.Owner).
			WithHint("see owner: a token made under My Profile is the user's")
	}
	if err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(t.ID), nil
}
