// Package postgres rotates PostgreSQL logins: two roles taking turns under one
// owner (strategy alternate), or one role's password (in-place).
//
// What surprises: no role is ever dropped. The server keeps sessions alive that
// were opened with a password since replaced, and even those of a dropped role;
// so Revoke closes the login first and then ends the sessions, by the role's oid.
package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// The fields of a value. verifier is what the server stores (pg_authid); PgBouncer
// takes it too. It is no plain text, and still nobody's business.
const (
	username = "username"
	password = "password"
	verifier = "verifier"
)

// userOf is the value's user name: public, but a value read from a target may not be
// marked so yet.
func userOf(values secret.Set) string { return values[username].Reveal() }

// nameOf also knows the one role of in-place, whose value need not name it.
func (p *Provider) nameOf(values secret.Set) string {
	if name := userOf(values); name != "" || p.opts.Strategy != rotation.InPlace {
		return name
	}
	return p.opts.Role
}

// Provider rotates the roles of one credential. It keeps one administrative
// connection open between calls; Close closes it.
type Provider struct {
	opts  Options
	admin *admin
	asked sync.Map // address and role -> time.Time: see asksForPassword
}

var (
	_ provider.Provider      = (*Provider)(nil)
	_ provider.Maker         = (*Provider)(nil)
	_ provider.Preflighter   = (*Provider)(nil)
	_ provider.Finder        = (*Provider)(nil)
	_ provider.Identifier    = (*Provider)(nil)
	_ provider.Prober        = (*Provider)(nil)
	_ provider.UsageReporter = (*Provider)(nil)
	_ provider.Clock         = (*Provider)(nil)
)

// New checks the options; nothing is connected. dsn gives the connection string
// of the administrative role and is read at each call; with admin: self it is not used.
func New(opts Options, dsn secret.Source) (*Provider, error) {
	opts, err := opts.validated()
	if err != nil {
		return nil, err
	}
	if opts.bySelf() {
		dsn = opts.serverSource()
	}
	return &Provider{opts: opts, admin: newAdmin(dsn)}, nil
}

// Close closes the administrative connection. The provider stays usable.
func (p *Provider) Close() error { return p.admin.Close() }

// Traits: the server obeys at once; a pooler in between may need a while.
func (p *Provider) Traits() provider.Traits {
	t := provider.Traits{
		Name:     name,
		Strategy: p.opts.Strategy,
		Minter:   rotation.ByRotor,
		Fields:   []provider.Field{{Name: username}, {Name: password, Secret: true}},
		InFlight: inFlight,
		Quota:    2,
	}
	if !p.opts.Plaintext {
		t.Fields = append(t.Fields, provider.Field{Name: verifier, Secret: true})
	}
	if p.opts.VerifyAddress != "" {
		t.Settle = poolerSettle
	}
	if t.Strategy == rotation.InPlace {
		t.Quota = 1
		t.Outage = "new connections with the old password are refused from the change until the consumer presents the new one; open sessions stay"
	}
	return t
}

const (
	// inFlight: a statement that reached the server ends within statement-timeout,
	// one minute at most (see validated); the rest is for the network.
	inFlight = 2 * time.Minute
	// poolerSettle: PgBouncer does not try a refused server login again for
	// server_login_retry, 15 s by default.
	poolerSettle = 20 * time.Second
)

// Make chooses the role whose turn it is and makes up a password. It may read
// from the server, never write.
func (p *Provider) Make(ctx context.Context, req provider.Request) (secret.Set, error) {
	slot, err := p.nextSlot(ctx, req)
	if err == nil {
		err = p.adopted(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	word := secret.Random(p.opts.Length)
	values := secret.Set{username: secret.Public(slot), password: word}
	if !p.opts.Plaintext { // else the server makes one of its own
		values[verifier] = secret.New(scramVerifier(word.Reveal(), newSalt()))
	}
	return values, nil
}

// nextSlot is the role that is not current. Without a handle the user name in the
// targets decides; without that, which of the roles may log in at all.
func (p *Provider) nextSlot(ctx context.Context, req provider.Request) (string, error) {
	if p.opts.Strategy == rotation.InPlace {
		return p.opts.Role, nil
	}
	a, b := p.opts.Roles[0], p.opts.Roles[1]
	for _, current := range []string{req.Current.Slot, userOf(req.Values)} {
		switch current {
		case a:
			return b, nil
		case b:
			return a, nil
		}
	}
	if !req.Current.IsZero() || userOf(req.Values) != "" {
		return a, nil // the current login is neither: an adopted one, or renamed options
	}
	return p.idleSlot(ctx)
}

// idleSlot asks the server when nothing is known about the current value.
func (p *Provider) idleSlot(ctx context.Context) (string, error) {
	logins := map[string]bool{}
	err := p.admin.with(ctx, "postgres: choose role", func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname IN ($1, $2)`,
			p.opts.Roles[0], p.opts.Roles[1])
		for _, row := range rows {
			logins[row[0]] = true
		}
		return err
	})
	switch a, b := p.opts.Roles[0], p.opts.Roles[1]; {
	case err != nil:
		return "", err
	case logins[a] && logins[b]:
		return "", fault.New(fault.NeedsPerson, "postgres: choose role: both %s and %s may log in, and nothing says which is in use", a, b).
			WithHint("adopt the credential, or take LOGIN from the one that is idle: ALTER ROLE … NOLOGIN")
	case logins[a]:
		return b, nil
	default:
		return a, nil
	}
}
