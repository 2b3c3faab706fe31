package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Preflight asks everything that can be asked without effect: the admin's rights,
// the roles, whether the idle one is really idle, whether the server asks it for a
// password.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	const op = "postgres: preflight"
	slot, err := p.nextSlot(ctx, req)
	if err != nil {
		return err
	}
	err = p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		for _, check := range []func(context.Context, string, *session, string) error{
			p.checkAdmin, p.checkOwner, p.checkSlot,
		} {
			if err := check(ctx, op, s, slot); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, address := range slices.Compact([]string{p.opts.Address, p.opts.VerifyAddress}) {
		if err := p.asksForPassword(ctx, op, address, slot); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) checkAdmin(_ context.Context, op string, s *session, _ string) error {
	switch {
	case s.version < minVersion:
		return fault.New(fault.BadConfig, "%s: PostgreSQL %d is too old", op, s.version).WithHint("%d or newer is needed", minVersion)
	case s.standby:
		return fault.New(fault.BadConfig, "%s: the admin's connection leads to a standby", op).WithHint("let it lead to the primary")
	case slices.Contains(p.opts.managed(), s.user) || s.user == p.opts.OwnerRole:
		return fault.New(fault.BadConfig, "%s: the admin is %s, which is itself one of the roles", op, s.user).
			WithHint("make a role of its own for Rotor; see `rotor providers postgres`")
	case !s.roles:
		return fault.New(fault.Denied, "%s: the admin may not alter roles", op).WithHint("ALTER ROLE %q CREATEROLE", s.user)
	case !s.signal:
		return fault.New(fault.Denied, "%s: the admin may not end sessions", op).WithHint("GRANT pg_signal_backend TO %q", s.user)
	case !s.statistic:
		return fault.New(fault.Denied, "%s: the admin does not see other roles' sessions", op).WithHint("GRANT pg_read_all_stats TO %q", s.user)
	}
	return nil
}

func (p *Provider) checkOwner(ctx context.Context, op string, s *session, _ string) error {
	rows, err := s.read(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datallowconn)::text,
		COALESCE((SELECT CASE WHEN rolsuper THEN 'super' WHEN rolcanlogin THEN 'login' ELSE 'fine' END FROM pg_roles WHERE rolname = $2), 'missing')`,
		p.opts.Database, p.opts.OwnerRole)
	if err != nil {
		return err
	}
	if rows[0][0] != "true" {
		return fault.New(fault.BadConfig, "%s: there is no database %q", op, p.opts.Database).WithHint("check the option database")
	}
	if p.opts.OwnerRole == "" {
		return nil
	}
	switch rows[0][1] {
	case "missing":
		return fault.New(fault.BadConfig, "%s: there is no owner role %q", op, p.opts.OwnerRole).
			WithHint("CREATE ROLE %q NOLOGIN, and REASSIGN OWNED BY the present login TO it in every database", p.opts.OwnerRole)
	case "super":
		return fault.New(fault.BadConfig, "%s: the owner role %s is a superuser", op, p.opts.OwnerRole).
			WithHint("both logins would be superusers")
	case "login":
		return fault.New(fault.BadConfig, "%s: the owner role %s can log in", op, p.opts.OwnerRole).
			WithHint("ALTER ROLE %q NOLOGIN once no session uses it: its own password would never be rotated", p.opts.OwnerRole)
	}
	return s.checkGrantable(ctx, op, p.opts)
}

// checkGrantable: from PostgreSQL 16 on CREATEROLE reaches only roles that the admin
// has the admin option on.
func (s *session) checkGrantable(ctx context.Context, op string, o Options) error {
	if s.super || s.version < 16 {
		return nil
	}
	rows, err := s.read(ctx, `SELECT rolname FROM pg_roles WHERE rolname = ANY ($1::text[])
		AND NOT pg_has_role(oid, 'MEMBER WITH ADMIN OPTION')`, array(append([]string{o.OwnerRole}, o.managed()...)))
	if err != nil || len(rows) == 0 {
		return err
	}
	return fault.New(fault.Denied, "%s: the admin has no admin option on role %s", op, rows[0][0]).
		WithHint("GRANT %q TO %q WITH ADMIN OPTION", rows[0][0], s.user)
}

// checkSlot: the role whose turn it is must be harmless, and idle where it alternates.
func (p *Provider) checkSlot(ctx context.Context, op string, s *session, slot string) error {
	rows, err := s.read(ctx, `SELECT (rolsuper OR rolreplication OR rolbypassrls OR rolcreaterole OR rolcreatedb)::text,
		(SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o')::text,
		(SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid)::text
		FROM pg_roles r WHERE rolname = $1`, slot)
	if err != nil {
		return err
	}
	alternate := p.opts.Strategy == rotation.Alternate
	if len(rows) == 0 {
		if alternate {
			return nil // Issue creates it
		}
		return fault.New(fault.BadConfig, "%s: there is no role %q", op, slot).WithHint("create it, or correct the option role")
	}
	switch powers, owned, sessions := rows[0][0], rows[0][1], rows[0][2]; {
	case powers == "true":
		return fault.New(fault.BadConfig, "%s: role %s has powers of its own (superuser, replication, bypassrls, createrole or createdb)", op, slot).
			WithHint("rotate a role that has only the application's rights")
	case alternate && owned != "0":
		return fault.New(fault.BadConfig, "%s: role %s owns %s objects; with alternating logins all belong to the owner role", op, slot, owned).
			WithHint("in every database: REASSIGN OWNED BY %q TO %q", slot, p.opts.OwnerRole)
	case alternate && sessions != "0":
		return fault.New(fault.NeedsPerson, "%s: role %s should be idle and has %s open sessions", op, slot, sessions).
			WithHint("its password is about to change; see who it is in pg_stat_activity and move them to the current login")
	}
	return nil
}

// array is a text[] literal.
func array(items []string) string {
	out := "{"
	for i, item := range items {
		if i > 0 {
			out += ","
		}
		out += strconv.Quote(item)
	}
	return out + "}"
}
