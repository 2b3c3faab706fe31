package pgbouncer

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

// verdict is what a login, or the attempt at one, says.
type verdict int

const (
	unclear      verdict = iota // nobody answered, or something else is wrong
	accepted                    // PgBouncer took the password, and a server connection was there
	taken                       // PgBouncer took it; whether the server does is not known
	refused                     // PgBouncer refuses it
	serverRefuse                // PgBouncer took it, the server behind it does not take PgBouncer
	noPassword                  // PgBouncer asks for none: everything "works"
	untold                      // PgBouncer says nothing about passwords now
)

// PgBouncer says everything with SQLSTATE 08P01; only the text tells.
// The server's own refusals come through with their texts.
var (
	byPooler = []string{"SASL authentication failed", "password authentication failed", "no such user", "login rejected", "auth failed",
		"bouncer config error"} // auth_query gave no row
	byServer = []string{"password authentication failed for user", "server login failed", "is not permitted to log in", "wrong password type",
		"role \"", "no pg_hba.conf entry"}
	misnamed = []string{"no such database", "is disabled", "does not allow connections"}
)

func classify(err error) verdict {
	refusal := answerIn(err)
	switch {
	case refusal == nil:
		return unclear
	case holds(refusal.Message, byServer):
		return serverRefuse
	case holds(refusal.Message, byPooler):
		return refused
	}
	return unclear
}

func holds(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

func answerIn(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// failure puts an error of pgx into words. It is never wrapped: a connection string
// that was taken apart wrongly shows up in it as a host. Nothing was changed.
func failure(op string, err error) *fault.Error {
	if e := answerIn(err); e != nil {
		return answered(op, e)
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	kind, cause := fault.Transient, errors.New("no contact")
	switch {
	case errors.Is(err, context.Canceled):
		cause = context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), pgconn.Timeout(err):
		cause = context.DeadlineExceeded
	case errors.Is(err, syscall.ECONNREFUSED):
		cause = errors.New("connection refused")
	case errors.Is(err, syscall.ENOENT):
		cause = errors.New("no such socket")
	case errors.As(err, &cert):
		kind, cause = fault.BadConfig, errors.New("its certificate is not trusted")
	case errors.As(err, &dns):
		cause = errors.New("the host name cannot be resolved")
	}
	return &fault.Error{Kind: kind, Op: op, Err: cause, Hint: "is this PgBouncer running, and reachable from here?"}
}

// answered: PgBouncer's own words name users and databases, never values.
func answered(op string, e *pgconn.PgError) *fault.Error {
	said := &fault.Error{Kind: fault.Transient, Op: op, Err: errors.New(printable(e.Message))}
	switch {
	case holds(e.Message, misnamed):
		said.Kind, said.Hint = fault.BadConfig, "look at databases: they are named as in [databases] of pgbouncer.ini"
	case holds(e.Message, []string{"admin access needed", "not allowed"}):
		said.Kind, said.Hint = fault.Denied, "the user of admin must stand in admin_users of pgbouncer.ini"
	case holds(e.Message, []string{"SSL required"}):
		said.Kind, said.Hint = fault.BadConfig, "add sslmode=require to the connection string of admin"
	case holds(e.Message, []string{"unsupported startup parameter", "unsupported frontend protocol", "invalid command"}):
		said.Kind = fault.BadConfig
	}
	return said
}

// printable bounds what others wrote: it goes to terminals and into the journal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufeff' || r >= 0x202a && r <= 0x202e {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len([]rune(text)) > 120 {
		text = string([]rune(text)[:120]) + "…"
	}
	return text
}
