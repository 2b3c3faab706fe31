package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// askForPassword: only logins for which the server wants a password count. Where
// pg_hba.conf says trust, peer or cert every password "works".
const askForPassword = "password,md5,scram-sha-256"

// Verify logs in over TCP, through verify-address if there is one, and uses the
// rights inside a transaction that is rolled back.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	const op = "postgres: verify"
	address := p.opts.VerifyAddress
	if address == "" {
		address = p.opts.Address
	}
	name := p.nameOf(v.Values)
	conn, err := p.connect(ctx, op, address, name, v.Values[password])
	if err != nil {
		return err
	}
	defer closeNow(conn)
	return p.prove(ctx, op, conn, name)
}

// prove sends everything as one message: a pooler must not spread it over sessions.
func (p *Provider) prove(ctx context.Context, op string, conn *pgconn.PgConn, name string) error {
	sql := []string{"BEGIN", "SET LOCAL statement_timeout = " + milliseconds(p.opts.timeout()),
		"SELECT session_user::text, current_user::text, current_setting('is_superuser')"}
	if p.opts.Rights == rightsOwner {
		// needs the same right as a table, for a third of the server's work, and leaves less behind
		sql = append(sql, "CREATE DOMAIN rotor_verify_"+strings.ToLower(rand.Text())+" AS integer")
	}
	if p.opts.VerifyTable != "" {
		sql = append(sql, "INSERT INTO "+pgx.Identifier(strings.Split(p.opts.VerifyTable, ".")).Sanitize()+" DEFAULT VALUES")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout+p.opts.timeout())
	defer cancel()
	results, err := conn.Exec(ctx, strings.Join(append(sql, "ROLLBACK"), "; ")).ReadAll()
	if len(results) > 2 && len(results[2].Rows) == 1 {
		who := texts(results[2].Rows)[0]
		if err := p.rightIdentity(op, name, who[0], who[1], who[2] == "on"); err != nil {
			return err
		}
	} else if err == nil {
		return fault.New(fault.Unknown, "%s: the server answers nonsense", op)
	}
	if err != nil {
		return p.proofFailure(op, err)
	}
	return nil
}

// rightIdentity: if the login is no member of the owner role, the server lets it in
// with a mere warning, and it owns nothing. Only a superuser from before Rotor goes on as
// itself.
func (p *Provider) rightIdentity(op, name, session, current string, super bool) error {
	switch {
	case session != name:
		return fault.New(fault.BadConfig, "%s: logged in as %s and arrived as %s", op, name, session).
			WithHint("a pooler with a forced user= hides which login is in use")
	case super && p.foreign(name) != "":
	case p.opts.OwnerRole != "" && current != p.opts.OwnerRole:
		return fault.New(fault.Denied, "%s: role %s acts as %s, not as %s", op, name, current, p.opts.OwnerRole).
			WithHint("GRANT the owner role to it, and ALTER ROLE … IN DATABASE … SET role TO the owner role")
	}
	return nil
}

// proofFailure may repeat the server's words: the statements hold no secret.
func (p *Provider) proofFailure(op string, err error) error {
	e := lastServerError(err)
	switch {
	case e == nil:
		kind, cause := noContact(err)
		return fault.Wrap(kind, op, cause)
	case e.Code == "42501":
		return fault.New(fault.Denied, "%s: %s (SQLSTATE 42501)", op, e.Message).
			WithHint("the login works but lacks this right; if it is not meant to have it, set rights: table or login")
	case e.Code == "3F000":
		return fault.New(fault.BadConfig, "%s: %s (SQLSTATE 3F000)", op, e.Message).
			WithHint("the login's search_path has no schema; set rights: table with a verify-table, or rights: login")
	case e.Code == "25006":
		return fault.New(fault.BadConfig, "%s: %s (SQLSTATE 25006)", op, e.Message).
			WithHint("verify-address leads to a standby; set rights: login, or choose the primary")
	case transientState(e.Code):
		return fault.New(fault.Transient, "%s: %s (SQLSTATE %s)", op, e.Message, e.Code)
	}
	return fault.New(fault.BadConfig, "%s: %s (SQLSTATE %s)", op, e.Message, e.Code).
		WithHint("rights and verify-table say what verify tries")
}

// Probe logs in at the server itself: a pooler's refusal proves nothing about the role.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	const op = "postgres: probe"
	name := p.nameOf(v.Values)
	conn, err := p.connect(ctx, op, p.opts.Address, name, v.Values[password])
	switch {
	case errors.Is(err, errDead):
		return p.refusedOrExpired(ctx, op, name), nil
	case fault.KindOf(err) == fault.Rejected && err != nil && p.closed(ctx, op, name):
		return provider.Refused, nil
	case fault.KindOf(err) == fault.Denied && err != nil:
		return provider.Restricted, nil // authenticated, but may not connect to the database
	case err != nil:
		return provider.NotKnown, err
	}
	defer closeNow(conn)
	result := conn.ExecParams(ctx, "SELECT current_user::text", nil, nil, nil, nil).Read()
	if result.Err != nil || len(result.Rows) != 1 {
		return provider.Alive, nil // it was let in
	}
	if current := texts(result.Rows)[0][0]; p.opts.Strategy == rotation.Alternate && current != p.opts.OwnerRole {
		return provider.Restricted, nil
	}
	return provider.Alive, nil
}

// connect logs a managed role in. A failure that proves the login dead is errDead.
func (p *Provider) connect(ctx context.Context, op, address, name string, word secret.Value) (*pgconn.PgConn, error) {
	if name == "" || word.IsZero() {
		return nil, fault.New(fault.BadConfig, "%s: the value has no user name or no password", op)
	}
	cfg, err := p.loginConfig(ctx, op, address, name)
	if err != nil {
		return nil, err
	}
	cfg.Password, cfg.RequireAuth = word.Reveal(), askForPassword // sent by the driver, never kept
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, p.loginFailure(op, cfg, err)
	}
	return conn, nil
}

// asksForPassword goes as far as the server's first question and hangs up, so that
// no failed login is counted. nil: a password is wanted.
func (p *Provider) asksForPassword(ctx context.Context, op, address, name string) error {
	key := address + "\x00" + name
	if at, ok := p.asked.Load(key); ok && time.Since(at.(time.Time)) < askAgain {
		return nil
	}
	err := p.wantsPassword(ctx, op, address, name)
	if err == nil {
		p.asked.Store(key, time.Now())
	}
	return err
}

// askAgain is how long the server's rules are taken to stay as they were. Verify
// demands a password check at every login, so a change is noticed before anybody
// is sent to the new value.
const askAgain = 10 * time.Minute

func (p *Provider) wantsPassword(ctx context.Context, op, address, name string) error {
	cfg, err := p.loginConfig(ctx, op, address, name)
	if err != nil {
		return err
	}
	cfg.Password, cfg.RequireAuth = "", "none"
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	switch {
	case err == nil:
		closeNow(conn)
		return noPasswordAsked(op)
	case otherMethod(err), refusedByPooler(err): // a pooler does not know the role yet
		return nil
	case provenDead(err): // asked nothing, looked the role up: trust, and no such login yet
		return noPasswordAsked(op)
	}
	return loginFailure(op, err)
}
