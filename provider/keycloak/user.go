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

// The fields of a user's value.
const (
	username = "username"
	password = "password"
)

// UserPassword changes the password of a user, in place.
type UserPassword struct{ server }

var (
	_ provider.Provider    = (*UserPassword)(nil)
	_ provider.Maker       = (*UserPassword)(nil)
	_ provider.Preflighter = (*UserPassword)(nil)
	_ provider.Identifier  = (*UserPassword)(nil)
	_ provider.Prober      = (*UserPassword)(nil)
	_ provider.Noter       = (*UserPassword)(nil)
	_ provider.Clock       = (*UserPassword)(nil)
)

// Traits: in place; Rotor makes the value. Settle is 0 although a cluster may take a
// moment: within it a refusal would be tried again, and refusals lock accounts.
func (u *UserPassword) Traits() provider.Traits {
	outage := "the old password stops to work at once, and the user's sessions end with it; from then until a consumer presents the new value its logins fail"
	if !u.opts.endSessions() {
		outage = "the old password stops to work at once; from then until a consumer presents the new value its logins fail"
	}
	return provider.Traits{Name: name, Strategy: rotation.InPlace, Minter: rotation.ByRotor, InFlight: inFlight, Outage: outage,
		Fields: []provider.Field{{Name: username}, {Name: password, Secret: true}}}
}

// Make draws a password of the configured length.
func (u *UserPassword) Make(context.Context, provider.Request) (secret.Set, error) {
	return secret.Set{username: secret.Public(u.opts.Username), password: u.opts.draw()}, nil
}

// draw: two of each class at least, as policies want them, and symbols that need no
// escaping anywhere. The letters and digits alone are random enough.
func (o Options) draw() secret.Value {
	for {
		text := secret.Random(o.Length - o.Symbols).Reveal()
		if count(text, 'a', 'z') < 2 || count(text, 'A', 'Z') < 2 || count(text, '0', '9') < 2 {
			continue
		}
		for i := range o.Symbols {
			at := 2*i + 1
			text = text[:at] + string("-._~"[i%4]) + text[at:]
		}
		return secret.New(text)
	}
}

func count(text string, from, to rune) (n int) {
	for _, c := range text {
		if c >= from && c <= to {
			n++
		}
	}
	return n
}

// account is a user as the admin API describes it.
type account struct {
	ID         string   `json:"id"`
	Name       string   `json:"username"`
	Enabled    *bool    `json:"enabled"`
	Actions    []string `json:"requiredActions"`
	Federation string   `json:"federationLink"`
}

// find reads the configured user; old versions also list those whose name has it as a part.
func (u *UserPassword) find(ctx context.Context, auth apiclient.Auth, step string) (account, error) {
	var got []account
	q := url.Values{"username": {u.opts.Username}, "exact": {"true"}, "max": {"1000"}}
	err := u.do(ctx, auth, apiclient.Call{Step: step, Path: u.path("/users"), Query: q, Out: &got})
	switch {
	case err != nil:
		return account{}, err
	case got == nil:
		return account{}, fault.New(fault.Unknown, "keycloak: %s: the answer is no list", step)
	}
	for _, a := range got {
		if strings.EqualFold(a.Name, u.opts.Username) && a.ID != "" {
			return a, nil
		}
	}
	return account{}, bad("%s: the realm has no such user", step).WithHint("check username and realm; the administrator must be allowed to see users")
}

// enterSelf is enter; an administrator whose own password is rotated may have the new one
// already, or still the old one.
func (u *UserPassword) enterSelf(ctx context.Context, step string, others ...secret.Value) (apiclient.Auth, error) {
	auth, err := u.enter(ctx, step)
	if !u.opts.self() {
		return auth, err
	}
	for _, word := range others {
		if fault.HintOf(err) != refusedHint || word.IsZero() {
			continue
		}
		auth, err = u.enterWith(ctx, step, word)
	}
	return auth, err
}

// Issue sets the password. The same again has the same result: where the policy refuses a
// password that is there already, a login tells that it is.
func (u *UserPassword) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	word := req.Values[password]
	if word.IsZero() {
		return provider.Issued{}, bad("issue: the value has no password")
	}
	auth, err := u.enterSelf(ctx, "issue", word, req.Old[password])
	if err != nil {
		return provider.Issued{}, err
	}
	a, err := u.find(ctx, auth, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	err = u.put(ctx, auth, "issue", a.ID, word)
	if err != nil && fault.HintOf(err) == historyHint {
		err = u.already(ctx, word, err)
	}
	if err != nil {
		return provider.Issued{}, err
	}
	if err := u.logout(ctx, auth, "issue", a.ID); err != nil {
		// the password is changed: nothing else may be concluded
		return provider.Issued{}, fault.Wrap(fault.Unknown, "keycloak: issue: the password is changed, the sessions have not been ended", err)
	}
	return provider.Issued{Handle: u.handle(a.ID), Values: req.Values.Clone()}, nil
}

// already: nil if the password that came back is the present one.
func (u *UserPassword) already(ctx context.Context, word secret.Value, refused error) error {
	switch live, err := u.look(ctx, "issue", word); live {
	case provider.Alive, provider.Restricted:
		return nil
	case provider.Refused:
		return refused
	default:
		return fault.Wrap(fault.Unknown, "keycloak: issue: whether it is the present password", err)
	}
}

// put changes the password, for good: a temporary one would want an action first.
func (u *UserPassword) put(ctx context.Context, auth apiclient.Auth, step, id string, word secret.Value) error {
	in := struct {
		Type      string          `json:"type"`
		Value     apiclient.Plain `json:"value"`
		Temporary bool            `json:"temporary"`
	}{"password", apiclient.Plain{Value: word}, false}
	return u.do(ctx, auth, apiclient.Call{Step: step, Method: http.MethodPut, Path: u.path("/users/%s/reset-password", id), In: in})
}

// logout ends the user's sessions, which outlive a password.
func (u *UserPassword) logout(ctx context.Context, auth apiclient.Auth, step, id string) error {
	if !u.opts.endSessions() {
		return nil
	}
	return u.do(ctx, auth, apiclient.Call{Step: step + ": end sessions", Method: http.MethodPost, Path: u.path("/users/%s/logout", id)})
}

// Revoke gives the user a password that nobody gets to know. The handle is the user, so
// this ends the value that it has now; the engine does not ask for it when the value was
// overwritten.
func (u *UserPassword) Revoke(ctx context.Context, h rotation.Handle) error {
	id, _, err := u.split("revoke", h)
	if err != nil {
		return err
	}
	if u.opts.self() {
		return fault.New(fault.NeedsPerson, "keycloak: revoke: it is the password that Rotor itself logs in with").
			WithHint("nobody could log in any more: let another administrator change it, or disable the user")
	}
	auth, err := u.enter(ctx, "revoke")
	if err != nil {
		return err
	}
	if err = u.put(ctx, auth, "revoke", id, u.opts.draw()); err == nil {
		err = u.logout(ctx, auth, "revoke", id)
	}
	if isGone(err) {
		return nil
	}
	return err
}

// Preflight: the administrator is let in, the user is there and can log in; with the
// present password, if it is known, because there is no way back afterwards. One that was
// refused already is not handed over: it must not be tried again.
func (u *UserPassword) Preflight(ctx context.Context, req provider.Request) error {
	auth, err := u.enterSelf(ctx, "preflight", req.Old[password])
	if err != nil {
		return err
	}
	a, err := u.find(ctx, auth, "preflight")
	if err != nil {
		return err
	}
	if a.Enabled != nil && !*a.Enabled {
		return bad("preflight: the user is disabled, or locked").WithHint("enable or unlock it in the console: its new password could not be tried")
	}
	for _, action := range a.Actions {
		if action != "UPDATE_PASSWORD" { // a new password is this one's end
			return bad("preflight: the user has a required action, %.40q", action).WithHint("finish or remove it in the user's page: until then no login works")
		}
	}
	if req.Old[password].IsZero() {
		if err := u.locked(ctx, auth, "preflight", a.ID); err != nil {
			return err
		}
		return u.factor(ctx, auth, "preflight", a.ID)
	}
	if live, err := u.look(ctx, "preflight", req.Old[password]); live == provider.NotKnown {
		return err
	}
	return nil
}

// Notes warns of a user from elsewhere.
func (u *UserPassword) Notes(ctx context.Context, _ provider.Request) ([]string, error) {
	auth, err := u.enter(ctx, "notes")
	if err != nil {
		return nil, err
	}
	a, err := u.find(ctx, auth, "notes")
	if err != nil || a.Federation == "" {
		return nil, err
	}
	return []string{"The user comes from a user federation. Keycloak may accept a new password without any effect; Verify will tell."}, nil
}
