package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/test/pooler"
)

// pgbouncer rotates a login behind a real PgBouncer while clients of three kinds
// work, and counts failed transactions. The end-to-end tests do the same more often
// and look at more.
func pgbouncer(ctx context.Context, rotor string) ([]figure, error) {
	rotor, err := filepath.Abs(rotor)
	if err != nil {
		return nil, err
	}
	var out []figure
	for _, one := range []struct {
		options pooler.Options
		clients []string
		times   int
		figures func(pooler.Record) []figure
	}{
		{pooler.Options{Kind: pooler.Alternate, Instances: true}, nil, 6, func(r pooler.Record) []figure {
			return []figure{atMost("pg_pgbouncer_failed", float64(r.Failed()), "requests", 0),
				{"pg_pgbouncer_ok", float64(r.OK()), "requests", "shown", true},
				{"pg_pgbouncer_slowest_ms", float64(r.Slowest().Milliseconds()), "ms", "shown", true}}
		}},
		{pooler.Options{Kind: pooler.InPlace, Waiting: true}, nil, 6, func(r pooler.Record) []figure {
			return []figure{atMost("pg_inplace_reread_failed", float64(r.Failed()), "requests", 0),
				{"pg_inplace_reread_slowest_ms", float64(r.Slowest().Milliseconds()), "ms", "shown", true}}
		}},
		{pooler.Options{Kind: pooler.InPlace}, nil, 6, func(r pooler.Record) []figure {
			return []figure{{"pg_inplace_arrivals_failed", float64(r.Failed()), "requests", "shown", true}}
		}},
		{pooler.Options{Kind: pooler.InPlace, Instances: true, Lifetime: 50}, []string{pooler.Instances}, 1, func(r pooler.Record) []figure {
			return []figure{{"pg_inplace_window_ms", float64(r.Window().Milliseconds()), "ms", "shown", true}}
		}},
		{pooler.Options{Kind: pooler.Runbook}, nil, 0, func(r pooler.Record) []figure {
			return []figure{{"pg_pgbouncer_runbook_failed", float64(r.Failed()), "requests", "shown", true}}
		}},
	} {
		one.options.Rotor = rotor
		r, err := underLoad(ctx, one.options, one.clients, one.times)
		var missing *localserver.MissingError
		if errors.As(err, &missing) {
			fmt.Printf("pg_pgbouncer_failed: not measured: needs %s\n", missing.Program)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one.figures(r)...)
	}
	return out, nil
}

func underLoad(ctx context.Context, o pooler.Options, kinds []string, times int) (_ pooler.Record, err error) {
	w, err := pooler.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	c, err := w.Begin(ctx, kinds...)
	if err != nil {
		return nil, err
	}
	defer c.End()
	if o.Kind == pooler.Runbook {
		_, _, _, err := w.FollowRunbook(ctx, c)
		return c.End(), err
	}
	for range times {
		bad, err := w.Rotate(ctx)
		if err != nil {
			return nil, err
		}
		if len(bad) > 0 {
			return nil, fmt.Errorf("after a rotation: %q", bad)
		}
	}
	return c.End(), nil
}
