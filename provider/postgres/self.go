package postgres

import (
	"context"
	"regexp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// self stands in the option admin for: the role alters itself.
const self = "self"

func (o Options) bySelf() bool { return o.Admin == self }

func (o Options) checkSelf() error {
	switch {
	case !o.bySelf() && o.Server != "":
		return bad("server stands beside an admin").WithHint("the admin's connection string says where the server is; server belongs to admin: self")
	case !o.bySelf():
		return nil
	case o.Strategy != rotation.InPlace:
		return bad("admin: self with alternating roles").WithHint("a role can change its own password, but not open another's login: name an admin, or choose strategy: in-place")
	case o.Server == "":
		return bad("admin: self, but no server").WithHint("say where it is: server: postgres://db.example:5432?sslmode=verify-full")
	case o.ValidFor != "" || o.ConnectionLimit != 0:
		return bad("valid-for and connection-limit need an admin").WithHint("a role may change nothing of itself but its password")
	}
	cfg, err := pgconn.ParseConfig(o.Server)
	switch {
	case err != nil:
		return bad("server: not a connection string").WithHint("for example postgres://db.example:5432?sslmode=verify-full")
	case credentialed.MatchString(o.Server):
		return bad("server has a user or a password in it").WithHint("both come from the value itself; leave them out")
	case isSocket(cfg.Host) && o.Address == "":
		return bad("server is a unix socket").WithHint("passwords are rarely asked there; give host and port, or set address")
	}
	return nil
}

// serverSource gives the way to the server where there is no admin.
func (o Options) serverSource() secret.Source { return secret.Fixed(secret.New(o.Server)) }

// credentialed: a user or a password stands in the text of a connection string.
var credentialed = regexp.MustCompile(`(?i)@|(^|[\s?&])(user|password)\s*=`)

// issueSelf lets the role change its own password. Which of the two passwords works
// tells what became of an earlier try: there is never a moment without one that does.
func (p *Provider) issueSelf(ctx context.Context, op string, req provider.Request) (provider.Issued, error) {
	issued := provider.Issued{Values: req.Values.Clone(), Handle: rotation.Handle{Slot: p.opts.Role}}
	conn, old, err := p.loginSelf(ctx, op, req)
	if err != nil {
		return provider.Issued{}, err
	}
	s := &session{conn: conn, op: op, heard: true}
	defer s.close()
	if issued.Handle.ID, err = p.ownOID(ctx, s); err != nil || !old {
		return issued, err // not old: an earlier try had arrived
	}
	if err := s.learnQuietAs(ctx); err != nil {
		return provider.Issued{}, err
	}
	_, err = s.change(ctx, p.opts.timeout(), s.hushed(
		statement{sql: "SET LOCAL ROLE NONE"}, // it may act as another role by its settings
		statement{sql: "ALTER ROLE " + pgx.Identifier{p.opts.Role}.Sanitize() + " PASSWORD " + literal(p.sent(req.Values).Reveal())})...)
	if err != nil {
		return provider.Issued{}, p.explain(op, s, err)
	}
	return issued, nil
}

// loginSelf logs in with the present password, or else with the new one. old says which.
func (p *Provider) loginSelf(ctx context.Context, op string, req provider.Request) (conn *pgconn.PgConn, old bool, err error) {
	if !req.Old[password].IsZero() {
		conn, err = p.connect(ctx, op, p.opts.Address, p.opts.Role, req.Old[password])
		if err == nil || fault.KindOf(err) != fault.Rejected {
			return conn, true, applied(err)
		}
	}
	refusal := err
	conn, err = p.connect(ctx, op, p.opts.Address, p.opts.Role, req.Values[password])
	switch {
	case err == nil:
		return conn, false, nil
	case fault.KindOf(err) != fault.Rejected:
		return nil, false, applied(err)
	case refusal == nil:
		return nil, false, fault.New(fault.BadConfig, "%s: the present password of %s is not known", op, p.opts.Role).
			WithHint("with admin: self the role logs in with it; adopt the credential first")
	}
	return nil, false, fault.New(fault.NeedsPerson, "%s: the server refuses both the present and the new password of %s", op, p.opts.Role).
		WithHint("somebody else changed it, or the role may no longer log in; set a password by hand and adopt the credential again")
}

// applied: nothing was sent but a login, so nothing can have been applied by it.
func applied(err error) error {
	if err != nil && fault.KindOf(err) == fault.Unknown {
		return fault.Wrap(fault.Transient, "", err)
	}
	return err
}

func (p *Provider) ownOID(ctx context.Context, s *session) (string, error) {
	rows, err := s.read(ctx, `SELECT oid::text FROM pg_roles WHERE rolname = session_user`)
	if err == nil && len(rows) != 1 {
		err = fault.New(fault.BadConfig, "%s: the login arrives as nobody", s.op)
	}
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// preflightSelf: without the present password all that can be asked is whether the
// server wants one.
func (p *Provider) preflightSelf(ctx context.Context, op string, req provider.Request) error {
	if !req.Old[password].IsZero() {
		if _, err := p.Identify(ctx, req.Old); err != nil {
			return err
		}
	}
	return p.asksEverywhere(ctx, op, p.opts.Role)
}

// identifySelf logs in and asks who that is.
func (p *Provider) identifySelf(ctx context.Context, op string, values secret.Set) (rotation.Handle, error) {
	conn, err := p.connect(ctx, op, p.opts.Address, p.opts.Role, values[password])
	if err != nil {
		return rotation.Handle{}, err
	}
	s := &session{conn: conn, op: op, heard: true}
	defer s.close()
	oid, err := p.ownOID(ctx, s)
	if err != nil {
		return rotation.Handle{}, err
	}
	return rotation.Handle{ID: oid, Slot: p.opts.Role}, nil
}

// noAdmin is the answer to what a role cannot do to itself.
func (p *Provider) noAdmin(op string) error {
	return fault.New(fault.NeedsPerson, "%s: with admin: self nobody can close the login of %s", op, p.opts.Role).
		WithHint("as superuser: ALTER ROLE %s NOLOGIN PASSWORD NULL", pgx.Identifier{p.opts.Role}.Sanitize())
}
