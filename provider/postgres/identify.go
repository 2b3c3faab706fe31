package postgres

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Identify names the handle of a login in use. The password is tried: a role's name
// alone proves nothing.
func (p *Provider) Identify(ctx context.Context, values secret.Set) (rotation.Handle, error) {
	const op = "postgres: identify"
	if p.opts.bySelf() {
		return p.identifySelf(ctx, op, values)
	}
	name := p.nameOf(values)
	if name == "" {
		return rotation.Handle{}, fault.New(fault.BadConfig, "%s: the value has no user name", op).
			WithHint("a target must hold {{.username}}, or the whole connection string must be taken apart by hand")
	}
	var r role
	err := p.admin.with(ctx, op, func(ctx context.Context, s *session) (err error) {
		r, err = s.role(ctx, name, p.opts)
		return err
	})
	foreign := p.opts.Strategy == rotation.Alternate && !p.manages(name)
	switch {
	case err != nil:
		return rotation.Handle{}, err
	case !r.exists():
		return rotation.Handle{}, fault.New(fault.Rejected, "%s: there is no role %q", op, name)
	case r.powerful && !foreign && !p.opts.BreakGlass: // from a foreign one the application moves away
		return rotation.Handle{}, fault.New(fault.BadConfig, "%s: role %s has powers of its own (superuser, replication or bypassrls)", op, name).
			WithHint("move the application to a role with only its own rights first")
	}
	conn, err := p.connect(ctx, op, p.opts.Address, name, values[password])
	if err != nil {
		return rotation.Handle{}, err
	}
	closeNow(conn)
	return rotation.Handle{ID: r.oid, Slot: name}, nil
}
