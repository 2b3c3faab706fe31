package postgres

import (
	"context"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/secret"
)

// Some services see every change of a role themselves and take no verifier: they want
// the password, to make one of their own.

// wordForm is what Make makes.
var wordForm = regexp.MustCompile(`^[A-Za-z0-9]{22,128}$`)

// sent is what stands in the statement.
func (p *Provider) sent(values secret.Set) secret.Value {
	if p.opts.Plaintext {
		return values[password]
	}
	return values[verifier]
}

// private: a password is told to nobody but the server, whose name is checked.
func (p *Provider) private(ctx context.Context, op string) error {
	if !p.opts.Plaintext {
		return nil
	}
	dsn, err := p.admin.source(ctx, op)
	if err != nil {
		return err
	}
	cfg, err := parseDSN(op, dsn)
	if err != nil {
		return err
	}
	if p.opts.bySelf() && p.opts.Address != "" {
		redirect(cfg, p.opts.Address)
	}
	ways := append([]*pgconn.FallbackConfig{{Host: cfg.Host, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	for _, way := range ways {
		if isSocket(way.Host) || apiclient.Loopback(way.Host) {
			continue
		}
		if way.TLSConfig == nil || way.TLSConfig.InsecureSkipVerify {
			return fault.New(fault.BadConfig, "%s: with plaintext the password itself is sent, and the connection does not prove whose server that is", op).
				WithHint("write sslmode=verify-full in the connection string")
		}
	}
	return nil
}
