package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
)

// No error of pgx is ever wrapped: a connection string that was taken apart wrongly
// (a password with a slash) shows up in them as a host or a database. What is kept
// is the SQLSTATE, and the server's message where our statement held no secret.

// serverErrors lists all answers of servers in err: with several hosts, or with and
// without TLS, one connect has several.
func serverErrors(err error) []*pgconn.PgError {
	if err == nil {
		return nil
	}
	if e, ok := err.(*pgconn.PgError); ok {
		return []*pgconn.PgError{e}
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return serverErrors(u.Unwrap())
	case interface{ Unwrap() []error }:
		var out []*pgconn.PgError
		for _, e := range u.Unwrap() {
			out = append(out, serverErrors(e)...)
		}
		return out
	}
	return nil
}

// lastServerError is the decisive one: pgx stops after it.
func lastServerError(err error) *pgconn.PgError {
	if all := serverErrors(err); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// provenDead: the server itself looked at this very role and refused it. 28000 alone
// is no proof, it is also "no pg_hba.conf entry"; nor is 28P01 from a proxy that
// answers by itself. The name of the server's routine tells, and unlike the message
// it is not translated.
func provenDead(err error) bool {
	for _, e := range serverErrors(err) {
		if e.Code == "28P01" && e.Routine == "auth_failed" || e.Code == "28000" && e.Routine == "InitializeSessionUserId" {
			return true
		}
	}
	return false
}

var errDead = errors.New("by the server itself")

// refusedLogin: this login does not work, whoever says so.
func refusedLogin(err error) bool {
	return wrongPassword(err) || provenDead(err) || refusedByPooler(err)
}

// refusedByPooler: PgBouncer says every refusal with 08P01, and only its text tells.
// It proves that this door is closed, not that the role is dead.
func refusedByPooler(err error) bool {
	for _, e := range serverErrors(err) {
		if e.Code != "08P01" {
			continue
		}
		for _, text := range []string{"SASL authentication failed", "password authentication failed", "no such user"} {
			if strings.Contains(e.Message, text) {
				return true
			}
		}
	}
	return false
}

// otherMethod: the server did not agree to the one way of login that we allow. The
// error has no type of its own.
func otherMethod(err error) bool {
	return err != nil && strings.Contains(err.Error(), "require_auth check failed")
}

// noContact says why nobody answered, in words that hold nothing of the connection
// string, and whether trying again can help.
func noContact(err error) (fault.Kind, error) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Transient, context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), pgconn.Timeout(err):
		return fault.Transient, context.DeadlineExceeded
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.Transient, errors.New("connection refused")
	case errors.As(err, &cert):
		return fault.BadConfig, errors.New("the server's certificate is not trusted")
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fault.BadConfig, errors.New("the server offers no TLS")
	case errors.As(err, &dns):
		return fault.Transient, errors.New("the host name cannot be resolved")
	}
	return fault.Transient, errors.New("no contact")
}

// transientState: the server is busy, starting, stopping, or somebody was faster.
func transientState(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", "40", "53", "55", "57", "58", "XX": // XX000: tuple concurrently updated
		return true
	}
	return false
}

// loginFailure classifies a failed connect with one of the managed roles.
func loginFailure(op string, err error) *fault.Error {
	e := lastServerError(err)
	switch {
	case provenDead(err):
		dead := state(fault.Rejected, op, "the role's login is refused", e)
		dead.Err = errDead
		return dead
	case refusedLogin(err):
		return state(fault.Rejected, op, "the role's login is refused", e)
	case otherMethod(err):
		return noPasswordAsked(op)
	case e == nil:
		kind, cause := noContact(err)
		return &fault.Error{Kind: kind, Op: op, Err: cause}
	case e.Code == "28000":
		return state(fault.BadConfig, op, "pg_hba.conf does not let the role in from here", e).
			WithHint("allow the role, this database and Rotor's address with scram-sha-256, then reload the server")
	case e.Code == "3D000":
		return state(fault.BadConfig, op, "the database does not exist", e)
	case e.Code == "42501":
		return state(fault.Denied, op, "the role may not connect to the database", e)
	case transientState(e.Code):
		return state(fault.Transient, op, "the server cannot take the connection now", e)
	}
	return state(fault.Unknown, op, "the server refuses the connection", e)
}

// loginFailure knows in addition that the server looks at a client certificate after the
// password, and says of a wrong one in the same words that the password is wrong. With a
// certificate in play, only a refusal in the middle of SCRAM is about the password.
func (p *Provider) loginFailure(op string, cfg *pgconn.Config, err error) *fault.Error {
	if certified(cfg) && wrongPassword(err) && !strings.Contains(err.Error(), "failed SASL auth") {
		return state(fault.BadConfig, op, "the server refuses the role's password or its client certificate, and does not say which", lastServerError(err)).
			WithHint("with clientcert=verify-full in pg_hba.conf the certificate's common name must be the role, or a map must name it: see client-cert")
	}
	return loginFailure(op, err)
}

func wrongPassword(err error) bool {
	for _, e := range serverErrors(err) {
		if e.Code == "28P01" {
			return true
		}
	}
	return false
}

func noPasswordAsked(op string) *fault.Error {
	return fault.New(fault.BadConfig, "%s: the server lets the role in without asking for a password", op).
		WithHint("pg_hba.conf has trust, peer or cert for this address: a password would prove nothing; use scram-sha-256")
}

// adminFailure classifies a failed connect of the administrative role.
func adminFailure(op string, err error) *fault.Error {
	e := lastServerError(err)
	switch {
	case e == nil:
		kind, cause := noContact(err)
		return &fault.Error{Kind: kind, Op: op + ": admin connection", Err: cause}
	case strings.HasPrefix(e.Code, "28"):
		return state(fault.Denied, op, "the server refuses the admin's login", e).
			WithHint("check what the option admin refers to")
	case transientState(e.Code):
		return state(fault.Transient, op, "the server cannot take the admin's connection now", e)
	}
	return state(fault.BadConfig, op, "the server refuses the admin's connection", e).
		WithHint("check what the option admin refers to")
}

// statementFailure classifies a failed read, or an effect inside a transaction:
// an answer of the server proves that nothing was applied, silence does not. (pgx's
// SafeToRetry says yes after a lost answer to a batch, too: it looks at the state of
// the connection afterwards. It is not used here.)
func statementFailure(op string, err error) *fault.Error {
	e := lastServerError(err)
	switch {
	case e == nil:
		_, cause := noContact(err)
		return &fault.Error{Kind: fault.Unknown, Op: op, Err: cause}
	case e.Severity == "FATAL" || e.Severity == "PANIC" || e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC":
		return state(fault.Unknown, op, "the server ended the session", e)
	case e.Code == "42501":
		return state(fault.Denied, op, "the admin lacks a right", e).WithHint("see `rotor providers postgres` for the grants")
	case e.Code == "25006":
		return state(fault.BadConfig, op, "the server is read-only", e).WithHint("the admin's connection must lead to the primary")
	case strings.Contains(e.Message, "plaintext passwords"): // Neon, in the COMMIT, as an internal error
		return state(fault.BadConfig, op, "the service takes no SCRAM verifier", e).WithHint("set plaintext: true, and sslmode=verify-full in the connection string")
	case transientState(e.Code):
		return state(fault.Transient, op, "the server cannot do it now", e)
	}
	return state(fault.Rejected, op, "the server refuses the statement", e)
}

func state(kind fault.Kind, op, what string, e *pgconn.PgError) *fault.Error {
	code := "none"
	if e != nil {
		code = e.Code
	}
	return fault.New(kind, "%s: %s (SQLSTATE %s)", op, what, code)
}
