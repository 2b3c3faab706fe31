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

// Verify logs in as the user. A password that is right while the account waits for an
// action is a person's business: another password would not help.
func (u *UserPassword) Verify(ctx context.Context, v provider.Issued) error {
	live, err := u.look(ctx, "verify", v.Values[password])
	if live == provider.Restricted {
		return fault.New(fault.NeedsPerson, "keycloak: verify: the password is right, but the account is not fully set up").
			WithHint("finish or remove the required actions in the user's page, then resume")
	}
	return provider.Judged("keycloak: verify", live, err)
}

// Probe says whether the password is the present one. It logs in once.
func (u *UserPassword) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return u.look(ctx, "probe", v.Values[password])
}

// Identify logs in; the value is the user's.
func (u *UserPassword) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	live, err := u.look(ctx, "identify", values[password])
	if live != provider.Alive && live != provider.Restricted {
		return rotation.Handle{}, provider.Judged("keycloak: identify", live, err)
	}
	auth, err := u.enterSelf(ctx, "identify", values[password])
	if err != nil {
		return rotation.Handle{}, err
	}
	a, err := u.find(ctx, auth, "identify")
	if err != nil {
		return rotation.Handle{}, err
	}
	return u.handle(a.ID), nil
}

// look is one login as the user. Whether the account is locked is asked first: a lock
// would be refused in the same words, and this login may bring it about.
func (u *UserPassword) look(ctx context.Context, step string, word secret.Value) (provider.Liveness, error) {
	if word.IsZero() {
		return provider.NotKnown, bad("%s: the value has no password", step)
	}
	auth, err := u.enterSelf(ctx, step, word)
	if err != nil {
		return provider.NotKnown, err
	}
	a, err := u.find(ctx, auth, step)
	if err != nil {
		return provider.NotKnown, err
	}
	if err := u.locked(ctx, auth, step, a.ID); err != nil {
		return provider.NotKnown, err
	}
	live, err := u.tried(ctx, step, word)
	if live == provider.Refused {
		if err := u.factor(ctx, auth, step, a.ID); err != nil {
			return provider.NotKnown, err
		}
	}
	return live, err
}

// tried is the login itself, and what Keycloak says to it.
func (u *UserPassword) tried(ctx context.Context, step string, word secret.Value) (provider.Liveness, error) {
	var a apiclient.Answer
	call := apiclient.Call{Step: step, Answer: &a, Anonymous: true, Form: url.Values{"grant_type": {"password"},
		"username": {u.opts.Username}, "password": {word.Reveal()}, "client_id": {u.opts.LoginClient}}}
	if u.login != nil {
		call.Form.Del("client_id")
		call.Anonymous, call.Auth = false, basic(u.opts.LoginClient, u.login)
	}
	_, err := u.grant(ctx, call, u.opts.Realm)
	if err == nil {
		return provider.Alive, nil
	}
	code, text, ok := says(a)
	switch {
	case !ok || a.Status != http.StatusUnauthorized && a.Status != http.StatusBadRequest:
	case code == "invalid_grant" && strings.Contains(text, "not fully set up"):
		return provider.Restricted, nil
	case code == "invalid_grant" && strings.Contains(text, "disabled"):
		return provider.NotKnown, fault.New(fault.NeedsPerson, "keycloak: %s: the account is disabled", step).WithHint("enable the user in the console, then resume")
	case code == "invalid_grant" && strings.Contains(text, "invalid user credentials"):
		return provider.Refused, nil
	case code == "unauthorized_client" || code == "invalid_client":
		return provider.NotKnown, bad("%s: the client that passwords are tried through is refused", step).
			WithHint("check login-client and login-client-secret; the client needs direct access grants")
	}
	return provider.NotKnown, err
}

// locked is an error while failed logins lock the account: Keycloak refuses the right
// password in the words for a wrong one then.
func (u *UserPassword) locked(ctx context.Context, auth apiclient.Auth, step, id string) error {
	var lock struct {
		Disabled *bool `json:"disabled"`
	}
	err := u.do(ctx, auth, apiclient.Call{Step: step, Path: u.path("/attack-detection/brute-force/users/%s", id), Out: &lock})
	switch {
	case err != nil:
		return err
	case lock.Disabled == nil:
		return fault.New(fault.Unknown, "keycloak: %s: the answer does not say whether the account is locked", step)
	case *lock.Disabled:
		return fault.New(fault.NeedsPerson, "keycloak: %s: the account is locked after failed logins", step).
			WithHint("something presents a wrong password; stop it, wait or unlock the user in the console, then resume")
	}
	return nil
}

// factor is an error if the user has a second factor, without which the right password is
// refused as if it were wrong.
func (u *UserPassword) factor(ctx context.Context, auth apiclient.Auth, step, id string) error {
	var factors []struct {
		Type string `json:"type"`
	}
	err := u.do(ctx, auth, apiclient.Call{Step: step, Path: u.path("/users/%s/credentials", id), Out: &factors})
	if err == nil && factors == nil {
		err = fault.New(fault.Unknown, "keycloak: %s: the answer is no list", step)
	}
	for _, f := range factors {
		if f.Type == "otp" {
			return fault.New(fault.NeedsPerson, "keycloak: %s: the user has a second factor", step).
				WithHint("a password alone cannot be tried: remove the factor from this account, or use a client's secret for programs")
		}
	}
	return err
}
