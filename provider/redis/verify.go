package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Verify logs in anew on every node and uses the rights. A server that would take any
// password is noticed without trying a wrong one, which its log would count.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	const op = "redis: verify"
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doors, err := p.doors(ctx, op)
	if err != nil {
		return err
	}
	name := p.userOf(v.Values)
	for _, d := range doors {
		if err := p.verifyAt(ctx, op, d, name, v.Values[password]); err != nil {
			return err
		}
	}
	return p.asks(ctx, op, name)
}

// userOf is the value's user; a value that was read from a target may hold a password
// alone, which is enough where there is one user.
func (p *Provider) userOf(values secret.Set) string {
	if name := userOf(values); name != "" || p.opts.Strategy == rotation.Alternate {
		return name
	}
	return p.opts.managed()[0]
}

func (p *Provider) verifyAt(ctx context.Context, op string, d door, name string, word secret.Value) error {
	c, err := p.enterAs(ctx, op, d, name, word)
	if err != nil {
		return err
	}
	defer c.Close()
	return p.prove(ctx, op+d.at(), c)
}

// enterAs logs a managed user in. A failure that proves the login dead is errDead.
func (p *Provider) enterAs(ctx context.Context, op string, d door, name string, word secret.Value) (*resp.Conn, error) {
	if name == "" || word.IsZero() {
		return nil, fault.New(fault.BadConfig, "%s: the value has no user name or no password", op)
	}
	c, err := p.knock(ctx, op, d)
	if err != nil {
		return nil, err
	}
	if name == defaultUser {
		name = "" // the password alone: a server that wants none says so
	}
	if err := authenticate(ctx, c, name, word); err != nil {
		_ = c.Close()
		return nil, p.unwelcome(d, loginFailure(op+d.at(), err))
	}
	return c, nil
}

// asks makes sure that the user cannot come in with any password.
func (p *Provider) asks(ctx context.Context, op, name string) error {
	if p.opts.Strategy == rotation.InPlace {
		return nil // AUTH with the password alone has told
	}
	return p.each(ctx, op, func(ctx context.Context, n *node) error {
		u, err := n.user(ctx, name)
		if err == nil && u.nopass {
			err = noPasswordAsked(op + n.at())
		}
		return err
	})
}

// prove uses the rights that the option names, on a key of its own.
func (p *Provider) prove(ctx context.Context, op string, c *resp.Conn) error {
	key := p.opts.KeyPrefix + "rotor-verify-" + strings.ToLower(rand.Text())
	var commands [][]string
	switch p.opts.Rights {
	case rightsRead:
		commands = [][]string{{"GET", key}}
	case rightsWrite:
		commands = [][]string{{"SET", key, "1", "EX", "10"}, {"DEL", key}}
	default:
		commands = [][]string{{"PING"}}
	}
	for _, args := range commands {
		_, err := c.Do(ctx, args...)
		refusal := (*resp.Error)(nil)
		switch {
		case err == nil:
		case !errors.As(err, &refusal):
			return noContact(op, err)
		case p.opts.Rights == rightsLogin && refusal.Code == "NOPERM": // it was let in, that is all
		case refusal.Code == "MOVED", refusal.Code == "ASK", refusal.Code == "READONLY":
			// rights are looked at first; the key lives on another node
		case refusal.Code == "NOPERM":
			return fault.New(fault.Denied, "%s: the user may not %s a key that begins with %q", op, args[0], p.opts.KeyPrefix).
				WithHint("the login works but lacks this right; if it is not meant to have it, set another key-prefix or rights: login")
		case transientCode(refusal):
			return refused(op, args[0], refusal)
		default:
			return fault.New(fault.BadConfig, "%s: %s fails (%s)", op, args[0], refusal.Code).WithHint("rights and key-prefix say what verify tries")
		}
	}
	return nil
}

// Probe tries the value on every node. One node that takes it is enough to be alive; dead
// it is when each one refused it and none lists it any more.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	const op = "redis: probe"
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	doors, err := p.doors(ctx, op)
	if err != nil {
		return provider.NotKnown, err
	}
	name, word := p.userOf(v.Values), v.Values[password]
	var unclear error
	for _, d := range doors {
		c, err := p.enterAs(ctx, op, d, name, word)
		switch {
		case err == nil:
			_ = c.Close()
			if err := p.asks(ctx, op, name); fault.KindOf(err) == fault.BadConfig {
				return provider.NotKnown, err // any password gets in, a dead one too
			}
			return provider.Alive, nil
		case !errors.Is(err, errDead):
			unclear = err
		}
	}
	if unclear != nil {
		return provider.NotKnown, unclear
	}
	if err := p.unlisted(ctx, op, name, digest(word.Reveal())); err != nil {
		return provider.NotKnown, err
	}
	return provider.Refused, nil
}

// unlisted compares the refusal with what the nodes list: a proxy can refuse too.
func (p *Provider) unlisted(ctx context.Context, op, name, hash string) error {
	if p.opts.Strategy == rotation.InPlace {
		return nil
	}
	return p.each(ctx, op, func(ctx context.Context, n *node) error {
		u, err := n.user(ctx, name)
		if err == nil && u.on && u.has(hash) {
			err = fault.New(fault.Unknown, "%s: the login is refused, and yet user %s has the password%s", op, name, n.at()).
				WithHint("does something between Rotor and the server answer logins?")
		}
		return err
	})
}

// Identify names the handle of a password in use. It is tried: a user's name proves
// nothing.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	const op = "redis: identify"
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name := p.userOf(values)
	switch {
	case name == "":
		return rotation.Handle{}, fault.New(fault.BadConfig, "%s: the value has no user name", op).
			WithHint("a target must hold {{.username}}, or the whole URL must be taken apart by hand")
	case p.opts.Strategy != rotation.Alternate && name != p.opts.managed()[0]:
		return rotation.Handle{}, fault.New(fault.BadConfig, "%s: the value is for user %q, the option says %q", op, name, p.opts.managed()[0]).
			WithHint("correct the option user, or use strategy: alternate to move to other users")
	}
	doors, err := p.doors(ctx, op)
	if err != nil {
		return rotation.Handle{}, err
	}
	for _, d := range doors {
		c, err := p.enterAs(ctx, op, d, name, values[password])
		if err != nil {
			return rotation.Handle{}, err
		}
		_ = c.Close()
	}
	if err := p.asks(ctx, op, name); err != nil {
		return rotation.Handle{}, err
	}
	return p.handle(name, values[password].Reveal()), nil
}
