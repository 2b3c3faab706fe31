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
	live, err := p.try(ctx, "verify", v)
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
	return p.try(ctx, "probe", v)
}

// try is look, and where the value is answered as if it did not exist, what the Admin API
// says of the key that it is.
func (p *Provider) try(ctx context.Context, step string, v provider.Issued) (provider.Liveness, error) {
	live, err := p.look(ctx, step, v.Values[field])
	if live != provider.NotKnown || fault.HintOf(err) != nowhereHint || v.Handle.IsZero() {
		return live, err
	}
	e, lost := p.get(ctx, step, v.Handle.ID)
	if shown, same := e.shows(v.Values[field]); lost != nil || !shown || !same {
		return live, err
	}
	switch e.Status {
	case inactive, archived:
		return provider.Refused, nil
	case expired:
		return provider.Expired, nil
	}
	return live, err
}

// look is the cheapest request that a key must be alive for.
func (p *Provider) look(ctx context.Context, step string, value secret.Value) (provider.Liveness, error) {
	var a apiclient.Answer
	var got struct {
		Data *[]struct{} `json:"data"`
	}
	err := p.do(ctx, apiclient.Call{Step: step, Path: "/v1/models", Query: url.Values{"limit": {"1"}},
		Auth: key(secret.Fixed(value)), Answer: &a, Out: &got, Judge: unclear})
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

const (
	unclearHint = "this is not how Anthropic refuses a dead key; is the network that Rotor is in let through (an IP allowlist, a proxy), and is the organisation in good standing?"
	nowhereHint = "Anthropic answers so to some keys that are disabled, and to others; is the network that Rotor is in let through?"
)

// unclear: a value under test is not the admin key, and what the API says to it is no
// word about that one.
func unclear(a apiclient.Answer) *apiclient.Verdict {
	kind, _ := says(a)
	switch {
	case a.Status == http.StatusNotFound && kind == "not_found_error":
		return &apiclient.Verdict{Kind: fault.Unknown, Hint: nowhereHint}
	case a.Status/100 == 4 && a.Status != http.StatusTooManyRequests:
		return &apiclient.Verdict{Kind: fault.Unknown, Hint: unclearHint}
	}
	return nil
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
