// Package service is a real consumer: a small web service that holds a database
// login and a token, as a thousand others do. `rotor demo` runs it as processes,
// the end-to-end test in containers.
//
//	GET  /health       200, or 503 while it drains
//	POST /work         one INSERT; needs "Authorization: Bearer TOKEN"
//	GET  /fingerprint  keyed hashes of the values it runs with
//
// Its environment is its only configuration: NAME, LISTEN, DATABASE_URL (may be
// empty: no database), MACHINE_SECRET_TOKEN (one, or several with commas between),
// MACHINE_SECRET_TOKEN_PREVIOUS (may be empty), PARTNER_KEY (may be empty), DRAIN
// (milliseconds), LIFETIME (milliseconds that a connection of the pool lives; an
// hour if empty), FINGERPRINT_KEY.
//
// What surprises: health says whether it could log in when it started, and no
// more, like most health pages. A login that may not INSERT is healthy here.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Schema makes the table that /work writes to. Its serial key needs a sequence,
// and a right to the sequence is what GRANT ... ON ALL TABLES does not give.
const Schema = "CREATE TABLE work (id serial PRIMARY KEY, instance text NOT NULL DEFAULT '', at timestamptz NOT NULL DEFAULT now())"

const (
	poolSize     = 4
	loginTimeout = 5 * time.Second
	// endWithin is how long requests may take that are under way after the drain.
	endWithin = 10 * time.Second
)

// Run is the whole program. Without arguments it serves until ctx ends (SIGTERM),
// then answers health with 503, goes on serving for DRAIN, and ends in good order.
// With the argument "check" it asks the health page of the process that has the
// same environment: a health check for containers without a shell.
func Run(ctx context.Context, getenv func(string) string, args []string) error {
	return run(ctx, getenv, args, os.Stderr)
}

func run(ctx context.Context, getenv func(string) string, args []string, logs io.Writer) error {
	switch {
	case len(args) == 1 && args[0] == "check":
		return check(ctx, getenv("LISTEN"))
	case len(args) > 0:
		return errors.New("the only argument there is: check")
	}
	s, err := read(getenv)
	out := log.New(logs, s.name+" ", log.Ltime|log.Lmicroseconds|log.Lmsgprefix)
	if err == nil {
		err = serve(ctx, s, out)
	}
	if err != nil {
		out.Printf("ends: %v", err)
	}
	return err
}

// process is one running instance.
type process struct {
	settings
	pool     *pgxpool.Pool // nil: no database
	draining atomic.Bool
}

func serve(ctx context.Context, s settings, out *log.Logger) error {
	p := &process{settings: s}
	if s.database != nil {
		if err := logIn(ctx, s.database); err != nil {
			return err
		}
		pool, err := newPool(ctx, s)
		if err != nil {
			return err
		}
		defer pool.Close()
		p.pool = pool
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: out}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	out.Printf("serves on %s", listener.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	return p.end(server, ended, out)
}

// end takes the instance out of service: whoever routes to it needs time to see
// the health page before the door closes.
func (p *process) end(server *http.Server, ended <-chan error, out *log.Logger) error {
	p.draining.Store(true)
	out.Printf("drains for %v", p.drain)
	select {
	case err := <-ended:
		return err
	case <-time.After(p.drain):
	}
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		_ = server.Close()
	}
	<-ended // http.ErrServerClosed
	out.Printf("ended")
	return err
}

// logIn proves the login on a fresh connection, as most programs do when they
// start. A server that refuses it will refuse it tomorrow: that is no reason to
// wait.
func logIn(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		if code := sqlState(err); code != "" {
			return refused("the database refuses the login of %s: SQLSTATE %s", config.User, code)
		}
		return errors.New("the database cannot be reached")
	}
	defer conn.Close(ctx)
	if err := conn.Ping(ctx); err != nil {
		return errors.New("the database does not answer")
	}
	return nil
}

func newPool(ctx context.Context, s settings) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.databaseURL)
	if err != nil {
		return nil, refused("DATABASE_URL is not a connection string")
	}
	config.MaxConns = poolSize
	if s.lifetime > 0 {
		config.MaxConnLifetime, config.HealthCheckPeriod = s.lifetime, s.lifetime
	}
	config.ConnConfig.RuntimeParams["application_name"] = "demo-" + s.name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("pool: SQLSTATE %s", sqlState(err))
	}
	return pool, nil
}

// sqlState is the server's code, "" if the server said nothing.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// check asks the process that listens at the address.
func check(ctx context.Context, listen string) error {
	if listen == "" {
		listen = ":8080"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return errors.New("LISTEN is not an address")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/health", nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: loginTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return errors.New("nobody answers")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: status %d", resp.StatusCode)
	}
	return nil
}
