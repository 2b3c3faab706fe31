//go:build linux

package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
)

// TestASuperuserIsAdopted is the commonest beginning: the application, and Rotor as
// well, log in as docker's POSTGRES_USER. It is left, and ends when a person has given
// it another password.
func TestASuperuserIsAdopted(t *testing.T) {
	server := testserver.OwnPostgres(t, localserver.PostgresOptions{})
	if err := server.Exec(t.Context(), "postgres", "CREATE DATABASE nova"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "nova", "CREATE TABLE orders (id serial, note text)"); err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, fmt.Sprintf(`version: 1
defaults: {owner: Platform, every: quarterly, grace: 0s}
stores: {dotenv: {type: dotenv, path: .env}}
credentials:
  database:
    provider: {type: postgres, admin: "env:TEST_ADMIN", database: nova, owner-role: nova_owner, roles: [nova_a, nova_b], address: "127.0.0.1:%d"}
    targets:
      - {store: dotenv, key: DB_USER, value: "{{.username}}"}
      - {store: dotenv, key: DB_PASSWORD, value: "{{.password}}"}
`, server.Port), fmt.Sprintf("DB_USER=%s\nDB_PASSWORD=%s\n", server.User, server.Password))
	env := p.env
	p.env = append(env, "TEST_ADMIN="+server.DSN("postgres", "", ""))
	p.want(0, "adopt", "database", "--yes")
	p.want(0, "adopt", "database", "--undo", "--yes")
	p.want(0, "adopt", "database", "--yes")
	if r := p.want(5, "rotate", "database", "--yes"); !strings.Contains(r.err, `\password `+server.User) {
		t.Errorf("a person is not told what to do:\n%s", r.err)
	}
	p.want(5, "resume", "database") // nothing was done yet
	if err := server.Exec(t.Context(), "nova", "ALTER ROLE "+server.User+" PASSWORD 'kept-by-a-person'", "TABLE orders"); err != nil {
		t.Fatal(err)
	}
	p.env = append(env, "TEST_ADMIN="+server.DSN("postgres", server.User, "kept-by-a-person"))
	p.want(0, "resume", "database")
	p.want(0, "rotate", "database", "--yes")
	if st := p.want(0, "status", "database", "-o", "json"); strings.Count(st.out, `"proof": "dead, proven"`) != 2 {
		t.Errorf("not every old one is proven dead:\n%s", st.out)
	}
}
