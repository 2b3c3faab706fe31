package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
)

// loginConfig takes the way to the server, TLS included, from the admin's connection
// string and everything else from the options.
func (p *Provider) loginConfig(ctx context.Context, op, address, name string) (*pgconn.Config, error) {
	dsn, err := p.admin.source(ctx, op)
	if err != nil {
		return nil, err
	}
	cfg, err := parseDSN(op, dsn)
	if err != nil {
		return nil, err
	}
	cfg.User, cfg.Database = name, p.opts.Database
	if err := p.presentCert(op, cfg, name); err != nil {
		return nil, err
	}
	cfg.RuntimeParams = map[string]string{"application_name": ourName}
	if address != "" {
		redirect(cfg, address)
	} else if isSocket(cfg.Host) {
		return nil, fault.New(fault.BadConfig, "%s: the admin's connection is a unix socket, where passwords are rarely asked", op).
			WithHint("set address: host:port of the server")
	}
	return cfg, nil
}

func isSocket(host string) bool { return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") }

// redirect sends cfg to another host and port, with the TLS variants of its first host.
func redirect(cfg *pgconn.Config, address string) {
	host, text, _ := net.SplitHostPort(address)  // validated with the options
	number, _ := strconv.ParseUint(text, 10, 16) // likewise
	from, fromPort, port := cfg.Host, cfg.Port, uint16(number)
	var variants []*pgconn.FallbackConfig
	for _, f := range cfg.Fallbacks {
		if f.Host == from && f.Port == fromPort {
			f.Host, f.Port = host, port
			variants = append(variants, f)
		}
	}
	cfg.Host, cfg.Port, cfg.Fallbacks = host, port, variants
	for _, f := range variants {
		if f.TLSConfig != nil && f.TLSConfig.ServerName != "" {
			f.TLSConfig = f.TLSConfig.Clone()
			f.TLSConfig.ServerName = host
		}
	}
	if cfg.TLSConfig != nil && cfg.TLSConfig.ServerName != "" {
		cfg.TLSConfig = cfg.TLSConfig.Clone()
		cfg.TLSConfig.ServerName = host
	}
}

func closeNow(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

// presentCert puts the role's own client certificate in the place of the admin's.
func (p *Provider) presentCert(op string, cfg *pgconn.Config, role string) error {
	if p.opts.ClientCert == "" {
		return nil
	}
	of := func(path string) string { return strings.ReplaceAll(path, "{role}", role) }
	pair, err := tls.LoadX509KeyPair(of(p.opts.ClientCert), of(p.opts.ClientKey))
	if err != nil { // its text names the file, never its content
		return fault.New(fault.BadConfig, "%s: the client certificate of %s cannot be read", op, role).
			WithHint("check client-cert and client-key: %s and %s", of(p.opts.ClientCert), of(p.opts.ClientKey))
	}
	for _, t := range tlsConfigs(cfg) {
		*t = withCert(*t, pair)
	}
	return nil
}

// tlsConfigs are the places of cfg that hold one.
func tlsConfigs(cfg *pgconn.Config) []**tls.Config {
	var out []**tls.Config
	if cfg.TLSConfig != nil {
		out = append(out, &cfg.TLSConfig)
	}
	for _, f := range cfg.Fallbacks {
		if f.TLSConfig != nil {
			out = append(out, &f.TLSConfig)
		}
	}
	return out
}

func withCert(t *tls.Config, pair tls.Certificate) *tls.Config {
	t = t.Clone()
	t.Certificates = []tls.Certificate{pair}
	return t
}

// certified says whether a client certificate may be sent.
func certified(cfg *pgconn.Config) bool {
	for _, t := range tlsConfigs(cfg) {
		if len((*t).Certificates) > 0 || (*t).GetClientCertificate != nil {
			return true
		}
	}
	return false
}
