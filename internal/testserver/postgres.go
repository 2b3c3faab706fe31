package testserver

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/localserver"
)

// Database is a fresh database in the shared cluster, for one test.
type Database struct {
	*localserver.Postgres
	Name   string // of the database; owned by the superuser
	Prefix string // roles whose name begins with it are dropped after the test
}

// Postgres makes a database for the test. The shared cluster is as talkative as can be,
// so that tests can look for secrets: it logs every statement and login to LogPath, and
// pg_stat_statements is loaded (CREATE EXTENSION is left to the test).
func Postgres(t testing.TB) *Database {
	t.Helper()
	p := postgres.get(t, func(ctx context.Context) (*localserver.Postgres, error) {
		return localserver.StartPostgres(ctx, localserver.PostgresOptions{
			NoFsync: true,
			Settings: map[string]string{
				"log_statement": "all", "log_connections": "on", "log_disconnections": "on",
				"shared_preload_libraries": "pg_stat_statements",
			},
		})
	})
	name := unique()
	d := &Database{Postgres: p, Name: name, Prefix: name + "_"}
	if err := p.Exec(t.Context(), "postgres", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.drop(context.Background()); err != nil {
			t.Logf("cleaning up database %s: %v", name, err)
		}
	})
	return d
}

var postgres shared[*localserver.Postgres]

// OwnPostgres starts a cluster for this test alone, stopped at its end. It is made
// without fsync, whatever o says.
func OwnPostgres(t testing.TB, o localserver.PostgresOptions) *localserver.Postgres {
	t.Helper()
	o.NoFsync = true
	return own(t, func(ctx context.Context) (*localserver.Postgres, error) {
		return localserver.StartPostgres(ctx, o)
	})
}

// Role is a role name that no other test has. Role("a") is Prefix + "a".
func (d *Database) Role(name string) string { return d.Prefix + name }

// URL is the DSN of the test's database for a user; without a user the superuser's.
func (d *Database) URL(user, password string) string { return d.DSN(d.Name, user, password) }

// shares is held around statements of the tests' own: grants on what the whole
// cluster shares (parameters, roles) fail when two of them meet ("tuple
// concurrently updated").
var shares sync.Mutex

// Exec runs statements, each one alone, as superuser in the test's database.
func (d *Database) Exec(t testing.TB, statements ...string) {
	t.Helper()
	shares.Lock()
	defer shares.Unlock()
	if err := d.Postgres.Exec(t.Context(), d.Name, statements...); err != nil {
		t.Fatal(err)
	}
}

// drop removes the database, with sessions that are still open, and then the roles: in
// this order, for a role that owns something cannot be dropped.
func (d *Database) drop(ctx context.Context) error {
	shares.Lock()
	defer shares.Unlock()
	if err := d.Postgres.Exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+d.Name+" WITH (FORCE)"); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, d.DSN("postgres", "", ""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE starts_with(rolname, $1)", d.Prefix)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}
