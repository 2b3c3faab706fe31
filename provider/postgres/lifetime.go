package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// parseLifetime reads a duration that may also be whole days; "" is none.
func parseLifetime(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err == nil && (d < time.Hour || d > maxLifetime) {
		err = strconv.ErrRange
	}
	return d, err
}

const maxLifetime = 10 * 365 * 24 * time.Hour

// lifetime of a password; the text was checked by validated.
func (o Options) lifetime() time.Duration {
	d, _ := parseLifetime(o.ValidFor)
	return d
}

// expired says whether the role's password is past its VALID UNTIL, which the server
// refuses like a wrong one. Only the catalogue can tell, and only it is believed.
func (p *Provider) expired(ctx context.Context, op, name string) bool {
	if p.opts.bySelf() {
		return false
	}
	past := false
	err := p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT (rolvaliduntil <= now())::text FROM pg_roles WHERE rolname = $1 AND rolcanlogin`, name)
		past = err == nil && len(rows) == 1 && rows[0][0] == "true"
		return err
	})
	return err == nil && past
}

// closed says whether the server's own catalogue has no such login: what a proxy that
// answers by itself refuses is dead then.
func (p *Provider) closed(ctx context.Context, op, name string) bool {
	if p.opts.bySelf() {
		return false
	}
	open := true
	err := p.admin.with(ctx, op, func(ctx context.Context, s *session) error {
		rows, err := s.read(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin)::text`, name)
		open = err != nil || rows[0][0] != "false"
		return err
	})
	return err == nil && !open
}

// refusedOrExpired tells a dead login from one that has run out. Rotor's own roles have
// an end only if valid-for gives them one, so for others nothing more is asked.
func (p *Provider) refusedOrExpired(ctx context.Context, op, name string) provider.Liveness {
	if (p.opts.ValidFor != "" || !p.manages(name)) && p.expired(ctx, op, name) {
		return provider.Expired
	}
	return provider.Refused
}

// notAfter reads what the server says of a role's end.
func notAfter(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fault.New(fault.Unknown, "postgres: the server's time makes no sense")
	}
	return at, nil
}
