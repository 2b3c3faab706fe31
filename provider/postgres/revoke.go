package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Revoke closes the role's login and ends its sessions, by oid: a renamed role is
// still found, and a new role of the same name is left alone. A role that is gone
// is nil.
//
// In-place, the handle is the role itself: Revoke ends the value that it has now.
// The engine does not call it for a password that was overwritten.
func (p *Provider) Revoke(ctx context.Context, h rotation.Handle) error {
	const op = "postgres: revoke"
	switch {
	case !isOID(h.ID):
		return fault.New(fault.BadConfig, "%s: the handle has no oid", op)
	case p.opts.bySelf():
		return p.noAdmin(op)
	}
	return p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		name, err := p.revocable(ctx, op, s, h)
		if err != nil || name == "" {
			return err
		}
		_, ended, err := s.changeThen(ctx, p.opts.timeout(), endSessions(h.ID),
			statement{sql: "ALTER ROLE " + pgx.Identifier{name}.Sanitize() + " NOLOGIN PASSWORD NULL"},
			// fails, and so undoes the change, if the name meanwhile belongs to another role
			statement{`SELECT 1 / (NOT rolcanlogin)::int FROM pg_roles WHERE oid = $1::oid`, []string{h.ID}})
		if err != nil || ended != nil && len(ended) == 0 {
			return err
		}
		return s.untilEnded(ctx, h.ID)
	})
}

func isOID(text string) bool {
	return text != "" && len(text) <= 10 && leadingDigits(text) == text
}

// revocable is the role's present name, "" if it is gone. Roles whose end would hurt
// more than the credential are refused.
func (p *Provider) revocable(ctx context.Context, op string, s *session, h rotation.Handle) (string, error) {
	rows, err := s.read(ctx, `SELECT rolname, rolsuper::text, (rolname = session_user OR rolname = current_user)::text,
		COALESCE(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE oid = $1::oid`, h.ID)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	switch name := rows[0][0]; {
	case rows[0][1] == "true":
		return "", keptSuperuser(op, name)
	case rows[0][2] == "true" || name == p.opts.OwnerRole:
		return "", fault.New(fault.BadConfig, "%s: role %s is the owner role or the admin itself; it is not revoked", op, name).
			WithHint("the handle must be a login of the application; if Rotor's admin connection uses the application's login, make a role of its own for Rotor")
	case h.Slot != "" && name != h.Slot && !label.MatchString(rows[0][3]):
		// an oid is immutable within one cluster; after dump and restore it is anybody's
		return "", fault.New(fault.NeedsPerson, "%s: the role with oid %s is called %s, not %s, and carries no label of Rotor's", op, h.ID, name, h.Slot).
			WithHint("was the database moved by dump and restore? close the login %s by hand", h.Slot)
	case !s.signal:
		return "", fault.New(fault.Denied, "%s: the admin may not end sessions", op).
			WithHint("GRANT pg_signal_backend TO the admin; nothing was changed")
	default:
		return name, nil
	}
}

// keptSuperuser: to close a superuser may lock everybody out of the cluster, and nobody
// can tell from inside whether another one can still log in. A person decides.
func keptSuperuser(op, name string) error {
	return fault.New(fault.NeedsPerson, "%s: role %s is a superuser and is kept as break-glass", op, name).
		WithHint("the old password of %s still works: give the role another one, which you keep, by \\password %s in psql, or as a credential with strategy: in-place, role: %s, break-glass: true", name, name, name)
}

// rounds of ending sessions: one is enough unless a login was just on its way in.
const rounds = 5

// endSessions waits up to two seconds for each session, in the server. No row: there was
// none.
func endSessions(oid string) statement {
	return statement{`SELECT pg_terminate_backend(pid, 2000)::text FROM pg_stat_get_activity(NULL)
		WHERE usesysid = $1::oid AND pid <> pg_backend_pid()`, []string{oid}}
}

func (s *session) untilEnded(ctx context.Context, oid string) error {
	end := endSessions(oid)
	for range rounds {
		rows, err := s.read(ctx, end.sql, end.params...)
		if err != nil || len(rows) == 0 {
			return err
		}
	}
	return fault.New(fault.Transient, "%s: the login is closed, but sessions of the role do not end", s.op).
		WithHint("SELECT pid, state, query FROM pg_stat_activity WHERE usesysid = %s", oid)
}

// Usage counts the role's open sessions, without our own, which may take a moment to
// end after we hung up, and without the server's own workers, which run as the bootstrap
// superuser. None now does not mean none tonight.
func (p *Provider) Usage(ctx context.Context, h rotation.Handle) (provider.Usage, error) {
	const op = "postgres: usage"
	if !isOID(h.ID) {
		return provider.Usage{}, fault.New(fault.BadConfig, "%s: the handle has no oid", op)
	}
	var u provider.Usage
	if p.opts.bySelf() {
		return u, nil // only by logging in, which would count as use
	}
	err := p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		if !s.statistic {
			return nil // the sessions of other roles are hidden from us
		}
		rows, err := s.read(ctx, `SELECT COALESCE(NULLIF(application_name, ''), 'unnamed') || ' from ' || COALESCE(host(client_addr), 'the server itself'),
			pid::text, to_char(GREATEST(backend_start, state_change) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
			FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::oid AND application_name <> '`+ourName+`'
			AND (usesysid <> 10 OR backend_type IN ('client backend', 'walsender')) ORDER BY 1, 2`, h.ID)
		if err == nil {
			u, err = usageOf(rows)
		}
		return err
	})
	return u, err
}

func usageOf(rows [][]string) (provider.Usage, error) {
	u := provider.Usage{Known: true, Active: len(rows), Sessions: []provider.Session{}}
	for _, row := range rows {
		u.Sessions = append(u.Sessions, provider.Session{ID: row[1], Who: row[0]})
		if !slices.Contains(u.Who, row[0]) {
			u.Who = append(u.Who, row[0])
		}
		at, err := time.Parse(time.RFC3339, row[2])
		if err != nil {
			return u, fault.New(fault.Unknown, "postgres: usage: the server's answer makes no sense")
		}
		if at.After(u.LastUsed) {
			u.LastUsed = at
		}
	}
	return u, nil
}

// Now is the server's clock.
func (p *Provider) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if p.opts.bySelf() {
		return now, p.noAdmin("postgres: clock")
	}
	err := p.admin.with(ctx, "postgres: clock", func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)
		if err != nil {
			return err
		}
		if now, err = time.Parse(time.RFC3339, rows[0][0]); err != nil {
			return fault.New(fault.Unknown, "postgres: clock: the server's time makes no sense")
		}
		return nil
	})
	return now, err
}
