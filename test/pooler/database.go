package pooler

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/secret"
)

func password() string { return rand.Text() }

// prepare makes the database with the login in use.
func (w *World) prepare(ctx context.Context, first Login) error {
	if err := w.DB.Exec(ctx, "postgres", "CREATE DATABASE "+database); err != nil {
		return err
	}
	if err := w.DB.Exec(ctx, database, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return err
	}
	if w.Kind == Runbook {
		return w.quietly(ctx, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", before, first.Password),
			"GRANT ALL ON SCHEMA public TO "+before, "SET ROLE "+before, schema)
	}
	own := password()
	w.adminDSN = w.DB.DSN(database, admin, own)
	w.Known(own)
	statements := append(grants(),
		fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", admin, own),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' IN ROLE %s", loginA, first.Password, owner),
		fmt.Sprintf("CREATE ROLE %s NOLOGIN IN ROLE %s", loginB, owner),
		"GRANT ALL ON SCHEMA public TO "+owner)
	for _, role := range []string{loginA, loginB} {
		statements = append(statements, fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET role TO '%s'", role, database, owner),
			fmt.Sprintf("DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN GRANT %s TO %s WITH ADMIN OPTION; END IF; END $$", role, admin))
	}
	return w.quietly(ctx, append(statements, "SET ROLE "+owner, schema)...)
}

// grants is what `rotor providers postgres` prints.
func grants() []string {
	var out []string
	o := postgres.Options{OwnerRole: owner, Roles: []string{loginA, loginB}}
	for _, line := range strings.Split(postgres.Grants(o, admin), "\n") {
		if line != "" && !strings.HasPrefix(line, "--") {
			out = append(out, strings.TrimSuffix(line, ";"))
		}
	}
	return out
}

// quietly keeps our own plain passwords out of the log that is searched later.
func (w *World) quietly(ctx context.Context, statements ...string) error {
	return w.DB.Exec(ctx, database, append([]string{"SET log_statement = none", "SET pg_stat_statements.track_utility = off"}, statements...)...)
}

// Ask runs a query as superuser, directly.
func (w *World) Ask(ctx context.Context, sql string, args ...any) ([]string, error) {
	conn, err := pgx.Connect(ctx, w.DB.DSN(database, "", ""))
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Shape is what no rotation changes: who owns what, who may do what to it, which
// roles there are and whose members they are.
func (w *World) Shape(ctx context.Context) (string, error) {
	lines, err := w.Ask(ctx, `
		SELECT format('%s owned by %s, rights %s', c.relname, r.rolname, c.relacl) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
			WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT format('role %s %s', rolname, oid) FROM pg_roles WHERE rolname LIKE 'nova%'
		UNION ALL SELECT format('%s is member of %s', member::regrole, roleid::regrole) FROM pg_auth_members WHERE member::regrole::text LIKE 'nova%'
		UNION ALL SELECT format('%s has %s', setrole, setconfig) FROM pg_db_role_setting
		UNION ALL SELECT format('default rights %s', count(*)) FROM pg_default_acl
		ORDER BY 1`)
	return strings.Join(lines, "\n"), err
}

// Rows counts what every client has committed.
func (w *World) Rows(ctx context.Context) (map[string]int, error) {
	lines, err := w.Ask(ctx, "SELECT format('%s %s', instance, count(*)) FROM work GROUP BY instance")
	out := map[string]int{}
	for _, line := range lines {
		var name string
		var n int
		if _, err := fmt.Sscan(line, &name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, err
}

// Provider is Rotor's own for this login, with its own least rights, and without
// PgBouncer.
func (w *World) Provider() (*postgres.Provider, error) {
	o := postgres.Options{Admin: "env:UNUSED", Database: database, OwnerRole: owner, Roles: []string{loginA, loginB}, Rights: "table", VerifyTable: "work"}
	return postgres.New(o, secret.Fixed(secret.New(w.adminDSN)))
}

// Sizes counts what could pile up in the server's catalogues.
func (w *World) Sizes(ctx context.Context) (string, error) {
	lines, err := w.Ask(ctx, `
		SELECT 'roles ' || count(*) FROM pg_roles UNION ALL SELECT 'members ' || count(*) FROM pg_auth_members
		UNION ALL SELECT 'settings ' || count(*) FROM pg_db_role_setting UNION ALL SELECT 'default rights ' || count(*) FROM pg_default_acl
		UNION ALL SELECT 'shared dependencies ' || count(*) FROM pg_shdepend UNION ALL SELECT 'shared comments ' || count(*) FROM pg_shdescription
		UNION ALL SELECT 'relations ' || count(*) FROM pg_class UNION ALL SELECT 'rights ' || COALESCE(sum(cardinality(relacl)), 0) FROM pg_class
		UNION ALL SELECT 'longest comment ' || max(length(description)) FROM pg_shdescription`)
	return strings.Join(lines, ", "), err
}
