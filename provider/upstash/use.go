package upstash

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/secret"
)

// place is where the value is used.
type place struct {
	address string // host:port
	rest    string // URL
}

// where takes the place from the options, or asks the API.
func (a *account) where(ctx context.Context, step string) (place, error) {
	if a.opts.Address != "" {
		return a.placed(database{}), nil
	}
	db, err := a.ask(ctx, step, false)
	if err != nil {
		return place{}, err
	}
	if db.Endpoint == "" || strings.ContainsAny(db.Endpoint, "/@: ") {
		return place{}, fault.New(fault.Unknown, "upstash: %s: the API names no endpoint", step).WithHint("set address: host:port")
	}
	return a.placed(db), nil
}

// placed: an endpoint is a full host or a bare name.
func (a *account) placed(db database) place {
	p := place{address: a.opts.Address, rest: a.opts.RESTURL}
	host := db.Endpoint
	if p.address == "" {
		if net.ParseIP(host) == nil && !strings.Contains(host, ".") {
			host += ".upstash.io"
		}
		port := db.Port
		if port <= 0 || port > 65535 {
			port = 6379
		}
		p.address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	if p.rest == "" {
		host, _, _ := net.SplitHostPort(p.address)
		if strings.Contains(host, ":") { // IPv6
			host = "[" + host + "]"
		}
		p.rest = "https://" + host
	}
	return p
}

// use tries a value, all parts of it, on fresh connections. Rejected: one of them is
// refused in the vendor's own words.
func (a *account) use(ctx context.Context, op string, values secret.Set) error {
	if values[password].IsZero() && values[restToken].IsZero() {
		return fault.New(fault.BadConfig, "%s: the value has neither password nor REST token", op)
	}
	at, err := a.where(ctx, strings.TrimPrefix(op, "upstash: "))
	if err != nil {
		return err
	}
	for _, part := range a.parts(op, at, values) {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// parts are the ways to use a value, as far as it has them.
func (a *account) parts(op string, at place, values secret.Set) []func(context.Context) error {
	var out []func(context.Context) error
	if word := values[password]; !word.IsZero() {
		user := firstOf(values[username].Reveal(), defaultUser) // a public field
		out = append(out, func(ctx context.Context) error {
			conn, err := a.connect(ctx, op, at, user, word)
			if err == nil {
				conn.Close()
			}
			return err
		})
	}
	for _, field := range []string{restToken, readToken} {
		if token := values[field]; !token.IsZero() && !a.opts.NoREST {
			out = append(out, func(ctx context.Context) error { return a.ping(ctx, op, at, token) })
		}
	}
	return out
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// probe: dead is a value of which every part is refused.
func (a *account) probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	const op = "upstash: probe"
	if err := a.here("probe", v.Handle); err != nil {
		return provider.NotKnown, err
	}
	at, err := a.where(ctx, "probe")
	if err != nil {
		return provider.NotKnown, err
	}
	refused := 0
	parts := a.parts(op, at, v.Values)
	var unclear error
	for _, part := range parts {
		switch err := part(ctx); {
		case err == nil:
			return provider.Alive, nil
		case fault.KindOf(err) == fault.Rejected:
			refused++
		default:
			unclear = err
		}
	}
	if refused == len(parts) && refused > 0 {
		return provider.Refused, nil
	}
	return provider.NotKnown, unclear
}

// ping is one request to the data base's REST.
func (a *account) ping(ctx context.Context, op string, at place, token secret.Value) error {
	rest, err := apiclient.New(apiclient.Config{Name: op + ": REST", BaseURL: at.rest, Auth: apiclient.Bearer(secret.Fixed(token)), Timeout: useTimeout})
	if err != nil {
		return err
	}
	defer rest.Close()
	var got struct {
		Result string `json:"result"`
	}
	err = rest.Do(ctx, apiclient.Call{Path: "/ping", Out: &got, Judge: func(r apiclient.Answer) *apiclient.Verdict {
		var words struct {
			Error string `json:"error"`
		}
		if r.JSON(&words) && r.Status == http.StatusUnauthorized && strings.HasPrefix(words.Error, "WRONGPASS") {
			return &apiclient.Verdict{Kind: fault.Rejected}
		}
		if r.JSON(&words) && strings.HasPrefix(words.Error, "NOPERM") {
			return &apiclient.Verdict{Kind: fault.Denied, Hint: "the token works; its user may not PING: add +ping to rules"}
		}
		if r.Status == http.StatusUnauthorized { // whoever says so: not in the vendor's words
			return &apiclient.Verdict{Kind: fault.Unknown}
		}
		return nil
	}})
	if err == nil && got.Result != "PONG" {
		err = fault.New(fault.Unknown, "%s: REST does not answer PING", op)
	}
	return err
}

// useTimeout bounds one use of a value.
const useTimeout = 15 * time.Second

// connection is a login over RESP.
type connection struct {
	*resp.Conn
	op   string
	stop context.CancelFunc
	ctx  context.Context
}

// Close hangs up.
func (c *connection) Close() {
	c.stop()
	_ = c.Conn.Close()
}

// connect dials, with TLS unless on loopback, and logs in.
func (a *account) connect(ctx context.Context, op string, at place, user string, word secret.Value) (*connection, error) {
	ctx, stop := context.WithTimeout(ctx, useTimeout)
	c := &connection{op: op, stop: stop, ctx: ctx}
	raw, err := dial(ctx, at.address)
	if err != nil {
		stop()
		return nil, noContact(ctx, op, err)
	}
	c.Conn = resp.New(raw)
	if _, err := c.Do(ctx, "AUTH", user, word.Reveal()); err != nil {
		err = loginFailure(ctx, op, err) // before Close ends ctx
		c.Close()
		return nil, err
	}
	return c, nil
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	if apiclient.Loopback(host) {
		return d.DialContext(ctx, "tcp", address)
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}}
	return secure.DialContext(ctx, "tcp", address)
}

// loginFailure: a login changes nothing, so no outcome is worse than transient.
func loginFailure(ctx context.Context, op string, err error) error {
	var refusal *resp.Error
	switch {
	case !errors.As(err, &refusal):
		return noContact(ctx, op, err)
	case refusal.Code == "WRONGPASS":
		return fault.New(fault.Rejected, "%s: the login is refused (WRONGPASS)", op)
	case refusal.Code == "LOADING" || refusal.Code == "BUSY" || refusal.Code == "MASTERDOWN":
		return fault.New(fault.Transient, "%s: the server is busy (%s)", op, refusal.Code)
	}
	return fault.New(fault.Unknown, "%s: the server does not let us in", op)
}

// noContact never repeats what the network says: addresses are enough.
func noContact(ctx context.Context, op string, err error) error {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return fault.Wrap(fault.Transient, op, ctx.Err())
	case errors.As(err, &cert):
		return fault.New(fault.BadConfig, "%s: the server's certificate is not trusted", op).WithHint("check the option address")
	case errors.As(err, &dns):
		return fault.New(fault.Transient, "%s: the host name cannot be resolved", op).WithHint("check the option address")
	case errors.Is(err, resp.ErrNonsense):
		return fault.New(fault.BadConfig, "%s: no Redis answers there", op).WithHint("check the option address")
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Transient, "%s: connection refused", op)
	}
	return fault.New(fault.Transient, "%s: no contact", op)
}
