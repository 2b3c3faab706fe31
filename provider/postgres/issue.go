package postgres

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// Issue gives the role its new password and its login. Again with the same values
// it has the same result, because the verifier is part of them.
func (p *Provider) Issue(ctx context.Context, req provider.Request) (provider.Issued, error) {
	const op = "postgres: issue"
	if err := p.issuable(op, req); err != nil {
		return provider.Issued{}, err
	}
	if err := p.private(ctx, op); err != nil {
		return provider.Issued{}, err
	}
	if p.opts.bySelf() {
		return p.issueSelf(ctx, op, req)
	}
	slot := userOf(req.Values)
	issued := provider.Issued{Values: req.Values.Clone(), Handle: rotation.Handle{Slot: slot}}
	err := p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		r, err := s.role(ctx, slot, p.opts)
		if err != nil {
			return err
		}
		if err := p.issuableRole(op, slot, r); err != nil {
			return err
		}
		rows, err := s.change(ctx, p.opts.timeout(), s.hushed(p.login(s, slot, r, req)...)...)
		if err != nil {
			return p.explain(op, s, err)
		}
		if len(rows) != 1 {
			return fault.New(fault.Unknown, "%s: the role is gone right after it was altered", op)
		}
		issued.Handle.ID = rows[0][0]
		issued.NotAfter, err = notAfter(rows[0][1])
		return err
	})
	if err != nil {
		return provider.Issued{}, err
	}
	return issued, nil
}

// issuable refuses what must not be sent.
func (p *Provider) issuable(op string, req provider.Request) error {
	slot := userOf(req.Values)
	switch {
	case !p.manages(slot):
		return fault.New(fault.BadConfig, "%s: the value is for role %q, which is not one of the configured", op, slot).
			WithHint("were roles renamed in rotor.yaml while a rotation was open? put the old names back and finish it")
	case p.opts.Strategy == rotation.Alternate && slot == req.Current.Slot:
		return fault.New(fault.BadConfig, "%s: role %s is the one in use; its password would be overwritten", op, slot)
	case p.opts.Plaintext && !wordForm.MatchString(req.Values[password].Reveal()):
		return fault.New(fault.BadConfig, "%s: the value has no password of ours", op)
	case !p.opts.Plaintext && !verifierForm.MatchString(req.Values[verifier].Reveal()):
		return fault.New(fault.BadConfig, "%s: the value has no well-formed verifier", op)
	}
	return nil
}

func (p *Provider) issuableRole(op, slot string, r role) error {
	switch {
	case r.powerful && !p.opts.BreakGlass:
		return fault.New(fault.BadConfig, "%s: role %s has powers of its own (superuser, replication or bypassrls)", op, slot).
			WithHint("rotate a role that has only the application's rights")
	case !r.exists() && p.opts.Strategy == rotation.InPlace:
		return fault.New(fault.BadConfig, "%s: role %s does not exist", op, slot).
			WithHint("create it, or correct the option role")
	}
	return nil
}

// login is the transaction that opens the login. Its last statement returns the
// role's oid; as superuser it fails, and so undoes everything, if the server stored
// another text than was sent.
func (p *Provider) login(s *session, slot string, r role, req provider.Request) []statement {
	name := pgx.Identifier{slot}.Sanitize()
	owner := pgx.Identifier{p.opts.OwnerRole}.Sanitize()
	hash := p.sent(req.Values).Reveal() // becomes part of the ALTER ROLE statement
	verb := "ALTER ROLE "
	if !r.exists() {
		verb = "CREATE ROLE "
	}
	with := " LOGIN PASSWORD " + literal(hash) + " VALID UNTIL " + literal(r.until)
	if p.opts.Strategy == rotation.Alternate {
		with += " INHERIT"
	}
	if p.opts.ConnectionLimit > 0 {
		with += " CONNECTION LIMIT " + strconv.Itoa(p.opts.ConnectionLimit)
	}
	out := []statement{{sql: verb + name + with}}
	if p.opts.Strategy == rotation.Alternate {
		if !r.member {
			out = append(out, statement{sql: "GRANT " + owner + " TO " + name})
		}
		if !r.actsAsOwner {
			out = append(out, statement{sql: "ALTER ROLE " + name + " IN DATABASE " + pgx.Identifier{p.opts.Database}.Sanitize() +
				" SET role TO " + literal(p.opts.OwnerRole)})
		}
	}
	if req.Label != "" {
		out = append(out, statement{sql: "COMMENT ON ROLE " + name + " IS " + literal(labelled(r.comment, req.Label))})
	}
	if s.super && !p.opts.Plaintext {
		return append(out, statement{`SELECT oid::text, ` + untilText + `, 1 / (rolpassword = $2)::int FROM pg_authid WHERE rolname = $1`, []string{slot, hash}})
	}
	return append(out, statement{`SELECT oid::text, ` + untilText + ` FROM pg_roles WHERE rolname = $1`, []string{slot}})
}

// untilText is when the role's password runs out, "" if never.
const untilText = `COALESCE(to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '')`

// explain finds words for what the server refuses after it looked at the password.
func (p *Provider) explain(op string, s *session, err error) error {
	if s.super && strings.Contains(err.Error(), "(SQLSTATE 22012)") {
		return fault.New(fault.BadConfig, "%s: the server stored something else than the verifier; nothing was changed", op).
			WithHint("is there an extension that checks or rewrites passwords?")
	}
	if refused, ok := errors.AsType[*fault.Error](err); ok && refused.Kind == fault.Rejected && policyState.MatchString(refused.Op) {
		return refused.WithHint("an extension of the server checks passwords (passwordcheck, credcheck); Rotor sends only verifiers, " +
			"so let it accept those (credcheck.encrypted_password_allowed), or exempt the role")
	}
	return err
}

// policyState: what the known check_password_hooks raise. passwordcheck has 22023,
// credcheck 28000 and 0A000, functions in PL/pgSQL P0001.
var policyState = regexp.MustCompile(`SQLSTATE (22023|28000|0A000|P0001)`)

// role is what the server knows about a login.
type role struct {
	oid         string
	powerful    bool // superuser, replication, bypassrls
	member      bool // of the owner role
	actsAsOwner bool // SET role TO owner, in the database
	comment     string
	until       string // VALID UNTIL of a password given to it now
}

func (r role) exists() bool { return r.oid != "" }

// role looks a login up; one that does not exist has no oid.
func (s *session) role(ctx context.Context, name string, o Options) (role, error) {
	life := ""
	if o.lifetime() > 0 {
		life = strconv.FormatInt(int64(o.lifetime().Seconds()), 10)
	}
	rows, err := s.read(ctx, `SELECT COALESCE(r.oid::text, ''), COALESCE(r.rolsuper OR r.rolreplication OR r.rolbypassrls, false)::text,
		EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid WHERE m.member = r.oid AND o.rolname = $2)::text,
		EXISTS (SELECT FROM pg_db_role_setting c JOIN pg_database d ON d.oid = c.setdatabase
			WHERE c.setrole = r.oid AND d.datname = $3 AND ('role=' || $2) = ANY (c.setconfig))::text,
		COALESCE(shobj_description(r.oid, 'pg_authid'), ''),
		COALESCE(to_char((now() + make_interval(secs => NULLIF($4, '')::float8)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'infinity')
		FROM (SELECT) one LEFT JOIN pg_roles r ON r.rolname = $1`, name, o.OwnerRole, o.Database, life)
	if err != nil {
		return role{}, err
	}
	row := rows[0]
	return role{row[0], row[1] == "true", row[2] == "true", row[3] == "true", row[4], row[5]}, nil
}

// label is how ours stands at the end of a role's comment.
var label = regexp.MustCompile(` ?\[rotor:([a-z0-9-]+)\]$`)

// labelled keeps what a person wrote into the comment.
func labelled(comment, text string) string {
	return strings.TrimPrefix(label.ReplaceAllString(comment, "")+" [rotor:"+text+"]", " ")
}

// literal quotes a string for statements that take no parameters. E” makes it
// independent of standard_conforming_strings.
func literal(text string) string {
	text = strings.ReplaceAll(text, "'", "''")
	if strings.Contains(text, `\`) {
		return "E'" + strings.ReplaceAll(text, `\`, `\\`) + "'"
	}
	return "'" + text + "'"
}

// Find lists the logins that carry our label and are open.
func (p *Provider) Find(ctx context.Context, labelPrefix string) ([]provider.Found, error) {
	if p.opts.bySelf() {
		return nil, nil // a role may not label itself; there is but one, and no stray
	}
	var out []provider.Found
	err := p.admin.with(ctx, "postgres: find", func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT r.oid::text, r.rolname, d.description FROM pg_shdescription d
			JOIN pg_roles r ON r.oid = d.objoid
			WHERE d.classoid = 'pg_authid'::regclass AND r.rolcanlogin AND d.description LIKE '%[rotor:%]'`)
		for _, row := range rows {
			if m := label.FindStringSubmatch(row[2]); m != nil && strings.HasPrefix(m[1], labelPrefix) {
				out = append(out, provider.Found{Handle: rotation.Handle{ID: row[0], Slot: row[1]}, Label: m[1]})
			}
		}
		return err
	})
	return out, err
}
