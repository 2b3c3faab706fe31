package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
)

// No error of a connection is ever wrapped: it has the address in it, which comes out of
// a secret URL. Of what the server answers only the code is kept: its text repeats
// arguments.

// errDead: the server itself looked at this login and refused it.
var errDead = errors.New("by the server itself")

var errNoContact = errors.New("no contact")

// wrongPassword recognises the one answer that is about the password. Servers before 6.0
// have no code of their own for it.
func wrongPassword(err error) bool {
	refusal := (*resp.Error)(nil)
	return errors.As(err, &refusal) && (refusal.Code == "WRONGPASS" || refusal.Text == "ERR invalid password")
}

// noPassword recognises a server that asks nobody.
func noPassword(err error) bool {
	refusal := (*resp.Error)(nil)
	return errors.As(err, &refusal) && (strings.HasPrefix(refusal.Text, "ERR AUTH <password> called without any password configured") ||
		strings.HasPrefix(refusal.Text, "ERR Client sent AUTH, but no password is set"))
}

// missingPassword: what was to be removed is not there.
func missingPassword(err error) bool {
	refusal := (*resp.Error)(nil)
	return errors.As(err, &refusal) && strings.HasSuffix(refusal.Text, "The password you are trying to remove from the user does not exist")
}

func unknownCommand(e *resp.Error) bool {
	text := strings.ToLower(e.Text)
	return e.Code == "ERR" && (strings.Contains(text, "unknown command") || strings.Contains(text, "unknown subcommand"))
}

// transientCode: the server is busy, starting, or somebody else is in the way.
func transientCode(e *resp.Error) bool {
	switch e.Code {
	case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "OOM", "MISCONF", "NOREPLICAS", "UNBLOCKED":
		return true
	}
	return strings.Contains(e.Text, "max number of clients")
}

// noContact says why nobody answered, in words that hold nothing of the URL, and whether
// trying again can help. Nothing was applied by what it is used for.
func noContact(op string, err error) *fault.Error {
	f := &fault.Error{Kind: fault.Transient, Op: op, Err: errNoContact}
	var cert *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var dns *net.DNSError
	var opErr *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		f.Err = context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		f.Err = context.DeadlineExceeded
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Err = errors.New("connection refused")
	case errors.As(err, &cert):
		f.Kind, f.Err, f.Hint = fault.BadConfig, errors.New("the server's certificate is not trusted, or not for this host"), "see the options ca-cert and tls-server-name"
	case errors.As(err, &header):
		f.Kind, f.Err, f.Hint = fault.BadConfig, errors.New("the server does not speak TLS"), "is it redis://, or another port?"
	case errors.As(err, &opErr) && opErr.Op == "remote error":
		f.Kind, f.Err, f.Hint = fault.BadConfig, errors.New("the server refuses our side of TLS"), "does it want client-cert and client-key?"
	case errors.As(err, &dns):
		f.Err = errors.New("the host name cannot be resolved")
	case errors.Is(err, resp.ErrNonsense):
		f.Kind, f.Err, f.Hint = fault.BadConfig, resp.ErrNonsense, "is it the right port, and rediss:// if it wants TLS?"
	}
	return f
}

// refused classifies an answer to a command: none of them has changed anything.
func refused(op, command string, e *resp.Error) *fault.Error {
	what := func(kind fault.Kind, words string) *fault.Error {
		return fault.New(kind, "%s: %s: %s (%s)", op, command, words, e.Code)
	}
	switch {
	case e.Code == "NOPERM":
		return what(fault.Denied, "the admin lacks the right").WithHint("see `rotor providers redis` for the rights")
	case e.Code == "NOAUTH":
		return what(fault.Denied, "the server wants a password and the URL of admin has none").WithHint("check what the option admin refers to")
	case e.Code == "DENIED":
		return what(fault.BadConfig, "the server is in protected mode").WithHint("it has no password and listens beyond its own machine; give it one")
	case e.Code == "READONLY":
		return what(fault.BadConfig, "the server is a read-only replica").WithHint("list the primary among addresses")
	case transientCode(e):
		return what(fault.Transient, "the server cannot do it now")
	case unknownCommand(e):
		return what(fault.BadConfig, "the server does not know the command").
			WithHint("Redis 6 and newer have ACLs; was the command renamed or forbidden? a server with requirepass alone: strategy: in-place")
	}
	return what(fault.Rejected, "the server refuses it")
}

// adminFailure classifies a failed login of the administrator.
func adminFailure(op string, err error) *fault.Error {
	refusal := (*resp.Error)(nil)
	switch {
	case !errors.As(err, &refusal):
		return noContact(op+": admin connection", err)
	case wrongPassword(err):
		return fault.New(fault.Denied, "%s: the server refuses the admin's login (%s)", op, refusal.Code).
			WithHint("check what the option admin refers to")
	case noPassword(err):
		return fault.New(fault.BadConfig, "%s: the server asks the admin for no password", op).
			WithHint("take the password out of the URL, or better: give the server one")
	}
	return refused(op, "AUTH", refusal)
}

// loginFailure classifies a failed login of a managed user.
func loginFailure(op string, err error) *fault.Error {
	refusal := (*resp.Error)(nil)
	switch {
	case !errors.As(err, &refusal):
		return noContact(op, err)
	case wrongPassword(err):
		dead := fault.New(fault.Rejected, "%s: the login is refused (%s)", op, refusal.Code)
		dead.Err = errDead
		return dead
	case noPassword(err):
		return noPasswordAsked(op)
	case refusal.Code == "DENIED", transientCode(refusal):
		return refused(op, "AUTH", refusal)
	}
	return fault.New(fault.Unknown, "%s: the server answers the login with %s", op, refusal.Code)
}

func noPasswordAsked(op string) *fault.Error {
	return fault.New(fault.BadConfig, "%s: the server lets the user in with any password (nopass)", op).
		WithHint("a password would prove nothing; ACL SETUSER … resetpass and a password, or requirepass")
}
