package vaultkv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/openbao/openbao/api/v2"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// request is one call below /v1/.
type request struct {
	method    string
	path      string
	query     url.Values
	body      []byte
	patch     bool // JSON merge patch
	anonymous bool // without token and namespace
	question  bool // asks, whatever the method
}

func (r request) String() string { return r.method + " " + r.path }

// writes says whether a lost answer leaves us ignorant of an effect.
func (r request) writes() bool { return r.method != http.MethodGet && !r.question }

// reply is what came back, whatever its status.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// says looks into Vault's own error messages, which hold no values.
func (r reply) says(text string) bool {
	var answer struct{ Errors []string }
	if json.Unmarshal(r.body, &answer) != nil {
		return strings.Contains(string(r.body), text)
	}
	return strings.Contains(strings.Join(answer.Errors, "\n"), text)
}

// call sends one request once. Its error means that there is no answer: Unknown
// if a write may have reached the server, else Transient or worse. A bad status
// is no error here.
func (s *Store) call(ctx context.Context, r request) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, fault.Wrap(fault.Transient, "vaultkv: "+r.String(), err)
	}
	client := s.client
	if r.anonymous {
		client = s.root
	}
	req := client.NewRequest(r.method, "/v1/"+r.path)
	for key, values := range r.query {
		req.Params[key] = values
	}
	req.BodyBytes = r.body
	if r.patch {
		req.Headers.Set("Content-Type", "application/merge-patch+json")
	}
	if !r.anonymous {
		token, err := s.readToken(ctx)
		if err != nil {
			return reply{}, err
		}
		req.ClientToken = token
	}
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	resp, err := client.RawRequestWithContext(ctx, req)
	var status *api.ResponseError
	if err != nil && (resp == nil || !errors.As(err, &status)) {
		return reply{}, noAnswer(r, err, sent.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, noAnswer(r, err, true)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func (s *Store) readToken(ctx context.Context) (string, error) {
	v, err := s.token(ctx)
	if err != nil {
		return "", fault.Wrap(fault.KindOf(err), "vaultkv: read the token", err)
	}
	token := strings.TrimSpace(v.Reveal())
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fault.New(fault.Denied, "vaultkv: the token is empty or no token").WithHint("check the reference in token:")
	}
	return token, nil
}

// ambientToken is the token of the server's own command line tools.
func ambientToken(context.Context) (secret.Value, error) {
	if token := api.ReadBaoVariable(api.EnvVaultToken); token != "" {
		return secret.New(token), nil
	}
	token, err := readTokenFile()
	if err != nil || token == "" {
		return secret.Value{}, fault.New(fault.Denied, "no token").
			WithHint("give the store a token: reference, set VAULT_TOKEN, or log in with vault login")
	}
	return secret.New(token), nil
}

// noAnswer classifies a request without an answer.
func noAnswer(r request, err error, sent bool) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the URL, which r says already
	}
	op := "vaultkv: " + r.String()
	var unknownCA x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var notTLS tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknownCA), errors.As(err, &wrongName), errors.As(err, &certificate):
		return &fault.Error{Kind: fault.BadConfig, Op: op, Err: err, Hint: "check ca-cert and tls-server-name"}
	case errors.As(err, &notTLS), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return &fault.Error{Kind: fault.BadConfig, Op: op, Err: err, Hint: "the server does not speak TLS: is address right?"}
	case sent && r.writes():
		return fault.Wrap(fault.Unknown, op+": no answer", err)
	}
	return &fault.Error{Kind: fault.Transient, Op: op, Err: err, Hint: "is the server up, and is address right?"}
}

// refused turns a bad status into an error. 403 needs a look at the token.
func (s *Store) refused(ctx context.Context, r request, got reply) error {
	failure := func(kind fault.Kind, hint string) error {
		return &fault.Error{Kind: kind, Op: "vaultkv: " + r.String(), Err: statusError(got.status), Hint: hint, RetryAfter: retryAfter(got.header)}
	}
	switch {
	case got.says("Vault is sealed"):
		return fault.New(fault.Transient, "vaultkv: %s: Vault is sealed", r).WithHint("a key holder runs: vault operator unseal")
	case got.says("HTTP request to an HTTPS server"):
		return failure(fault.BadConfig, "the server speaks TLS: write https in address")
	case got.status/100 == 3:
		return failure(fault.BadConfig, "the server sends us elsewhere, which Rotor does not follow with a token: give the address of the active node or of the load balancer")
	case got.status == http.StatusForbidden:
		return s.denied(ctx, r)
	case got.status == http.StatusNotFound, got.status == http.StatusMethodNotAllowed:
		return failure(fault.BadConfig, "is "+s.mount+" the mount of a KV version 2 engine? vault secrets list -detailed shows")
	case got.status == http.StatusRequestEntityTooLarge:
		return failure(fault.Rejected, "the content is larger than the server accepts")
	case got.status == http.StatusTooManyRequests, got.status == http.StatusPreconditionFailed:
		return failure(fault.Transient, "")
	case got.status == 472 || got.status == 473:
		return failure(fault.BadConfig, "that node is a standby that answers no such request: give the address of the active node")
	case got.status/100 == 4 && r.writes():
		return failure(fault.Rejected, "the server refused the request; its log says why")
	case got.status/100 == 4:
		return failure(fault.BadConfig, "is this a Vault server, and is "+s.mount+" its KV version 2 mount?")
	case r.writes():
		return failure(fault.Unknown, "")
	case got.status/100 == 5:
		return failure(fault.Transient, "the server has trouble; its log says which")
	}
	return failure(fault.BadConfig, "that answer is none of Vault's: is address right?")
}
