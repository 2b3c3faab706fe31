// Package redis rotates the passwords of Redis and Valkey users: two passwords of one
// user (strategy overlap), two users taking turns (alternate), or requirepass (in-place).
//
// What surprises: the server never tells which password a session was opened with, and
// keeps sessions whose password is gone. So while two passwords live, a third entry
// stands among them that is the hash of nothing: it begins with "rotor" in hex and holds
// the server's own time, from which Revoke knows which sessions are older than the new
// password. See mark.go.
package redis

import (
	"context"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// The fields of a value.
const (
	username = "username"
	password = "password"
)

// defaultUser is who a client is that sends a password alone.
const defaultUser = "default"

// userOf is the value's user name: public, but a value read from a target may not be
// marked so yet.
func userOf(values secret.Set) string { return values[username].Reveal() }

// Provider rotates the users of one credential. It connects anew for each call.
type Provider struct {
	opts  Options
	admin secret.Source
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Maker         = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. admin gives the URL of the
// administrative user and is read at each call.
func New(opts Options, admin secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	return &Provider{opts: opts, admin: admin}, nil
}

// inFlight: a command either is in the server's hands at once or dies with its
// connection; callTimeout bounds the latter.
const inFlight = time.Minute

// Traits: the server obeys at once.
func (p *Provider) Traits() provider.Traits {
	t := provider.Traits{
		Name:     name,
		Strategy: p.opts.Strategy,
		Minter:   rotation.ByRotor,
		Fields:   []provider.Field{{Name: password, Secret: true}, {Name: username}},
		InFlight: inFlight,
		Quota:    2,
	}
	if t.Strategy == rotation.InPlace {
		t.Quota = 1
		t.Outage = "new connections with the old password are refused from the change until the consumer presents the new one; open sessions stay"
	}
	return t
}

// Make chooses the user whose turn it is and makes up a password. It may read from
// the server, never write.
func (p *Provider) Make(ctx context.Context, req provider.Request) (secret.Set, error) {
	slot, err := p.nextUser(ctx, req)
	if err != nil {
		return nil, err
	}
	word := secret.Random(p.opts.Length)
	for !unguessable(word.Reveal()) {
		word = secret.Random(p.opts.Length)
	}
	return secret.Set{username: secret.Public(slot), password: word}, nil
}

// nextUser is the user that is not current. Without a handle the user name in the
// targets decides; without that, which of the users can log in at all.
func (p *Provider) nextUser(ctx context.Context, req provider.Request) (string, error) {
	if p.opts.Strategy != rotation.Alternate {
		return p.opts.managed()[0], nil
	}
	a, b := p.opts.Users[0], p.opts.Users[1]
	for _, current := range []string{req.Current.Slot, userOf(req.Values)} {
		switch current {
		case a:
			return b, nil
		case b:
			return a, nil
		}
	}
	if !req.Current.IsZero() {
		return a, nil // the current login is neither: an adopted one, or renamed options
	}
	return p.idleUser(ctx)
}

// idleUser asks the server when nothing is known about the current value.
func (p *Provider) idleUser(ctx context.Context) (string, error) {
	const op = "redis: choose user"
	a, b := p.opts.Users[0], p.opts.Users[1]
	open := map[string]bool{}
	err := p.each(ctx, op, func(ctx context.Context, n *node) error {
		for _, name := range p.opts.Users {
			u, err := n.user(ctx, name)
			if err != nil {
				return err
			}
			open[name] = open[name] || u.open()
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case open[a] && open[b]:
		return "", fault.New(fault.NeedsPerson, "%s: both %s and %s can log in, and nothing says which is in use", op, a, b).
			WithHint("adopt the credential, or close the one that is idle: ACL SETUSER … off resetpass")
	case open[a]:
		return b, nil
	}
	return a, nil
}

// Now is the clock of the first node.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := p.first(ctx, "redis: clock", func(ctx context.Context, n *node) (err error) {
		now, err = n.clock(ctx)
		return err
	})
	return now, err
}
