package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/secret"
)

const connectTimeout = 10 * time.Second

// door is the way to one node. Its parts come out of a secret URL: none may be shown,
// because a URL that was written wrongly has pieces of the password in other places.
type door struct {
	network, address string
	host             string // for the certificate; "" on a unix socket
	tls              bool
	user             string // "": the password alone is sent
	word             secret.Value
	shown            string // the address if it may be shown
}

// doors reads the administrator's URL and gives the way to every node.
func (p *Provider) doors(ctx context.Context, op string) ([]door, error) {
	text, err := p.admin(ctx)
	switch {
	case err != nil && fault.KindOf(err) == fault.Unknown:
		return nil, fault.Wrap(fault.Transient, op+": read admin", err)
	case err != nil:
		return nil, fault.Wrap(fault.KindOf(err), op+": read admin", err)
	case text.IsZero():
		return nil, fault.New(fault.BadConfig, "%s: admin: the URL is empty", op).WithHint("check what the option admin refers to")
	}
	d, ok := parseURL(text)
	if !ok {
		return nil, fault.New(fault.BadConfig, "%s: admin: not the URL of a Redis server", op).
			WithHint("write rediss://USER:PASSWORD@HOST:PORT, with special characters percent-encoded")
	}
	all := []door{d}
	if len(p.opts.Addresses) > 0 {
		all = nil
	}
	for _, address := range p.opts.Addresses {
		other := d
		other.network, other.address, other.shown = "tcp", address, address
		other.host, _, _ = net.SplitHostPort(address) // validated with the options
		all = append(all, other)
	}
	for _, d := range all {
		if err := p.private(op, d); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parseURL takes redis://, rediss:// and unix:// apart. A database number is allowed
// and means nothing here; anything else in the URL is a mistake, or part of a password.
func parseURL(text secret.Value) (door, bool) {
	u, err := url.Parse(text.Reveal())
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return door{}, false
	}
	word, _ := u.User.Password()
	d := door{network: "tcp", tls: u.Scheme == "rediss", user: u.User.Username(), word: secret.New(word), host: u.Hostname()}
	switch u.Scheme {
	case "unix":
		d.network, d.address = "unix", u.Path
		return d, u.Host == "" && u.Path != ""
	case "redis", "rediss":
	default:
		return door{}, false
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	d.address = net.JoinHostPort(d.host, port)
	_, dberr := strconv.ParseUint(strings.TrimPrefix(u.Path, "/"), 10, 16)
	_, porterr := strconv.ParseUint(port, 10, 16)
	return d, d.host != "" && porterr == nil && (u.Path == "" || u.Path == "/" || dberr == nil)
}

// private refuses to send passwords in clear to another machine.
func (p *Provider) private(op string, d door) error {
	options := p.opts.CACert != "" || p.opts.ClientCert != "" || p.opts.TLSServerName != "" || p.opts.SkipVerify
	ip := net.ParseIP(d.host)
	local := d.network == "unix" || strings.EqualFold(d.host, "localhost") || ip != nil && ip.IsLoopback()
	switch {
	case d.tls:
		return nil
	case options:
		return fault.New(fault.BadConfig, "%s: TLS settings, but the URL of admin is not rediss://", op).
			WithHint("write rediss:// there, or leave the settings out")
	case !local && !p.opts.AllowPlaintext:
		return fault.New(fault.BadConfig, "%s: the passwords would cross the network in clear", op).
			WithHint("use rediss:// and TLS, or, where the network is yours alone, allow-plaintext: true")
	}
	return nil
}

// knock connects, with TLS if the door has it. Nothing has been said yet.
func (p *Provider) knock(ctx context.Context, op string, d door) (*resp.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	plain := &net.Dialer{}
	if !d.tls {
		c, err := plain.DialContext(ctx, d.network, d.address)
		if err != nil {
			return nil, noContact(op+d.at(), err)
		}
		return resp.New(c), nil
	}
	config, err := p.tlsConfig(op, d)
	if err != nil {
		return nil, err
	}
	c, err := (&tls.Dialer{NetDialer: plain, Config: config}).DialContext(ctx, d.network, d.address)
	if err != nil {
		f := noContact(op+d.at(), err)
		if errors.Is(f.Err, context.DeadlineExceeded) { // a port without TLS waits for the end of a line
			f.Hint = "does that port speak TLS?"
		}
		return nil, f
	}
	return resp.New(c), nil
}

// tlsConfig reads the files at each use: certificates are rotated too.
func (p *Provider) tlsConfig(op string, d door) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: d.host, InsecureSkipVerify: p.opts.SkipVerify} // #nosec G402: asked for by name
	if p.opts.TLSServerName != "" {
		config.ServerName = p.opts.TLSServerName
	}
	if p.opts.CACert != "" {
		text, err := os.ReadFile(p.opts.CACert)
		config.RootCAs = x509.NewCertPool()
		if err == nil && !config.RootCAs.AppendCertsFromPEM(text) {
			err = errors.New("no certificate in it")
		}
		if err != nil {
			return nil, &fault.Error{Kind: fault.BadConfig, Op: op + ": ca-cert", Err: err, Hint: "name a PEM file with the authority that signed the server's certificate"}
		}
	}
	if p.opts.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(p.opts.ClientCert, p.opts.ClientKey)
		if err != nil {
			return nil, &fault.Error{Kind: fault.BadConfig, Op: op + ": client-cert and client-key", Err: err, Hint: "name two PEM files that belong together"}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// at names the node in an error, if it may be named.
func (d door) at() string {
	if d.shown == "" {
		return ""
	}
	return " at " + d.shown
}

// unwelcome adds a guess to a connection that broke off for no reason given. A server
// that wants a certificate says so, but its words can be overtaken by its hanging up.
func (p *Provider) unwelcome(d door, f *fault.Error) *fault.Error {
	if f.Hint == "" && f.Kind == fault.Transient && d.tls && p.opts.ClientCert == "" && errors.Is(f.Err, errNoContact) {
		return f.WithHint("does it want client-cert and client-key?")
	}
	return f
}

// authenticate logs in. Without a user the password alone is sent, which every version
// of the server takes.
func authenticate(ctx context.Context, c *resp.Conn, user string, word secret.Value) error {
	args := []string{"AUTH", user, word.Reveal()}
	if user == "" {
		args = []string{"AUTH", word.Reveal()}
	}
	_, err := c.Do(ctx, args...)
	return err
}
