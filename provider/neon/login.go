package neon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// loginTimeout has room for a compute that wakes up.
const loginTimeout = 20 * time.Second

// Verify logs in and lets the server say who it is. A reset changes no rights, so
// none are tried.
func (p *Provider) Verify(ctx context.Context, v provider.Issued) error {
	return p.login(ctx, "neon: verify", v.Values[password])
}

// Probe: dead is what the branch refuses and no other branch would take. Where
// branches are to be listed or dealt with, one that keeps the password is a person's
// business.
func (p *Provider) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	const op = "neon: probe"
	word := v.Values[password]
	switch err := p.login(ctx, op, word); {
	case err == nil:
		return provider.Alive, nil
	case fault.KindOf(err) != fault.Rejected:
		return provider.NotKnown, err
	}
	if p.opts.ChildBranches == ignoreChildren {
		return provider.Refused, nil
	}
	keepers, err := p.keepers(ctx, "probe", word)
	switch {
	case err != nil:
		return provider.NotKnown, err
	case len(keepers) > 0:
		return provider.NotKnown, fault.New(fault.NeedsPerson, "%s: branch %s refuses it, %d others still take it", op, p.opts.Branch, len(keepers)).
			WithHint("reset the role there or delete them, then resume: %s", describe(keepers))
	}
	return provider.Refused, nil
}

// login uses the password on a fresh connection. Rejected: the server refuses this
// very login.
func (p *Provider) login(ctx context.Context, op string, word secret.Value) error {
	if word.IsZero() {
		return fault.New(fault.BadConfig, "%s: the value has no password", op)
	}
	cfg, err := p.config(op)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	cfg.Password = word.Reveal() // sent by the driver, never kept
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return loginFailure(ctx, op, err)
	}
	defer closeNow(conn)
	results, err := conn.Exec(ctx, "SELECT session_user::text").ReadAll()
	switch {
	case err != nil:
		return loginFailure(ctx, op, err)
	case len(results) != 1 || len(results[0].Rows) != 1 || string(results[0].Rows[0][0]) != p.opts.Role:
		return fault.New(fault.BadConfig, "%s: logged in as %s and arrived as somebody else", op, p.opts.Role)
	}
	return nil
}

// config leaves nothing to PGHOST, PGSSLMODE and their like. TLS with a checked name
// is left out on loopback only.
func (p *Provider) config(op string) (*pgconn.Config, error) {
	host, port := p.opts.address()
	mode := "verify-full"
	if apiclient.Loopback(host) {
		mode = "disable"
	}
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("host='%s' port=%d sslmode=%s connect_timeout=%d application_name=rotor", host, port, mode, int(loginTimeout.Seconds())))
	if err != nil { // repeats what stands in the environment
		return nil, fault.New(fault.BadConfig, "%s: the connection cannot be configured", op).WithHint("is a PG… variable set that cannot be used?")
	}
	cfg.User, cfg.Database = p.opts.Role, p.opts.Database
	cfg.Fallbacks = nil
	cfg.RequireAuth = "password,md5,scram-sha-256"
	cfg.RuntimeParams = map[string]string{"application_name": "rotor"}
	return cfg, nil
}

var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// loginFailure never repeats what pgx says: the parts of a connection string stand
// in it.
func loginFailure(ctx context.Context, op string, err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return noContact(ctx, op, err)
	}
	code := "none"
	if sqlState.MatchString(e.Code) {
		code = e.Code
	}
	state := func(kind fault.Kind, what string) *fault.Error {
		return fault.New(kind, "%s: %s (SQLSTATE %s)", op, what, code)
	}
	switch {
	case code == "28P01":
		return state(fault.Rejected, "the login is refused")
	case code == "3D000":
		return state(fault.BadConfig, "the data base does not exist").WithHint("check the option database")
	case code == "42501":
		return state(fault.Denied, "the role may not connect to the data base")
	}
	for _, class := range []string{"08", "53", "55", "57", "58"} {
		if strings.HasPrefix(code, class) {
			return state(fault.Transient, "the server cannot take the login now")
		}
	}
	return state(fault.Unknown, "the server does not let us in").WithHint("is the endpoint disabled, or host wrong? the console shows both")
}

func noContact(ctx context.Context, op string, err error) error {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return fault.Wrap(fault.Transient, op, ctx.Err())
	case strings.Contains(err.Error(), "require_auth check failed"):
		return fault.New(fault.BadConfig, "%s: the server lets the role in without asking for a password", op)
	case errors.As(err, &cert):
		return fault.New(fault.BadConfig, "%s: the server's certificate is not trusted", op).WithHint("check the option host")
	case errors.As(err, &dns):
		return fault.New(fault.Transient, "%s: the host name cannot be resolved", op).WithHint("check the option host")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Transient, "%s: connection refused", op)
	}
	return fault.New(fault.Transient, "%s: no contact", op)
}

func closeNow(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
