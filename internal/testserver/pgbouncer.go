package testserver

import (
	"context"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
)

// PgBouncer starts a pooler for this test alone, stopped at its end. A Server is
// needed: that of Postgres(t) is Database.Address().
func PgBouncer(t testing.TB, o localserver.PgBouncerOptions) *localserver.PgBouncer {
	t.Helper()
	return own(t, func(ctx context.Context) (*localserver.PgBouncer, error) {
		return localserver.StartPgBouncer(ctx, o)
	})
}

// PgBouncer starts a pooler in front of the test's database, under the database's own
// name; users go to its auth_file. Tests with more wishes use the function PgBouncer.
func (d *Database) PgBouncer(t testing.TB, users map[string]string) *localserver.PgBouncer {
	t.Helper()
	return PgBouncer(t, localserver.PgBouncerOptions{
		Server: d.Address(), Databases: map[string]string{d.Name: ""}, Users: users,
	})
}
