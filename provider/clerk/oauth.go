package clerk

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// ClientSecret replaces the secret of an OAuth application. It is shown once, and the
// old one is dead: after a lost answer another is made.
type ClientSecret struct{ account }

var (
	_ provider.Provider     = (*ClientSecret)(nil)
	_ provider.Revealer     = (*ClientSecret)(nil)
	_ provider.ValueRevoker = (*ClientSecret)(nil)
	_ provider.Identifier   = (*ClientSecret)(nil)
	_ provider.Preflighter  = (*ClientSecret)(nil)
	_ provider.Prober       = (*ClientSecret)(nil)
	_ provider.Clock        = (*ClientSecret)(nil)
	_ provider.Noter        = (*ClientSecret)(nil)
)

// Traits: in place.
func (p *ClientSecret) Traits() provider.Traits {
	t := p.traits(clientSecret)
	t.Outage = "Clerk ends the old client secret when it makes the new one; from then until the application presents the new one nobody can sign in to it anew"
	return t
}

// Notes: what else to know.
func (p *ClientSecret) Notes(context.Context, provider.Request) ([]string, error) {
	return []string{"client id and issuer stay as they are; whoever is signed in stays so until a token must be refreshed"}, nil
}

// application is what the API says of an OAuth application; the secret only once.
type application struct {
	ID       string           `json:"id"`
	Client   string           `json:"client_id"`
	Public   bool             `json:"public"`
	TokenURL string           `json:"token_fetch_url"`
	Secret   apiclient.Secret `json:"client_secret"`
}

func (p *ClientSecret) path(below string) string {
	return apiclient.Path("/oauth_applications/%s"+below, p.opts.OAuthApplication)
}

func (p *ClientSecret) call(ctx context.Context, step, method, below string) (application, error) {
	var got application
	err := p.api.Do(ctx, apiclient.Call{Step: step, Method: method, Path: p.path(below), Out: &got, Judge: missing})
	if err == nil && got.ID != p.opts.OAuthApplication {
		err = fault.New(fault.Unknown, "clerk: %s: the answer is about another application", step)
	}
	return got, err
}

// Issue makes a secret.
func (p *ClientSecret) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	got, err := p.call(ctx, "issue", http.MethodPost, "/rotate_secret")
	if err == nil && got.Secret.IsZero() {
		err = fault.New(fault.Unknown, "clerk: issue: the answer has no secret")
	}
	if err != nil {
		return provider.Issued{}, err
	}
	return provider.Issued{Handle: rotation.Handle{ID: got.ID}, Values: secret.Set{clientSecret: got.Secret.Value}}, nil
}

// Reveal: it cannot be shown again.
func (p *ClientSecret) Reveal(context.Context, rotation.Handle) (provider.Issued, error) {
	return provider.Issued{}, fault.New(fault.Rejected, "clerk: reveal: a client secret is shown only once")
}

// Verify exchanges a code that does not exist: the token endpoint complains of the code
// only to a client whose secret is right.
func (p *ClientSecret) Verify(ctx context.Context, v provider.Issued) error {
	live, err := p.try(ctx, "verify", v.Values[clientSecret])
	return provider.Judged("clerk: verify", live, err)
}

// Probe is the same.
func (p *ClientSecret) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.try(ctx, "probe", v.Values[clientSecret])
}

// Identify: there is one secret, and this is it or not.
func (p *ClientSecret) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	live, err := p.try(ctx, "identify", values[clientSecret])
	if err := provider.Judged("clerk: identify", live, err); err != nil {
		return rotation.Handle{}, err
	}
	return rotation.Handle{ID: p.opts.OAuthApplication}, nil
}

// try is a client's login, in the two ways in which it may be made. Dead is a secret that
// is refused in both.
func (p *ClientSecret) try(ctx context.Context, step string, value secret.Value) (provider.Liveness, error) {
	app, err := p.call(ctx, step, http.MethodGet, "")
	if err != nil {
		return provider.NotKnown, err
	}
	host, path, err := endpoint(step, app.TokenURL)
	if err != nil {
		return provider.NotKnown, err
	}
	front, err := apiclient.New(apiclient.Config{Name: name, BaseURL: host})
	if err != nil {
		return provider.NotKnown, fault.New(fault.Unknown, "clerk: %s: the application's token endpoint is no safe address", step)
	}
	defer front.Close()
	code := url.Values{"grant_type": {"authorization_code"}, "code": {"rotor-verifies"}, "redirect_uri": {"https://localhost/"}}
	basic := apiclient.Call{Step: step, Method: http.MethodPost, Path: path, Reads: true, Form: code, Auth: apiclient.Basic(app.Client, secret.Fixed(value))}
	live, err := login(ctx, front, basic)
	if live != provider.Refused {
		return live, err
	}
	form, err := posted(ctx, code, app.Client, value)
	if err != nil {
		return provider.NotKnown, err
	}
	return login(ctx, front, apiclient.Call{Step: step, Method: http.MethodPost, Path: path, Reads: true, Form: form})
}

// endpoint takes the address of the token endpoint apart. apiclient refuses plain http
// beyond loopback.
func endpoint(step, address string) (base, path string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil || u.Path == "" {
		return "", "", fault.New(fault.Unknown, "clerk: %s: the answer names no token endpoint", step)
	}
	return u.Scheme + "://" + u.Host, u.EscapedPath(), nil
}

// login says what the token endpoint's answer proves.
func login(ctx context.Context, front *apiclient.Client, call apiclient.Call) (provider.Liveness, error) {
	var a apiclient.Answer
	call.Answer, call.Judge = &a, unclear
	err := front.Do(ctx, call)
	var words struct {
		Error string `json:"error"`
	}
	if err == nil || !a.JSON(&words) {
		if err == nil {
			err = fault.New(fault.Unknown, "clerk: %s: a code that does not exist was taken", call.Step)
		}
		return provider.NotKnown, err
	}
	refused := a.Status == http.StatusBadRequest || a.Status == http.StatusUnauthorized
	switch {
	case refused && (words.Error == "invalid_grant" || words.Error == "unauthorized_client"):
		return provider.Alive, nil
	case refused && words.Error == "invalid_client":
		return provider.Refused, nil
	}
	return provider.NotKnown, err
}

// Revoke cannot be done without knowing which secret is meant.
func (p *ClientSecret) Revoke(context.Context, rotation.Handle) error {
	return fault.New(fault.NeedsPerson, "clerk: revoke: a client secret ends when the next one is made").
		WithHint("rotate it in Clerk's dashboard, or delete the OAuth application")
}

// RevokeValue puts another in the place of a secret that lives, which nobody gets to
// know. One that is refused has ended already.
func (p *ClientSecret) RevokeValue(ctx context.Context, v provider.Issued) error {
	live, err := p.try(ctx, "revoke", v.Values[clientSecret])
	if live == provider.Refused || isGone(err) {
		return nil
	}
	if live != provider.Alive {
		return err
	}
	if _, err = p.call(ctx, "revoke", http.MethodPost, "/rotate_secret"); isGone(err) {
		return nil
	}
	return err
}

// Preflight: the application is there, and has a secret at all.
func (p *ClientSecret) Preflight(ctx context.Context, _ provider.Request) error {
	got, err := p.call(ctx, "preflight", http.MethodGet, "")
	switch {
	case err != nil:
		return err
	case got.Public:
		return bad("preflight: the OAuth application is public: it has no secret").WithHint("name another one in oauth-application")
	}
	_, _, err = endpoint("preflight", got.TokenURL)
	return err
}

// Now is the API's clock.
func (p *ClientSecret) Now(ctx context.Context) (time.Time, error) { return p.now(ctx, p.path("")) }
