package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/fault"
)

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
