package pgbouncer

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const (
	console        = "pgbouncer" // the database name of the admin console
	consoleTimeout = 10 * time.Second
	// appName marks Rotor's own connections in SHOW CLIENTS and in the server's log.
	appName = "rotor"
)

// session is a connection to an admin console. It speaks the simple protocol alone.
type session struct {
	conn *pgconn.PgConn
	op   string // what errors begin with: "pgbouncer: east"
}

// config reads the connection string of the console at each use.
func (in *instance) config(ctx context.Context) (*pgconn.Config, error) {
	op := in.op("read admin")
	dsn, err := in.admin(ctx)
	switch {
	case err != nil && fault.KindOf(err) == fault.Unknown:
		return nil, fault.Wrap(fault.Transient, op, err)
	case err != nil:
		return nil, fault.Wrap(fault.KindOf(err), op, err)
	case dsn.IsZero():
		return nil, fault.New(fault.BadConfig, "%s: the connection string is empty", op).WithHint("check what the option admin refers to")
	}
	return parseDSN(op, dsn)
}

// parseDSN reads a connection string, whose every part may be a piece of password.
func parseDSN(op string, dsn secret.Value) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(strings.TrimSpace(dsn.Reveal()))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "%s: not a connection string", op).
			WithHint("write postgres://USER:PASSWORD@HOST:6432/pgbouncer, with special characters percent-encoded")
	}
	for _, fb := range cfg.Fallbacks {
		if fb.Host != cfg.Host || fb.Port != cfg.Port {
			return nil, fault.New(fault.BadConfig, "%s: the connection string names several hosts", op).
				WithHint("list each PgBouncer under instances")
		}
	}
	cfg.Database = console
	cfg.RuntimeParams = map[string]string{"application_name": appName}
	return cfg, nil
}

// open logs in to the console. It never asks for more than one login: PgBouncer's
// word is final, whatever else the connection string offers.
func (in *instance) open(ctx context.Context) (*session, error) {
	cfg, err := in.config(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	w := newWitness(-1)
	conn, err := connect(ctx, cfg, w)
	switch {
	case err == nil:
		return &session{conn: conn, op: in.op("admin")}, nil
	case classify(err) == refused:
		return nil, fault.New(fault.Denied, "%s: PgBouncer refuses the login to the admin console", in.op("admin")).
			WithHint("is the password of admin the one in the auth_file? If nobody at all can log in, the auth_file is broken: PgBouncer's log says so; repair the file and send it SIGHUP")
	}
	return nil, failure(in.op("admin"), err)
}

// command sends one command and waits for its end; args are names of databases.
func (s *session) command(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	_, err := s.conn.Exec(ctx, commandText(name, args...)).ReadAll()
	return s.failed(name, err)
}

// failed: PgBouncer's answer, or none. The command may have been carried out.
func (s *session) failed(name string, err error) error {
	if err == nil {
		return nil
	}
	f := failure(s.op+": "+name, err)
	if answerIn(err) == nil {
		f.Kind = fault.Unknown
	}
	return f
}

func commandText(name string, args ...string) string {
	for _, a := range args {
		name += ` "` + strings.ReplaceAll(a, `"`, `""`) + `"`
	}
	return name
}

// show returns the rows of SHOW what, by column.
func (s *session) show(ctx context.Context, what string) ([]map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	reader := s.conn.Exec(ctx, "SHOW "+what)
	var out []map[string]string
	for reader.NextResult() {
		rows := reader.ResultReader()
		for rows.NextRow() {
			row := map[string]string{}
			for i, value := range rows.Values() {
				row[rows.FieldDescriptions()[i].Name] = string(value)
			}
			out = append(out, row)
		}
	}
	if err := reader.Close(); err != nil {
		return nil, failure(s.op+": SHOW "+what, err)
	}
	return out, nil
}

// paused lists which of the databases stand still.
func (s *session) paused(ctx context.Context, databases []string) (map[string]bool, error) {
	rows, err := s.show(ctx, "DATABASES")
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, db := range databases {
		for _, row := range rows {
			if row["name"] == db && row["paused"] == "1" {
				out[db] = true
			}
		}
	}
	return out, nil
}

func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}
