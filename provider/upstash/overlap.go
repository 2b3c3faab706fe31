package upstash

import (
	"context"
	"errors"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

var (
	_ provider.Provider    = (*Overlap)(nil)
	_ provider.Maker       = (*Overlap)(nil)
	_ provider.Finder      = (*Overlap)(nil)
	_ provider.Preflighter = (*Overlap)(nil)
	_ provider.Identifier  = (*Overlap)(nil)
	_ provider.Prober      = (*Overlap)(nil)
	_ provider.Clock       = (*Overlap)(nil)
)

// Traits: Rotor asks the server for a token, seals it, and only then gives it to a user.
func (p *Overlap) Traits() provider.Traits {
	t := p.traits()
	t.Minter, t.Steady = rotation.ByRotor, steady
	return t
}

// administer logs in as the user default.
func (p *Overlap) administer(ctx context.Context, step string) (*connection, error) {
	op := "upstash: " + step
	at, word, err := p.adminPlace(ctx, step)
	if err != nil {
		return nil, err
	}
	c, err := p.connect(ctx, op, at, defaultUser, word)
	if fault.KindOf(err) == fault.Rejected && err != nil {
		return nil, fault.New(fault.Denied, "%s: the user default is refused", op).
			WithHint("Rotor makes ACL users as default: check admin-password, and that default is not switched off")
	}
	return c, err
}

func (p *Overlap) adminPlace(ctx context.Context, step string) (place, secret.Value, error) {
	if p.admin != nil {
		word, err := p.admin(ctx)
		if err != nil {
			return place{}, word, fault.Wrap(proven(err), "upstash: "+step+": admin-password", err)
		}
		at, err := p.where(ctx, step)
		return at, word, err
	}
	db, err := p.ask(ctx, step, true)
	switch {
	case err != nil:
		return place{}, secret.Value{}, err
	case db.Password.IsZero():
		return place{}, secret.Value{}, bad("%s: the API does not show the password of the user default", step).
			WithHint("give it as admin-password: a reference to where it is stored")
	case db.Endpoint == "" && p.opts.Address == "":
		return place{}, secret.Value{}, fault.New(fault.Unknown, "upstash: %s: the API names no endpoint", step).WithHint("set address: host:port")
	}
	return p.placed(db), db.Password.Value, nil
}

// proven: nothing was sent yet.
func proven(err error) fault.Kind {
	if kind := fault.KindOf(err); kind != fault.Unknown {
		return kind
	}
	return fault.Transient
}

// changed classifies the outcome of a command that changes something. The server's
// text repeats the command, password included.
func (c *connection) changed(err error, hint string) error {
	var refusal *resp.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refusal) && errors.Is(err, resp.ErrNotSent):
		return noContact(c.ctx, c.op, err)
	case !errors.As(err, &refusal):
		return fault.New(fault.Unknown, "%s: the connection broke before an answer came", c.op)
	case refusal.Code == "NOPERM" || refusal.Code == "NOAUTH":
		return fault.New(fault.Denied, "%s: the user default lacks a right (%s)", c.op, refusal.Code)
	case refusal.Code == "LOADING" || refusal.Code == "BUSY" || refusal.Code == "READONLY":
		return fault.New(fault.Transient, "%s: the server is busy (%s)", c.op, refusal.Code)
	}
	return fault.New(fault.Rejected, "%s: the server refuses the command", c.op).WithHint("%s", hint)
}

// asked is changed for a command that changes nothing.
func (c *connection) asked(err error, hint string) error {
	err = c.changed(err, hint)
	if err != nil && fault.KindOf(err) == fault.Unknown {
		return fault.New(fault.Transient, "%s: no contact", c.op)
	}
	return err
}

const planHint = "ACL users are for paid plans; else strategy: in-place"

// Make asks the server for a token; until a user has it, it opens nothing.
func (p *Overlap) Make(ctx context.Context, req provider.Request) (secret.Set, error) {
	if !userForm.MatchString(req.Label) || req.Label == defaultUser {
		return nil, bad("make: %.60q is no name for a user", req.Label)
	}
	c, err := p.administer(ctx, "make")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := c.Do(c.ctx, "ACL", "GENTOKEN", req.Label)
	if err := c.asked(err, planHint); err != nil {
		return nil, err
	}
	token, ok := answer.(string)
	if !ok || len(token) < 16 {
		return nil, fault.New(fault.Unknown, "upstash: make: the server gives no token")
	}
	values := secret.Set{username: secret.Public(req.Label), password: secret.New(token)}
	if !p.opts.NoREST {
		values[restToken] = values[password] // such a token is good for both
	}
	return values, nil
}

// Issue makes the user. Again with the same values it has the same result.
func (p *Overlap) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	user, word := req.Values[username].Reveal(), req.Values[password] // the name is public
	if !userForm.MatchString(user) || user == defaultUser || word.IsZero() {
		return provider.Issued{}, bad("issue: the value has no user of ours, or no password")
	}
	c, err := p.administer(ctx, "issue")
	if err != nil {
		return provider.Issued{}, err
	}
	defer c.Close()
	rules := append([]string{"ACL", "SETUSER", user, "on", ">" + word.Reveal()}, p.opts.Rules...)
	if _, err := c.Do(c.ctx, rules...); err != nil {
		return provider.Issued{}, c.changed(err, "check rules; "+planHint)
	}
	return provider.Issued{Handle: p.handle(user), Values: req.Values.Clone()}, nil
}

// Revoke deletes the user, which ends its connections too. Users carry their label as
// name, and no label is ever used twice. Already gone is nil.
func (p *Overlap) Revoke(ctx context.Context, h rotation.Handle) error {
	user, err := p.userOf("revoke", h)
	switch {
	case err != nil:
		return err
	case user == defaultUser:
		return fault.New(fault.NeedsPerson, "upstash: revoke: the user default cannot be deleted").
			WithHint("reset its password in Upstash's console; Rotor itself logs in as default, so change admin-password with it")
	}
	c, err := p.administer(ctx, "revoke")
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Do(c.ctx, "ACL", "DELUSER", user)
	return c.changed(err, planHint)
}

// Find lists the users whose name begins with the prefix. The server does not say
// when they were made.
func (p *Overlap) Find(ctx context.Context, labelPrefix string) ([]provider.Found, error) {
	users, err := p.users(ctx, "find")
	if err != nil {
		return nil, err
	}
	var out []provider.Found
	for _, u := range users {
		if u != defaultUser && strings.HasPrefix(u, labelPrefix) {
			out = append(out, provider.Found{Handle: p.handle(u), Label: u})
		}
	}
	return out, nil
}

func (p *Overlap) users(ctx context.Context, step string) ([]string, error) {
	c, err := p.administer(ctx, step)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := c.Do(c.ctx, "ACL", "USERS")
	if err := c.asked(err, planHint); err != nil {
		return nil, err
	}
	list, ok := answer.([]any)
	if !ok {
		return nil, fault.New(fault.Unknown, "upstash: %s: the server gives no list of users", step)
	}
	var out []string
	for _, item := range list {
		if user, ok := item.(string); ok {
			out = append(out, user)
		}
	}
	return out, nil
}

// Preflight asks whether users can be made: the plan, the admin's login, its rights.
func (p *Overlap) Preflight(ctx context.Context, _ provider.Request) error {
	db, err := p.ask(ctx, "preflight", false)
	if err != nil {
		return err
	}
	if err := healthy(db); err != nil {
		return err
	}
	if db.Plan == "free" {
		return bad("preflight: the data base is on the free plan").WithHint("%s", planHint)
	}
	_, err = p.users(ctx, "preflight")
	return err
}

// Verify logs in, and uses the token over REST. The user must be the one of the handle:
// others live too.
func (p *Overlap) Verify(ctx context.Context, v provider.Issued) error {
	if err := p.here("verify", v.Handle); err != nil {
		return err
	}
	if err := p.use(ctx, "upstash: verify", v.Values); err != nil {
		return err
	}
	user := firstOf(v.Values[username].Reveal(), defaultUser) // a public field
	if !v.Handle.IsZero() && v.Handle.ID != p.handle(user).ID {
		return fault.New(fault.Rejected, "upstash: verify: the value works, but is that of another user than %s", v.Handle)
	}
	return nil
}

// Probe tries every part of the value.
func (p *Overlap) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	return p.probe(ctx, v)
}

// Identify logs in. A value without a user name is that of default.
func (p *Overlap) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	if err := p.use(ctx, "upstash: identify", values); err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(firstOf(values[username].Reveal(), defaultUser)), nil // a public field
}
