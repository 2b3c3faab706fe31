package keycloak

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// RotatedSecret regenerates the secret of a client whose realm keeps the one before alive
// as "rotated", until it is deleted or its time is over.
//
// The place of a rotated secret has no id: what stands there is whatever was there before
// the last regeneration. So an old generation is never ended by handle, only by value:
// the place is read, and deleted if that very value stands in it. Handles carry the second
// in which Keycloak says that the secret was made, so that two generations differ.
type RotatedSecret struct{ ClientSecret }

var (
	_ provider.Provider     = (*RotatedSecret)(nil)
	_ provider.Revealer     = (*RotatedSecret)(nil)
	_ provider.ValueRevoker = (*RotatedSecret)(nil)
	_ provider.Noter        = (*RotatedSecret)(nil)
	_ provider.Keyholder    = (*RotatedSecret)(nil)
)

// Traits: two secrets live side by side, and no third.
func (r *RotatedSecret) Traits() provider.Traits {
	t := r.ClientSecret.Traits()
	t.Strategy, t.Quota, t.Outage = rotation.Overlap, 2, ""
	return t
}

// Keys is what the administrator logs in with: it may be this client's secret.
func (r *RotatedSecret) Keys(ctx context.Context) (secret.Set, error) {
	return secret.Only(ctx, r.admin)
}

// handleOf tells the secrets of a client apart by the second they were made in.
func (r *RotatedSecret) handleOf(app application) rotation.Handle {
	return r.handle(app.ID + "/" + strconv.FormatInt(int64(app.Attributes.Created), 10))
}

// Issue regenerates the secret, and reads when it was made.
func (r *RotatedSecret) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	auth, err := r.enter(ctx, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	var a apiclient.Answer
	app, err := r.find(ctx, auth, "issue", &a)
	switch {
	case err != nil:
		return provider.Issued{}, err
	case a.Date().Unix() <= int64(app.Attributes.Created): // two of one second would share a handle
		return provider.Issued{}, &fault.Error{Kind: fault.Transient, Op: "keycloak: issue: a secret was made this very second", RetryAfter: 2 * time.Second}
	}
	word, err := r.regenerate(ctx, auth, "issue", app.ID)
	if err != nil {
		return provider.Issued{}, err
	}
	if app, err = r.find(ctx, auth, "issue", nil); err != nil { // the secret is made
		return provider.Issued{}, fault.Wrap(fault.Unknown, "keycloak: issue: when the new secret was made", err)
	}
	return r.issued(r.handleOf(app), word, app), nil
}

// Reveal reads the newest value.
func (r *RotatedSecret) Reveal(ctx context.Context, _ rotation.Handle) (provider.Issued, error) {
	app, word, err := r.reveal(ctx, "reveal")
	if err != nil {
		return provider.Issued{}, err
	}
	return r.issued(r.handleOf(app), word, app), nil
}

// Preflight: besides what a secret in place needs, the policy is at work on this client.
func (r *RotatedSecret) Preflight(ctx context.Context, _ provider.Request) error {
	app, err := r.ready(ctx)
	if err == nil && app.Attributes.Expires == 0 {
		err = bad("preflight: no policy keeps old secrets of this client alive").
			WithHint("turn on the feature client-secret-rotation, put a policy with the executor secret-rotation on the client and regenerate its secret once; or leave strategy out")
	}
	return err
}

// Notes names the end that Rotor does not make.
func (r *RotatedSecret) Notes(context.Context, provider.Request) ([]string, error) {
	return []string{"Keycloak ends the old secret by itself after the policy's rotated secret expiration: keep grace shorter than that."}, nil
}

// Verify also makes sure that the value of the newest handle is not the rotated one, which
// works too.
func (r *RotatedSecret) Verify(ctx context.Context, v provider.Issued) error {
	if err := r.ClientSecret.Verify(ctx, v); err != nil || v.Handle.IsZero() {
		return err
	}
	app, word, err := r.reveal(ctx, "verify")
	if err == nil && r.handleOf(app) == v.Handle && !word.Equal(v.Values[clientSecret]) {
		err = fault.New(fault.Rejected, "keycloak: verify: the value works, but is the rotated secret")
	}
	return err
}

// Identify names the generation of a value: the newest, or the one before.
func (r *RotatedSecret) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	if _, err := r.identified(ctx, values); err != nil {
		return rotation.Handle{}, err
	}
	app, word, err := r.reveal(ctx, "identify")
	switch {
	case err != nil:
		return rotation.Handle{}, err
	case !word.Equal(values[clientSecret]):
		return rotation.Handle{}, fault.New(fault.Rejected, "keycloak: identify: the value is the rotated secret, which ends by itself").
			WithHint("adopt the present one; the console shows it")
	}
	return r.handleOf(app), nil
}

// Revoke cannot name an old secret.
func (r *RotatedSecret) Revoke(context.Context, rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "keycloak: revoke: nobody knows the value, and a rotated secret has no id").
		WithHint("in the client's page, Credentials, invalidate the rotated secret; regenerate if it is the present one")
}

// RevokeValue ends the value wherever it stands. Rotated: that place is cleared. Present,
// with another one rotated, after a rollback: the rotated one is put back in its place.
// Present and alone: a secret that nobody gets to know takes its place.
func (r *RotatedSecret) RevokeValue(ctx context.Context, v provider.Issued) error {
	word := v.Values[clientSecret]
	if word.IsZero() {
		return r.Revoke(ctx, v.Handle)
	}
	id, _, err := r.split("revoke", v.Handle)
	if err != nil {
		return err
	}
	auth, err := r.enter(ctx, "revoke")
	if err != nil {
		return err
	}
	err = r.end(ctx, auth, id, word)
	if isGone(err) {
		return nil
	}
	return err
}

func (r *RotatedSecret) end(ctx context.Context, auth apiclient.Auth, id string, word secret.Value) error {
	now, err := r.present(ctx, auth, "revoke", id)
	if err != nil {
		return err
	}
	old, err := r.rotated(ctx, auth, id)
	if err != nil {
		return err
	}
	switch {
	case now.Equal(word) && !old.IsZero() && !old.Equal(word):
		err = r.putBack(ctx, auth, id, old)
	case now.Equal(word):
		_, err = r.regenerate(ctx, auth, "revoke", id)
	case !old.Equal(word):
		return nil // it stands nowhere
	}
	if err != nil {
		return err
	}
	return r.do(ctx, auth, apiclient.Call{Step: "revoke", Method: http.MethodDelete, Path: r.path("/clients/%s/client-secret/rotated", id)})
}

// rotated reads the rotated secret; zero: there is none.
func (r *RotatedSecret) rotated(ctx context.Context, auth apiclient.Auth, id string) (secret.Value, error) {
	var a apiclient.Answer
	word, err := r.secretOf(ctx, auth, apiclient.Call{Step: "revoke", Path: r.path("/clients/%s/client-secret/rotated", id), Answer: &a})
	if code, _, ok := says(a); ok && a.Status == http.StatusNotFound && code == "Client does not have a rotated secret" {
		return secret.Value{}, nil
	}
	return word, err
}

// putBack makes the rotated secret the present one. The whole client is written, for
// Keycloak takes what is left out as an end of its authorization settings; and it is read
// again, because the rotated place is cleared next.
func (r *RotatedSecret) putBack(ctx context.Context, auth apiclient.Auth, id string, old secret.Value) error {
	whole := map[string]json.RawMessage{} // holds secrets: never printed
	path := r.path("/clients/%s", id)
	if err := r.do(ctx, auth, apiclient.Call{Step: "revoke", Path: path, Out: &whole}); err != nil {
		return err
	}
	if _, ok := whole["clientId"]; !ok {
		return fault.New(fault.Unknown, "keycloak: revoke: the answer is no client")
	}
	text, err := json.Marshal(apiclient.Plain{Value: old})
	if err != nil {
		return fault.New(fault.BadConfig, "keycloak: revoke: the secret cannot be encoded")
	}
	whole["secret"] = text
	if err := r.do(ctx, auth, apiclient.Call{Step: "revoke", Method: http.MethodPut, Path: path, In: whole}); err != nil {
		return err
	}
	now, err := r.present(ctx, auth, "revoke", id)
	if err == nil && !now.Equal(old) {
		err = fault.New(fault.Unknown, "keycloak: revoke: the older secret was written and is not there")
	}
	return err
}
