package testserver

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestPgBouncer(t *testing.T) {
	db := Postgres(t)
	db.Exec(t, "CREATE ROLE "+db.Role("app")+" LOGIN PASSWORD 'app-0001'")
	b := db.PgBouncer(t, map[string]string{db.Role("app"): "app-0001"})
	conn, err := pgconn.Connect(t.Context(), b.DSN(db.Name, db.Role("app"), "app-0001"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	result, err := conn.Exec(t.Context(), "SELECT session_user").ReadAll()
	if err != nil || string(result[0].Rows[0][0]) != db.Role("app") {
		t.Errorf("%v, %v", result, err)
	}
}
