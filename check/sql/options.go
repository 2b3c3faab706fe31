package sql

import (
	"strings"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options configure a query of a PostgreSQL server. At least one limit must be given;
// all that are given must hold.
type Options struct {
	// DSN refers to the connection string: postgres://USER:PASSWORD@HOST:PORT/DATABASE.
	// A role that may only read is enough.
	DSN string `yaml:"dsn" json:"dsn"`
	// Query is one statement that gives one row of one number or truth value (true
	// counts as 1, false as 0). It runs in a transaction that may only read.
	Query string `yaml:"query" json:"query"`
	// Expect is the only healthy number.
	Expect *float64 `yaml:"expect,omitempty" json:"expect,omitempty"`
	// MaxOverBaseline is how much higher than before the change it may be.
	MaxOverBaseline *float64 `yaml:"max-over-baseline,omitempty" json:"max-over-baseline,omitempty"`
	// Max is the highest healthy number.
	Max *float64 `yaml:"max,omitempty" json:"max,omitempty"`
	// Min is the lowest healthy number.
	Min *float64 `yaml:"min,omitempty" json:"min,omitempty"`
	// MinOfBaseline is the share of the number before the change that must be
	// reached: 0.5 fails when it falls to less than half.
	MinOfBaseline *float64 `yaml:"min-of-baseline,omitempty" json:"min-of-baseline,omitempty" jsonschema:"minimum=0"`
	// Timeout is how long all of it may take; the server itself ends a longer statement.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema:"default=10s"`
}

// bad is an error in the options.
func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "sql check: "+what, args...).WithHint("%s", hint)
}

// New checks the options; the query itself is checked by the server. dsn is read at each
// measurement.
func New(o Options, dsn secret.Source) (*T, error) {
	switch {
	case dsn == nil:
		return nil, bad("dsn is missing", "refer to a connection string: env:NAME, file:/path or STORE:path#key")
	case strings.TrimSpace(o.Query) == "":
		return nil, bad("query is missing", "write a SELECT that gives one number")
	case strings.ContainsRune(o.Query, 0):
		return nil, bad("query has a zero byte", "remove it")
	case o.Expect == nil && o.MaxOverBaseline == nil && o.Max == nil && o.Min == nil && o.MinOfBaseline == nil:
		return nil, bad("no limit is given", "write expect, max-over-baseline, max, min or min-of-baseline")
	case o.Min != nil && o.Max != nil && *o.Min > *o.Max:
		return nil, bad("min is greater than max", "exchange them")
	case o.MinOfBaseline != nil && *o.MinOfBaseline < 0:
		return nil, bad("min-of-baseline is negative", "it is a share: 0.5")
	case o.Timeout < 0:
		return nil, bad("timeout %s is negative", "write a duration such as 10s", o.Timeout)
	case o.Timeout == 0:
		o.Timeout = 10 * time.Second
	}
	return &T{o: o, dsn: dsn}, nil
}

// Type describes this check to the registry.
func Type() check.Type {
	return check.Type{
		Name:       "sql",
		Summary:    "A PostgreSQL query whose number must stay within limits",
		Doc:        doc,
		Evidence:   check.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs: func(opts any) map[string]string {
			if o := opts.(*Options); o.DSN != "" {
				return map[string]string{"dsn": o.DSN}
			}
			return nil
		},
		Destination: func(any) string { return "the PostgreSQL server that dsn names" },
		New: func(opts any, c check.Context) (check.Check, error) {
			o := opts.(*Options)
			if o.DSN == "" {
				return New(*o, nil)
			}
			dsn, err := c.Bind.Source(o.DSN)
			if err != nil {
				return nil, err
			}
			return New(*o, dsn)
		},
	}
}

const doc = `
One query on a fresh connection, at the end of the window, compared with the same query before the change:

    checks:
      failed-jobs:
        type: sql
        dsn: env:REPORTING_DSN
        query: SELECT count(*) FROM jobs WHERE state = 'failed' AND at > now() - interval '5 minutes'
        max-over-baseline: 0

The transaction may only read, and the server ends it after ` + "`timeout`" + `. Only functions that the query itself
calls could still have an effect beyond the database (dblink, pg_terminate_backend): give the check a role that may not.

*Unknown*, never pass: no row, NULL (the sum of nothing: write ` + "`coalesce(sum(n), 0)`" + ` if that is what you mean),
NaN, an infinite number, a server that does not answer or refuses the login. Several rows or columns, texts,
and anything that is no number are a configuration error, as is a second statement.

A fresh login is part of the measurement. If the check logs in with the credential that is being rotated, let
` + "`dsn`" + ` refer to the target that Rotor writes.
`
