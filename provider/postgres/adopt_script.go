package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/fault"
)

// transaction is what is done together in one database. Written down it is a script
// that psql understands, so that a person may as well run it by hand.
type transaction struct {
	database   string
	statements []string
}

// chunk is how many objects one transaction moves: each takes a few locks, and the
// server's table of locks is limited (max_locks_per_transaction times connections).
const chunk = 200

// script collects transactions; empty ones are dropped.
type script []transaction

func (s *script) add(database string, statements ...string) {
	if len(statements) > 0 {
		*s = append(*s, transaction{database, statements})
	}
}

// addChunks is add for statements that need not be done together.
func (s *script) addChunks(database string, statements []string) {
	for part := range slices.Chunk(statements, chunk) {
		s.add(database, part...)
	}
}

func (s script) lines() []string {
	var out []string
	for _, t := range s {
		out = append(out, `\connect `+ident(t.database), "BEGIN;")
		for _, st := range t.statements {
			out = append(out, st+";")
		}
		out = append(out, "COMMIT;")
	}
	return out
}

// parseScript is the inverse of lines. Only statements of the kinds that adoption makes
// are taken: the text comes out of a journal and is run by an administrator.
func parseScript(lines []string) (script, error) {
	var out script
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, `\connect `); ok {
			database, ok := unident(name)
			if !ok {
				return nil, badScript()
			}
			out = append(out, transaction{database: database})
			continue
		}
		st, ok := strings.CutSuffix(line, ";")
		switch {
		case st == "BEGIN" || st == "COMMIT":
		case !ok || len(out) == 0 || !ours(st):
			return nil, badScript()
		default:
			last := &out[len(out)-1]
			last.statements = append(last.statements, st)
		}
	}
	return out, nil
}

func badScript() error {
	return fault.New(fault.BadConfig, "postgres: adoption: the steps on record are not ours")
}

var verbs = []string{"ALTER ", "REASSIGN OWNED BY ", "GRANT ", "REVOKE ", "CREATE ROLE ", "DROP ROLE IF EXISTS ", "DROP USER MAPPING IF EXISTS ", "DO '", "DO E'"}

func ours(statement string) bool {
	return slices.ContainsFunc(verbs, func(v string) bool { return strings.HasPrefix(statement, v) })
}

// within says whether every statement of s, in its database, is also in other.
func (s script) within(other script) bool {
	seen := map[[2]string]bool{}
	for _, t := range other {
		for _, st := range t.statements {
			seen[[2]string{t.database, st}] = true
		}
	}
	for _, t := range s {
		for _, st := range t.statements {
			if !seen[[2]string{t.database, st}] {
				return false
			}
		}
	}
	return true
}

const (
	// adoptionLock is how long a statement may queue for a table: behind it queue the
	// application's own.
	adoptionLock = 5 * time.Second
	adoptionTime = 10 * time.Minute
)

// run executes the transactions in order, each on a connection to its database.
func (p *Provider) run(ctx context.Context, op string, s script) error {
	for _, t := range s {
		err := p.visit(ctx, op, t.database, func(s *session) error {
			all := []statement{{sql: "SELECT set_config('lock_timeout', $1, true)", params: []string{milliseconds(adoptionLock)}}}
			covert := slices.ContainsFunc(t.statements, copies)
			if covert && s.super { // an error would show what is copied in its context
				all = append(s.hushed(), append(all, statement{sql: "SET LOCAL log_min_messages = 'panic'"})...)
			}
			for _, st := range t.statements {
				all = append(all, statement{sql: st})
			}
			s.spoken = !covert
			_, err := s.change(ctx, adoptionTime, all...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copies: a statement that reads a value in the server and repeats it there.
func copies(statement string) bool { return strings.HasPrefix(statement, "DO ") }

// visit connects to one database as the admin. The search path is empty there, so that
// the server names every object with its schema and nobody's functions are called.
func (p *Provider) visit(ctx context.Context, op, database string, f func(*session) error) error {
	dsn, err := p.admin.source(ctx, op)
	if err != nil {
		return err
	}
	s, err := dialTo(ctx, op+": database "+ident(database), dsn, database)
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.read(ctx, "SELECT set_config('search_path', '', false)"); err != nil {
		return err
	}
	return f(s)
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

// unident reads a quoted identifier back.
func unident(text string) (string, bool) {
	if len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", false
	}
	name := strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	return name, ident(name) == text
}
