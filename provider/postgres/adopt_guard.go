package postgres

import (
	"context"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// checkAdopted: a login that is neither of the two must not own anything when the
// application leaves it: the new ones could not use it.
func (p *Provider) checkAdopted(ctx context.Context, op string, s *session, name string) error {
	old, err := s.login(ctx, name)
	if err != nil || !old.exists() {
		return err
	}
	owns := old.owns
	if old.super { // some things stay with it
		err = p.visit(ctx, op, p.opts.Database, func(s *session) error {
			_, objects, err := (&adopting{p: p, old: old}).count(ctx, s, nil)
			owns = objects > 0
			return err
		})
	}
	if err != nil || !owns {
		return err
	}
	return fault.New(fault.BadConfig, "%s: the present login %s owns objects, which the new ones could not use", op, name).
		WithHint("rotor adopt shows, and then does, what hands them to %s", p.opts.OwnerRole)
}

// foreign is the name of a present login that is neither of the two, else "".
func (p *Provider) foreign(name string) string {
	if p.opts.Strategy != rotation.Alternate || p.manages(name) {
		return ""
	}
	return name
}

func (p *Provider) checkForeign(ctx context.Context, op string, s *session, name string) error {
	if name = p.foreign(name); name == "" {
		return nil
	}
	return p.checkAdopted(ctx, op, s, name)
}

// adopted is checkForeign for Make, which is the first to hear of a value that was never
// ours.
func (p *Provider) adopted(ctx context.Context, req provider.Request) error {
	name := req.Current.Slot
	if name == "" {
		name = userOf(req.Values)
	}
	if p.foreign(name) == "" {
		return nil
	}
	const op = "postgres: choose role"
	return p.admin.with(ctx, op, func(ctx context.Context, s *session) error { return p.checkAdopted(ctx, op, s, name) })
}
