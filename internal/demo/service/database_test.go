package service

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/testserver"
)

func TestDatabase(t *testing.T) {
	db := testserver.Postgres(t)
	owner, guest := db.Role("owner"), db.Role("guest")
	db.Exec(t, Schema,
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", owner, password),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", guest, password),
		"GRANT ALL ON ALL TABLES IN SCHEMA public TO "+owner+", "+guest,
		"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "+owner)
	env := func(user, password string) map[string]string {
		return map[string]string{"DATABASE_URL": db.URL(user, password), "MACHINE_SECRET_TOKEN": token, "DRAIN": "0"}
	}
	i := up(t, env(owner, password))
	for range 3 {
		if status, body := i.call(http.MethodPost, "/work", "Bearer "+token); status != 200 {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	if rows, sessions := count(t, db, "SELECT count(*) FROM work"), sessionsOf(t, db, owner); rows != 3 || sessions == 0 {
		t.Errorf("%d rows, %d sessions", rows, sessions)
	}
	i.stop()
	if code, err := i.ended(); code != 0 {
		t.Errorf("exit %d: %v", code, err)
	}
	tick := time.NewTicker(20 * time.Millisecond) // the server notices a moment later
	defer tick.Stop()
	for began := time.Now(); sessionsOf(t, db, owner) > 0; <-tick.C {
		if time.Since(began) > 20*time.Second {
			t.Fatal("the ended service left sessions")
		}
	}
	// the runbook's grants: the login works, the INSERT does not
	j := up(t, env(guest, password))
	status, body := j.call(http.MethodPost, "/work", "Bearer "+token)
	if status != 500 || !strings.Contains(body, "permission denied for sequence") || !strings.Contains(body, "42501") {
		t.Errorf("status %d: %s", status, body)
	}
	noValues(t, j)
	k := begin(t, env(owner, "wrong-"+password))
	if code, err := k.ended(); code != 3 || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("refused login: exit %d: %v", code, err)
	}
	noValues(t, k)
}

func sessionsOf(t *testing.T, db *testserver.Database, role string) int {
	return count(t, db, "SELECT count(*) FROM pg_stat_activity WHERE usename = '"+role+"'")
}

func count(t *testing.T, db *testserver.Database, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUnreachableDatabaseIsNoRefusal(t *testing.T) {
	i := begin(t, map[string]string{"DATABASE_URL": "postgres://u:" + password + "@127.0.0.1:1/x", "MACHINE_SECRET_TOKEN": token})
	if code, err := i.ended(); code != 1 || err == nil {
		t.Errorf("exit %d: %v", code, err)
	}
	noValues(t, i)
}
