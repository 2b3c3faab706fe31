package anthropic

import (
	"context"
	"net/http"
	"net/url"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify uses the key, and makes sure that it is the one of the handle: a key of
// another workspace works too.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	live, err := p.look(ctx, "verify", v.Values[field])
	if err := provider.Judged("anthropic: verify", live, err); err != nil || v.Handle.IsZero() {
		return err
	}
	e, err := p.get(ctx, "verify", v.Handle.ID)
	if isGone(err) { // or not arrived everywhere
		return fault.New(fault.Rejected, "anthropic: verify: the value works, but the organisation has no key %s", v.Handle.ID).
			WithHint("is admin-key of the same organisation?")
	}
	if err != nil {
		return err
	}
	shown, same := e.shows(v.Values[field])
	switch {
	case shown && !same:
		return fault.New(fault.Rejected, "anthropic: verify: the value works, but is not that of key %s", e.ID)
	case !p.here(e):
		return fault.New(fault.Rejected, "anthropic: verify: key %s belongs to another workspace", e.ID).
			WithHint("correct workspace in rotor.yaml, or make a key there")
	}
	return nil
}

// Probe says whether the key lives. One that lacks a right does.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.look(ctx, "probe", v.Values[field])
}

// look is the cheapest request that a key must be alive for.
func (p *Provider) look(ctx context.Context, step string, value secret.Value) (provider.Liveness, error) {
	var a apiclient.Answer
	var got struct {
		Data *[]struct{} `json:"data"`
	}
	err := p.do(ctx, apiclient.Call{Step: step, Path: "/v1/models", Query: url.Values{"limit": {"1"}},
		Auth: key(secret.Fixed(value)), Answer: &a, Out: &got})
	if err == nil && got.Data == nil {
		err = fault.New(fault.Unknown, "anthropic: %s: the answer is no list of models", step)
	}
	if err == nil {
		return provider.Alive, nil
	}
	switch kind, _ := says(a); {
	case a.Status == http.StatusUnauthorized && kind == "authentication_error":
		return provider.Refused, nil
	case a.Status == http.StatusForbidden && kind == "permission_error":
		return provider.Restricted, nil
	}
	return provider.NotKnown, err
}

// Identify finds the key that a value belongs to by what the list shows of it. Which of
// two that look alike it is, a person must say.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	live, err := p.look(ctx, "identify", values[field])
	if live == provider.NotKnown || live == provider.Refused {
		return rotation.Handle{}, provider.Judged("anthropic: identify", live, err)
	}
	e, err := p.find(ctx, "identify", values, fault.NeedsPerson)
	return rotation.Handle{ID: e.ID}, err
}
