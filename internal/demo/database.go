package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/localserver"
)

// The runbook's names, and the layout that Rotor's provider wants: two logins
// that act as one owner.
const (
	rotorDatabase   = "nova_aos"
	runbookDatabase = "nova_aos_copy" // the same, for the runbook's own commands
	owner           = "nova_owner"
	firstLogin      = "nova_a"
	secondLogin     = "nova_b"
	oldLogin        = "nova" // of the runbook: owns its tables itself
	newLogin        = "nova_new"
)

// database is the private PostgreSQL; nil where none is installed.
type database struct{ *localserver.Postgres }

// login is a user name with its password.
type login struct{ user, password string }

func newPassword() string { return rand.Text() }

// startDatabase says why there is none instead of failing, if it is not installed.
func startDatabase(ctx context.Context) (*database, string, error) {
	p, err := localserver.StartPostgres(ctx, localserver.PostgresOptions{NoFsync: true})
	var missing *localserver.MissingError
	if errors.As(err, &missing) {
		return nil, missing.Error(), nil
	}
	if err != nil {
		return nil, "", err
	}
	return &database{p}, "", nil
}

// prepareRotor makes the database that Rotor will look after; the first login is
// the one in use.
func (d *database) prepareRotor(ctx context.Context, l login) error {
	return d.make(ctx, rotorDatabase,
		"CREATE ROLE "+owner+" NOLOGIN",
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' IN ROLE %s", l.user, l.password, owner),
		fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET role TO '%s'", l.user, rotorDatabase, owner),
		fmt.Sprintf("GRANT ALL ON SCHEMA public TO %s", owner),
		"SET ROLE "+owner,
		service.Schema,
	)
}

// prepareRunbook makes the same as most systems have it: one login that owns
// everything.
func (d *database) prepareRunbook(ctx context.Context, l login) error {
	return d.make(ctx, runbookDatabase,
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", l.user, l.password),
		fmt.Sprintf("GRANT ALL ON SCHEMA public TO %s", l.user),
		"SET ROLE "+l.user,
		service.Schema,
	)
}

func (d *database) make(ctx context.Context, name string, statements ...string) error {
	if err := d.Exec(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		return err
	}
	return d.Exec(ctx, name, statements...)
}

// url is a connection string in the words of the runbook.
func (d *database) url(name string, l login) string {
	return fmt.Sprintf("postgresql://%s:%s@127.0.0.1:%d/%s", l.user, l.password, d.Port, name)
}

// try logs in on a fresh connection and does what the service does.
func (d *database) try(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return refusal(err)
	}
	defer conn.Close(ctx)
	tx, err := conn.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, "INSERT INTO work DEFAULT VALUES")
		_ = tx.Rollback(ctx)
	}
	if err != nil {
		return "logs in, but " + refusal(err)
	}
	return works
}

// The verdicts on a value that the demo tried itself.
const (
	works   = "works"
	refused = "refused"
)

func refusal(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return fmt.Sprintf("%s: %s (%s)", refused, e.Message, e.Code)
	}
	return "no answer"
}

// sessions counts those of a login, as the server sees them.
func (d *database) sessions(ctx context.Context, user string) (n int, err error) {
	conn, err := pgx.Connect(ctx, d.DSN("postgres", "", ""))
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", user).Scan(&n)
	return n, err
}
