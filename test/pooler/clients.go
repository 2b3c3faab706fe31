package pooler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/agenticverz/rotor/internal/demo/load"
)

// The kinds of client; also how their rows are marked.
const (
	Pools     = "pools"     // give up connections often, and read the .env file for each new one
	Fresh     = "fresh"     // connect for each transaction, and read the .env file for each
	Instances = "instances" // hold the login in their environment: requests to the balancer
)

const (
	poolLifetime = 250 * time.Millisecond
	patience     = 30 * time.Second // of a client, for one transaction
	insert       = "INSERT INTO work (instance) VALUES ($1)"
)

// Clients is the load, from Begin to End.
type Clients struct {
	names []string
	loads map[string]*load.Load
	pools []*pgxpool.Pool
}

// Record is what became of all transactions, by kind of client.
type Record map[string]load.Result

// Begin starts clients of the given kinds; without any, of all that the world has.
// They come as they please; or, in a world of waiting clients, each begins its next
// transaction when the one before was answered.
func (w *World) Begin(ctx context.Context, kinds ...string) (*Clients, error) {
	if len(kinds) == 0 {
		kinds = []string{Pools, Fresh}
		if w.balancer != nil {
			kinds = append(kinds, Instances)
		}
	}
	c := &Clients{names: kinds, loads: map[string]*load.Load{}}
	for range 2 {
		p, err := w.pool(ctx)
		if err != nil {
			return nil, err
		}
		c.pools = append(c.pools, p)
	}
	for _, kind := range kinds {
		o := load.Options{Workers: 4, Rate: 30, Timeout: patience}
		switch kind {
		case Pools:
			o.Do = c.throughPools()
		case Fresh:
			o.Rate = 10 // each costs a SCRAM exchange on both sides
			o.Do = w.once
		default:
			o.URL, o.Bearer = w.balancer.URL()+"/work", func() string { return token }
		}
		if w.Waiting {
			o.Workers, o.Rate = 2, -1
		}
		c.loads[kind] = load.Start(o)
	}
	return c, nil
}

// Phase begins a new part of the record.
func (c *Clients) Phase(name string) {
	for _, l := range c.loads {
		l.Phase(name)
	}
}

// Now is the record so far.
func (c *Clients) Now() Record {
	out := Record{}
	for kind, l := range c.loads {
		out[kind] = l.Result()
	}
	return out
}

// End lets transactions under way end.
func (c *Clients) End() Record {
	for _, l := range c.loads {
		l.Stop()
	}
	for _, p := range c.pools {
		p.Close()
	}
	return c.Now()
}

// pool is what a service has that was made with rotation in mind: short-lived
// connections, and the secret read for each new one.
func (w *World) pool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(w.URL(Login{"nobody", "yet"}))
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MaxConnLifetime, config.HealthCheckPeriod = 2, poolLifetime, poolLifetime/3
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		l, err := w.Stored()
		c.User, c.Password = l.User, l.Password
		return err
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// throughPools takes the pools in turn. The transaction has several messages, so
// that its server connection is held for a while.
func (c *Clients) throughPools() func(context.Context) string {
	var turn atomic.Int64
	return func(ctx context.Context) string {
		p := c.pools[int(turn.Add(1))%len(c.pools)]
		return reason(pgx.BeginFunc(ctx, p, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, insert, Pools)
			return err
		}))
	}
}

// once is one transaction on a connection of its own.
func (w *World) once(ctx context.Context) string {
	l, err := w.Stored()
	if err != nil {
		return "the .env file cannot be read"
	}
	conn, err := pgx.Connect(ctx, w.URL(l))
	if err != nil {
		return reason(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, insert, Fresh)
	return reason(err)
}

// reason is the class of a failure: the server's words, or none. Errors of the
// driver may hold pieces of a connection string.
func reason(err error) string {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return fmt.Sprintf("%s (%s)", refused.Message, refused.Code)
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return "no answer in time"
	}
	return "connection lost"
}

// OK and Failed count transactions of all kinds.
func (r Record) OK() (n int) {
	for _, one := range r {
		n += one.All.OK
	}
	return n
}

// Failed: see OK.
func (r Record) Failed() (n int) {
	for _, one := range r {
		n += one.All.Failed
	}
	return n
}

// Slowest is the longest that one transaction took.
func (r Record) Slowest() (d time.Duration) {
	for _, one := range r {
		d = max(d, one.All.Slowest)
	}
	return d
}

// Window is the longest time from a kind's first failed transaction to its last.
func (r Record) Window() (d time.Duration) {
	for _, one := range r {
		d = max(d, one.All.Window)
	}
	return d
}

// String is a table of each kind, in a line each if nothing failed.
func (r Record) String() string {
	var out bytes.Buffer
	for _, kind := range []string{Pools, Fresh, Instances} {
		one, ok := r[kind]
		if !ok {
			continue
		}
		a := one.All
		fmt.Fprintf(&out, "%-9s ok %5d, failed %3d, slowest %4d ms, longest without success %4d ms\n",
			kind, a.OK, a.Failed, a.Slowest.Milliseconds(), a.Longest.Milliseconds())
		for _, p := range one.Phases {
			for _, c := range p.Causes() {
				fmt.Fprintf(&out, "    %4d× %s, in: %s\n", c.Count, c.Text, p.Name)
			}
		}
	}
	return out.String()
}
