package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// runBack does one transaction of the way back, statement by statement, and passes over
// objects that are gone.
func (p *Provider) runBack(ctx context.Context, op string, t transaction) error {
	err := p.visit(ctx, op, t.database, func(s *session) error {
		s.spoken = !slices.ContainsFunc(t.statements, copies)
		err := s.exec(ctx, "BEGIN", "SET LOCAL lock_timeout = "+milliseconds(adoptionLock), "SET LOCAL statement_timeout = "+milliseconds(adoptionTime))
		for _, st := range t.statements {
			if err == nil {
				err = s.lenient(ctx, st)
			}
		}
		if err != nil {
			return err // the connection is closed, and with it the transaction undone
		}
		return s.exec(ctx, "COMMIT")
	})
	if err != nil && strings.Contains(err.Error(), "(SQLSTATE 3D000)") {
		return nil // the whole database is gone
	}
	return err
}

// goneError: what a statement is about does not exist.
type goneError struct{ state string }

func (e *goneError) Error() string { return "gone (SQLSTATE " + e.state + ")" }

// exec runs statements one by one, outside of change.
func (s *session) exec(ctx context.Context, statements ...string) error {
	batch := &pgconn.Batch{}
	for _, st := range statements {
		batch.ExecParams(st, nil, nil, nil, nil)
	}
	results, err := s.conn.ExecBatch(ctx, batch).ReadAll()
	if err = firstOf(results, err); err == nil {
		return nil
	}
	failure := s.failure(err)
	if e := lastServerError(err); e != nil && forgivable(statements, e.Code) {
		failure.Err = &goneError{e.Code}
	}
	return failure
}

// lenient forgives a statement whose object is gone.
func (s *session) lenient(ctx context.Context, st string) error {
	err := s.exec(ctx, "SAVEPOINT step", st, "RELEASE SAVEPOINT step")
	var gone *goneError
	if errors.As(err, &gone) {
		return s.exec(ctx, "ROLLBACK TO SAVEPOINT step")
	}
	return err
}

// forgivable: the object, or the role, is gone; or a role or a right has meanwhile got
// other ties and stays behind, without a login.
func forgivable(statements []string, code string) bool {
	switch code {
	case "42P01", "42883", "42704", "3F000", "42703", "3D000":
		return true
	case "2BP01":
		return slices.ContainsFunc(statements, func(st string) bool {
			return strings.HasPrefix(st, "DROP ROLE ") || strings.HasPrefix(st, "REVOKE ")
		})
	}
	return false
}
