package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify uses the secret for real. It is sent with the client ID, so no other client's passes.
func (c *ClientSecret) Verify(ctx context.Context, v provider.Issued) error {
	live, err := c.look(ctx, "verify", v.Values[clientSecret])
	return provider.Judged("keycloak: verify", live, err)
}

// Probe says whether the secret works.
func (c *ClientSecret) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return c.look(ctx, "probe", v.Values[clientSecret])
}

// Identify uses the secret; the value is the client's.
func (c *ClientSecret) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	app, err := c.identified(ctx, values)
	if err != nil {
		return rotation.Handle{}, err
	}
	return c.handle(app.ID), nil
}

func (c *ClientSecret) identified(ctx context.Context, values secret.Set) (application, error) {
	live, err := c.look(ctx, "identify", values[clientSecret])
	if err := provider.Judged("keycloak: identify", live, err); err != nil {
		return application{}, err
	}
	auth, err := c.enter(ctx, "identify")
	if err != nil {
		return application{}, err
	}
	return c.find(ctx, auth, "identify", nil)
}

// look asks for a token with the secret, or, where the client has no service account,
// about a token.
func (c *ClientSecret) look(ctx context.Context, step string, word secret.Value) (provider.Liveness, error) {
	if word.IsZero() {
		return provider.NotKnown, bad("%s: the value has no secret", step)
	}
	var a apiclient.Answer
	auth := basic(c.opts.Client, secret.Fixed(word))
	_, err := c.grant(ctx, apiclient.Call{Step: step, Form: url.Values{"grant_type": {"client_credentials"}}, Auth: auth, Answer: &a}, c.opts.Realm)
	code, text, ok := says(a)
	switch {
	case err == nil:
		return provider.Alive, nil
	case ok && code == "unauthorized_client" && strings.Contains(text, "service account"):
		return c.introspect(ctx, step, auth)
	case ok && notThisSecret(a.Status, code, text):
		return c.refused(ctx, step)
	}
	return provider.NotKnown, err
}

// notThisSecret reads the refusal of a client's login; the code depends on the version.
func notThisSecret(status int, code, text string) bool {
	return status == http.StatusUnauthorized && (code == "invalid_client" || code == "unauthorized_client") &&
		(strings.HasPrefix(text, "invalid client") || text == "" && code == "invalid_client")
}

// introspect asks about a token that is none: whoever may ask is told that it is not active.
func (c *ClientSecret) introspect(ctx context.Context, step string, auth apiclient.Auth) (provider.Liveness, error) {
	var got struct {
		Active *bool `json:"active"`
	}
	var a apiclient.Answer
	err := c.api.Do(ctx, apiclient.Call{Step: step, Method: http.MethodPost, Path: apiclient.Path("/realms/%s/protocol/openid-connect/token/introspect", c.opts.Realm),
		Form: url.Values{"token": {"none"}}, Auth: auth, Reads: true, Out: &got, Answer: &a})
	code, text, ok := says(a)
	switch {
	case err == nil && got.Active != nil:
		return provider.Alive, nil
	case err == nil:
		return provider.NotKnown, fault.New(fault.Unknown, "keycloak: %s: the answer does not say whether a token is active", step)
	case ok && (notThisSecret(a.Status, code, text) || a.Status == http.StatusUnauthorized && text == "authentication failed."):
		return c.refused(ctx, step)
	}
	return provider.NotKnown, err
}

// refused: nothing but the secret explains the refusal. A client that is disabled is
// refused in the same words, and so is a secret whose time is over.
func (c *ClientSecret) refused(ctx context.Context, step string) (provider.Liveness, error) {
	auth, err := c.enter(ctx, step)
	if err != nil {
		return provider.NotKnown, err
	}
	var a apiclient.Answer
	app, err := c.find(ctx, auth, step, &a)
	switch ends := app.Attributes.Expires.time(); {
	case err != nil:
		return provider.NotKnown, err
	case !app.enabled():
		return provider.NotKnown, fault.New(fault.NeedsPerson, "keycloak: %s: the client is disabled", step).WithHint("enable it in the console, then resume")
	case !ends.IsZero() && !a.Date().IsZero() && a.Date().After(ends):
		return provider.Expired, nil
	}
	return provider.Refused, nil
}
