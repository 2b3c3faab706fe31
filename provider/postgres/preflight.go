package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Preflight asks everything that can be asked without effect: the admin's rights,
// the roles, whether the idle one is really idle, whether the server asks it for a
// password.
func (p *Provider) Preflight(ctx context.Context, req provider.Request) error {
	const op = "postgres: preflight"
	if err := p.private(ctx, op); err != nil {
		return err
	}
	if p.opts.bySelf() {
		return p.preflightSelf(ctx, op, req)
	}
	slot, err := p.nextSlot(ctx, req)
	if err != nil {
		return err
	}
	err = p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		if err := p.checkAdmin(op, s); err != nil {
			return err
		}
		seen, err := s.survey(ctx, p.opts, slot, req.Current)
		if err != nil {
			return err
		}
		for _, check := range []func(string, *session, survey) error{p.checkOwner, p.checkGrantable, p.checkSlot} {
			if err := check(op, s, seen); err != nil {
				return err
			}
		}
		return p.checkForeign(ctx, op, s, req.Current.Slot)
	})
	if err != nil {
		return err
	}
	return p.asksEverywhere(ctx, op, slot)
}

func (p *Provider) asksEverywhere(ctx context.Context, op, slot string) error {
	for _, address := range slices.Compact([]string{p.opts.Address, p.opts.VerifyAddress}) {
		if err := p.asksForPassword(ctx, op, address, slot); err != nil {
			return err
		}
	}
	return nil
}

// survey is what one query says about the server before a rotation.
type survey struct {
	database    bool   // exists and takes connections
	owner       string // missing, super, login, fine
	ungrantable string // a role that the admin has no admin option on
	slot        string
	exists      bool // the slot's role
	powers      bool
	owned       string // objects
	sessions    string
}

func (s *session) survey(ctx context.Context, o Options, slot string, current rotation.Handle) (survey, error) {
	// from PostgreSQL 16 on CREATEROLE reaches only roles with the admin option
	var reached []string
	if s.version >= 16 {
		reached = append([]string{o.OwnerRole, current.Slot}, o.managed()...)
	}
	rows, err := s.read(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datallowconn)::text,
		COALESCE((SELECT CASE WHEN rolsuper THEN 'super' WHEN rolcanlogin THEN 'login' ELSE 'fine' END FROM pg_roles WHERE rolname = $2), 'missing'),
		COALESCE((SELECT rolname FROM pg_roles WHERE rolname = ANY ($4::text[]) AND NOT rolsuper
			AND NOT pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') LIMIT 1)::text, ''),
		(r.oid IS NOT NULL)::text, COALESCE(rolsuper OR rolreplication OR rolbypassrls OR rolcreaterole OR rolcreatedb, false)::text,
		(SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND deptype = 'o')::text,
		(SELECT count(*) FROM pg_stat_get_activity(NULL) WHERE usesysid = r.oid AND application_name <> '`+ourName+`')::text
		FROM (SELECT) one LEFT JOIN pg_roles r ON rolname = $3`,
		o.Database, o.OwnerRole, slot, array(reached))
	if err != nil {
		return survey{}, err
	}
	row := rows[0]
	return survey{row[0] == "true", row[1], row[2], slot, row[3] == "true", row[4] == "true", row[5], row[6]}, nil
}

func (p *Provider) checkAdmin(op string, s *session) error {
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

func (p *Provider) checkOwner(op string, _ *session, seen survey) error {
	if !seen.database {
		return fault.New(fault.BadConfig, "%s: there is no database %q", op, p.opts.Database).WithHint("check the option database")
	}
	if p.opts.OwnerRole == "" {
		return nil
	}
	switch seen.owner {
	case "missing":
		return fault.New(fault.BadConfig, "%s: there is no owner role %q", op, p.opts.OwnerRole).
			WithHint("rotor adopt makes it, and hands the objects of the present login to it; if there is no login yet: CREATE ROLE %q NOLOGIN", p.opts.OwnerRole)
	case "super":
		return fault.New(fault.BadConfig, "%s: the owner role %s is a superuser", op, p.opts.OwnerRole).
			WithHint("both logins would be superusers")
	case "login":
		return fault.New(fault.BadConfig, "%s: the owner role %s can log in", op, p.opts.OwnerRole).
			WithHint("ALTER ROLE %q NOLOGIN once no session uses it: its own password would never be rotated", p.opts.OwnerRole)
	}
	return nil
}

func (p *Provider) checkGrantable(op string, s *session, seen survey) error {
	if s.super || seen.ungrantable == "" {
		return nil
	}
	return fault.New(fault.Denied, "%s: the admin has no admin option on role %s", op, seen.ungrantable).
		WithHint("GRANT %q TO %q WITH ADMIN OPTION", seen.ungrantable, s.user)
}

// checkSlot: the role whose turn it is must be harmless, and idle where it alternates.
func (p *Provider) checkSlot(op string, _ *session, seen survey) error {
	slot := seen.slot
	alternate := p.opts.Strategy == rotation.Alternate
	if !seen.exists {
		if alternate {
			return nil // Issue creates it
		}
		return fault.New(fault.BadConfig, "%s: there is no role %q", op, slot).WithHint("create it, or correct the option role")
	}
	switch {
	case seen.powers && !p.opts.BreakGlass:
		return fault.New(fault.BadConfig, "%s: role %s has powers of its own (superuser, replication, bypassrls, createrole or createdb)", op, slot).
			WithHint("rotate a role that has only the application's rights")
	case alternate && seen.owned != "0":
		return fault.New(fault.BadConfig, "%s: role %s owns %s objects; with alternating logins all belong to the owner role", op, slot, seen.owned).
			WithHint("in every database: REASSIGN OWNED BY %q TO %q", slot, p.opts.OwnerRole)
	case alternate && seen.sessions != "0":
		return fault.New(fault.NeedsPerson, "%s: role %s should be idle and has %s open sessions", op, slot, seen.sessions).
			WithHint("its password is about to change; see who it is in pg_stat_activity and move them to the current login")
	}
	return nil
}

// array is a text[] literal.
func array(items []string) string {
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(item) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
