package localserver

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPgBouncer(t *testing.T) {
	ctx := t.Context()
	p, err := StartPostgres(ctx, PostgresOptions{NoFsync: true})
	need(t, err)
	defer p.Stop()
	if err := p.Exec(ctx, "postgres", `CREATE ROLE app LOGIN PASSWORD 'with "quote'`); err != nil {
		t.Fatal(err)
	}
	b, err := StartPgBouncer(ctx, PgBouncerOptions{
		Server: p.Address(), Databases: map[string]string{"app": "dbname=postgres"},
		Users: map[string]string{"app": `with "quote`}, Socket: true, PoolSize: 3,
	})
	need(t, err)
	defer stopped(t, b)
	query := func() (who string) {
		t.Helper()
		config, err := pgx.ParseConfig(b.DSN("app", "app", `with "quote`))
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if err := conn.QueryRow(ctx, "SELECT session_user").Scan(&who); err != nil {
			t.Fatal(err)
		}
		return who
	}
	if who := query(); who != "app" {
		t.Errorf("session_user = %q", who)
	}
	pidFile, err := os.ReadFile(b.PidFile)
	if err != nil || strings.TrimSpace(string(pidFile)) != strconv.Itoa(b.Pid()) {
		t.Errorf("pid file: %q, %v; pid %d", pidFile, err, b.Pid())
	}
	databases, err := b.Show(ctx, "DATABASES")
	if err != nil || len(databases) != 2 || databases[0]["name"] != "app" || databases[0]["pool_size"] != "3" {
		t.Errorf("SHOW DATABASES: %v, %v", databases, err)
	}
	if err := b.Console(ctx, "PAUSE app", "RESUME app"); err != nil {
		t.Error(err)
	}
	if log, err := os.ReadFile(b.LogPath()); err != nil || !strings.Contains(string(log), "PAUSE") {
		t.Errorf("log: %q, %v", log, err)
	}
	if _, err := os.Stat(b.SocketDir + "/.s.PGSQL." + strconv.Itoa(b.Port)); err != nil {
		t.Error(err)
	}
	first := b.Pid()
	if err := b.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	gone(t, first)
	if who := query(); who != "app" {
		t.Errorf("after Restart: session_user = %q", who)
	}
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(ctx); err != nil {
		t.Fatalf("after Kill: %v", err)
	}
	if args, err := os.ReadFile("/proc/" + strconv.Itoa(b.Pid()) + "/cmdline"); err == nil && strings.Contains(string(args), b.AdminPassword) {
		t.Error("the password is in the arguments")
	}
}
