package keycloak

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// The fields of a client's value.
const (
	clientID     = "client_id"
	clientSecret = "client_secret"
)

// ClientSecret regenerates the secret of a client, in place.
type ClientSecret struct{ server }

var (
	_ provider.Provider    = (*ClientSecret)(nil)
	_ provider.Revealer    = (*ClientSecret)(nil)
	_ provider.Preflighter = (*ClientSecret)(nil)
	_ provider.Identifier  = (*ClientSecret)(nil)
	_ provider.Prober      = (*ClientSecret)(nil)
	_ provider.Clock       = (*ClientSecret)(nil)
)

const settle = 5 * time.Second // the nodes of a cluster tell each other

// Traits: in place; Keycloak makes the value and shows it again.
func (c *ClientSecret) Traits() provider.Traits {
	return provider.Traits{Name: name, Strategy: rotation.InPlace, Minter: rotation.ByProvider, Settle: settle, InFlight: inFlight,
		Fields: []provider.Field{{Name: clientID}, {Name: clientSecret, Secret: true}},
		Outage: "Keycloak refuses the old secret at once; from then until a consumer presents the new value its logins and token requests fail"}
}

// application is a client as the admin API describes it.
type application struct {
	ID         string `json:"id"`
	ClientID   string `json:"clientId"`
	Enabled    *bool  `json:"enabled"`
	Public     bool   `json:"publicClient"`
	Bearer     bool   `json:"bearerOnly"`
	Method     string `json:"clientAuthenticatorType"`
	Attributes struct {
		Created seconds `json:"client.secret.creation.time"`
		Expires seconds `json:"client.secret.expiration.time"` // only with a rotation policy
	} `json:"attributes"`
}

// seconds are written as text, and by some as a number; 0: there are none.
type seconds int64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if err == nil && n > 0 && n < 1e12 {
		*s = seconds(n)
	}
	return nil
}

func (s seconds) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(int64(s), 0).UTC()
}

// find reads the configured client.
func (c *ClientSecret) find(ctx context.Context, auth apiclient.Auth, step string, a *apiclient.Answer) (application, error) {
	var got []application
	err := c.do(ctx, auth, apiclient.Call{Step: step, Path: c.path("/clients"), Query: url.Values{"clientId": {c.opts.Client}}, Out: &got, Answer: a})
	switch {
	case err != nil:
		return application{}, err
	case got == nil:
		return application{}, fault.New(fault.Unknown, "keycloak: %s: the answer is no list", step)
	}
	for _, app := range got {
		if app.ClientID == c.opts.Client && app.ID != "" {
			return app, nil
		}
	}
	return application{}, bad("%s: the realm has no such client", step).
		WithHint("check client, which is the client ID, and realm; the administrator must be allowed to see clients")
}

// present reads the secret that there is.
func (c *ClientSecret) present(ctx context.Context, auth apiclient.Auth, step, id string) (secret.Value, error) {
	return c.secretOf(ctx, auth, apiclient.Call{Step: step, Path: c.path("/clients/%s/client-secret", id)})
}

// regenerate makes another.
func (c *ClientSecret) regenerate(ctx context.Context, auth apiclient.Auth, step, id string) (secret.Value, error) {
	return c.secretOf(ctx, auth, apiclient.Call{Step: step, Method: http.MethodPost, Path: c.path("/clients/%s/client-secret", id)})
}

func (c *ClientSecret) secretOf(ctx context.Context, auth apiclient.Auth, call apiclient.Call) (secret.Value, error) {
	var got struct {
		Value apiclient.Secret `json:"value"`
	}
	call.Out = &got
	err := c.do(ctx, auth, call)
	if err == nil && got.Value.IsZero() {
		err = fault.New(fault.Unknown, "keycloak: %s: the answer has no secret", call.Step)
	}
	return got.Value.Value, err
}

func (c *ClientSecret) issued(h rotation.Handle, word secret.Value, app application) provider.Issued {
	return provider.Issued{Handle: h, NotAfter: app.Attributes.Expires.time(),
		Values: secret.Set{clientID: secret.Public(c.opts.Client), clientSecret: word}}
}

// Issue regenerates the secret.
func (c *ClientSecret) Issue(ctx context.Context, _ provider.Request) (provider.Issued, error) {
	auth, err := c.enter(ctx, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	app, err := c.find(ctx, auth, "issue", nil)
	if err != nil {
		return provider.Issued{}, err
	}
	word, err := c.regenerate(ctx, auth, "issue", app.ID)
	if err != nil {
		return provider.Issued{}, err
	}
	app.Attributes.Expires = 0 // what it was before
	return c.issued(c.handle(app.ID), word, app), nil
}

// Reveal reads the value that there is.
func (c *ClientSecret) Reveal(ctx context.Context, _ rotation.Handle) (provider.Issued, error) {
	app, word, err := c.reveal(ctx, "reveal")
	if err != nil {
		return provider.Issued{}, err
	}
	return c.issued(c.handle(app.ID), word, app), nil
}

func (c *ClientSecret) reveal(ctx context.Context, step string) (application, secret.Value, error) {
	auth, err := c.enter(ctx, step)
	if err != nil {
		return application{}, secret.Value{}, err
	}
	app, err := c.find(ctx, auth, step, nil)
	if err != nil {
		return application{}, secret.Value{}, err
	}
	word, err := c.present(ctx, auth, step, app.ID)
	return app, word, err
}

// Revoke makes a secret that nobody gets to know. The handle is the client, so this ends
// the value that it has now. A client that is gone is nil.
func (c *ClientSecret) Revoke(ctx context.Context, h rotation.Handle) error {
	id, _, err := c.split("revoke", h)
	if err != nil {
		return err
	}
	auth, err := c.enter(ctx, "revoke")
	if err != nil {
		return err
	}
	_, err = c.regenerate(ctx, auth, "revoke", id)
	if isGone(err) {
		return nil
	}
	return err
}

// Preflight: the client is there and has a secret of this kind, which works.
func (c *ClientSecret) Preflight(ctx context.Context, _ provider.Request) error {
	app, err := c.ready(ctx)
	if err == nil && app.Attributes.Expires != 0 {
		err = bad("preflight: a policy keeps old secrets of this client alive").
			WithHint("set strategy: overlap; in place, the old secret would live on until the policy ends it")
	}
	return err
}

func (c *ClientSecret) ready(ctx context.Context) (application, error) {
	app, word, err := c.reveal(ctx, "preflight")
	if err != nil {
		return app, err
	}
	switch {
	case app.Public || app.Bearer:
		return app, bad("preflight: the client has no secret (public or bearer-only)").WithHint("check client; turn client authentication on if it shall have one")
	case app.Method != "" && app.Method != "client-secret":
		return app, bad("preflight: the client proves itself by %.40q", app.Method).WithHint("only client-secret can be rotated here")
	case strings.HasPrefix(word.Reveal(), "${vault."):
		return app, bad("preflight: the secret stands in Keycloak's vault").WithHint("rotate it there; a new secret would replace the reference")
	case !app.enabled():
		return app, bad("preflight: the client is disabled").WithHint("enable it in the console: its new secret could not be tried")
	}
	if live, err := c.look(ctx, "preflight", word); live == provider.NotKnown {
		return app, err
	}
	return app, nil
}

func (a application) enabled() bool { return a.Enabled == nil || *a.Enabled }
