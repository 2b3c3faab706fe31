package postgres

import (
	"context"
	"errors"
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

// read runs one query that changes nothing. A failure has had no effect.
func (s *session) read(ctx context.Context, sql string, params ...string) ([][]string, error) {
	result := s.conn.ExecParams(ctx, sql, bytesOf(params), nil, nil, nil).Read()
	s.heard = s.heard || !s.conn.IsClosed()
	if result.Err != nil {
		failure := s.failure(result.Err)
		if failure.Kind == fault.Unknown {
			failure.Kind = fault.Transient
		}
		return nil, failure
	}
	return texts(result.Rows), nil
}

func texts(rows [][][]byte) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		for _, column := range row {
			out[i] = append(out[i], string(column))
		}
	}
	return out
}

// statement is one protocol message of a transaction.
type statement struct {
	sql    string
	params []string
}

// change runs statements in one transaction and one flush, each its own protocol
// message, so that a setting acts before the next is looked at. It returns the rows of
// the last statement. No answer is fault.Unknown; any error that the server answers with
// has undone everything.
func (s *session) change(ctx context.Context, timeout time.Duration, statements ...statement) ([][]string, error) {
	rows, _, err := s.changeThen(ctx, timeout, statement{}, statements...)
	return rows, err
}

// changeThen sends one more statement behind the COMMIT, in the same flush. Its rows are
// nil if it failed, which the caller must look into: the change is made by then.
func (s *session) changeThen(ctx context.Context, timeout time.Duration, then statement, statements ...statement) (rows, after [][]string, err error) {
	if err := s.answers(ctx); err != nil {
		return nil, nil, err
	}
	batch := &pgconn.Batch{}
	begin := []statement{{sql: "BEGIN"}, {sql: "SELECT set_config('statement_timeout', $1, true)", params: []string{milliseconds(timeout)}}}
	all := append(append(begin, statements...), statement{sql: "COMMIT"})
	commit := len(all) - 1
	if then.sql != "" {
		all = append(all, then)
	}
	for _, st := range all {
		batch.ExecParams(st.sql, bytesOf(st.params), nil, nil, nil)
	}
	results, err := s.conn.ExecBatch(ctx, batch).ReadAll()
	if committed := len(results) > commit && results[commit].Err == nil; committed && lastServerError(err) != nil && !s.conn.IsClosed() {
		err, results = nil, results[:commit+1]
	}
	if err = firstOf(results, err); err != nil {
		if s.conn.TxStatus() != 'I' { // COMMIT was skipped, the block is still open
			s.close()
		}
		return nil, nil, s.failure(err)
	}
	if len(results) > commit+1 {
		after = texts(results[commit+1].Rows)
	}
	return texts(results[commit-1].Rows), after, nil
}

// answers makes sure, before anything is changed, that the connection lives: on a dead
// one the outcome of a change would be unknown instead of none.
func (s *session) answers(ctx context.Context) error {
	if err := ctx.Err(); err != nil || s.conn.IsClosed() {
		return fault.Wrap(fault.Transient, s.op, errors.Join(errNotSent, err))
	}
	if s.heard {
		return nil
	}
	_, err := s.read(ctx, "SELECT 1")
	return err
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// failure is statementFailure, with the server's words where they may be repeated.
func (s *session) failure(err error) *fault.Error {
	failure := statementFailure(s.op, err)
	if e := lastServerError(err); s.spoken && e != nil {
		failure.Op += ": " + e.Message
	}
	return failure
}

func bytesOf(params []string) [][]byte {
	out := make([][]byte, len(params))
	for i, p := range params {
		out[i] = []byte(p)
	}
	return out
}

var errNotSent = errors.New("nothing was sent")

// firstOf is the first failure: what pgx reports last is only that the connection is
// closed.
func firstOf(results []*pgconn.Result, err error) error {
	for _, r := range results {
		if r.Err != nil {
			return r.Err
		}
	}
	return err
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
