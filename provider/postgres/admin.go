package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const (
	connectTimeout = 10 * time.Second
	// callTimeout bounds one use of the administrative connection as a whole; the
	// statements in it have their own, shorter limit.
	callTimeout = 3 * time.Minute
	minVersion  = 14      // pg_terminate_backend with a time-out
	ourName     = "rotor" // application_name of all our sessions
)

// admin is the administrative connection: one, opened when needed, kept open, and
// opened anew when it broke or when the connection string's source changed.
type admin struct {
	dsn  secret.Source
	turn chan struct{} // a lock that a context can leave
	open *session      // nil: not connected
	used secret.Value  // the connection string behind open
}

func newAdmin(dsn secret.Source) *admin {
	return &admin{dsn: dsn, turn: make(chan struct{}, 1)}
}

// session is the connection while it is in one caller's hands, and what the server
// said about us when it was opened.
type session struct {
	conn      *pgconn.PgConn
	op        string
	user      string
	version   int
	super     bool
	roles     bool     // may create and alter roles
	statistic bool     // sees other roles' sessions
	signal    bool     // may end other roles' sessions
	standby   bool     // cannot be written to
	quiet     []string // set_config calls that keep a statement out of log and statistics

	spoken bool // its statements hold no secret: the server's words may be repeated

	kept  bool // from an earlier use: may be dead without our knowing
	heard bool // the server has answered in this use
}

// with calls f with the connection. op is what errors begin with. If a kept connection
// turns out to be dead before the server said anything, nothing was done, and f is
// called once more with a new one; so no round trip is spent on asking whether it lives.
func (a *admin) with(ctx context.Context, op string, f func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return fault.Wrap(fault.Transient, op, ctx.Err())
	}
	for {
		s, err := a.session(ctx, op)
		if err != nil {
			return err
		}
		err = f(ctx, s)
		if err == nil || !s.kept || s.heard || !s.conn.IsClosed() || ctx.Err() != nil {
			return err
		}
	}
}

// session must be called by the holder of the turn.
func (a *admin) session(ctx context.Context, op string) (*session, error) {
	dsn, err := a.source(ctx, op)
	if err != nil {
		return nil, err
	}
	if a.open != nil && (!dsn.Equal(a.used) || a.open.conn.IsClosed()) {
		a.hangUp()
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Transient, op, err)
	}
	if a.open != nil {
		a.open.op, a.open.kept, a.open.heard = op, true, false
		return a.open, nil
	}
	s, err := dial(ctx, op, dsn)
	if err != nil {
		return nil, err
	}
	a.open, a.used = s, dsn
	return s, nil
}

// source reads the connection string; whatever goes wrong there, nothing was applied.
func (a *admin) source(ctx context.Context, op string) (secret.Value, error) {
	dsn, err := a.dsn(ctx)
	switch {
	case err != nil && fault.KindOf(err) == fault.Unknown:
		return dsn, fault.Wrap(fault.Transient, op+": read admin", err)
	case err != nil:
		return dsn, fault.Wrap(fault.KindOf(err), op+": read admin", err)
	case dsn.IsZero():
		return dsn, fault.New(fault.BadConfig, "%s: admin: the connection string is empty", op).
			WithHint("check what the option admin refers to")
	}
	return dsn, nil
}

func dial(ctx context.Context, op string, dsn secret.Value) (*session, error) {
	return dialTo(ctx, op, dsn, "")
}

// dialTo goes to another database than the connection string's, if one is named.
func dialTo(ctx context.Context, op string, dsn secret.Value, database string) (*session, error) {
	cfg, err := parseDSN(op, dsn)
	if err != nil {
		return nil, err
	}
	if database != "" {
		cfg.Database = database
	}
	cfg.RuntimeParams["application_name"] = ourName
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, adminFailure(op, err)
	}
	s := &session{conn: conn, op: op}
	if err := s.introduce(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// parseDSN reads a connection string, whose every part may be a piece of password.
func parseDSN(op string, dsn secret.Value) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(dsn.Reveal())
	if err != nil {
		return nil, fault.New(fault.BadConfig, "%s: admin: not a connection string", op).
			WithHint("write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded")
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > connectTimeout {
		cfg.ConnectTimeout = connectTimeout
	}
	return cfg, nil
}

// introduce asks once what this role may do.
func (s *session) introduce(ctx context.Context) error {
	// ParameterStatus needs no round trip: "15.18 (Debian …)"
	s.version, _ = strconv.Atoi(leadingDigits(s.conn.ParameterStatus("server_version")))
	rows, err := s.read(ctx, `SELECT current_user::text, rolsuper::text, (rolsuper OR rolcreaterole)::text,
		pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')::text,
		pg_has_role(current_user, 'pg_signal_backend', 'USAGE')::text,
		pg_is_in_recovery()::text FROM pg_roles WHERE rolname = current_user`)
	if err != nil {
		return err
	}
	if len(rows) != 1 || s.version == 0 {
		return fault.New(fault.BadConfig, "%s: the admin's connection does not lead to PostgreSQL", s.op)
	}
	is := func(i int) bool { return rows[0][i] == "true" }
	s.user, s.super, s.roles = rows[0][0], is(1), is(2)
	s.statistic, s.signal, s.standby = is(3) || is(1), is(4) || is(1), is(5)
	return s.learnQuiet(ctx)
}

func leadingDigits(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
}

// close hangs up without waiting for the server.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

func (a *admin) hangUp() {
	if a.open != nil {
		a.open.close()
		a.open = nil
	}
}

// Close hangs up; the next call dials again.
func (a *admin) Close() error {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	a.hangUp()
	return nil
}
