package localserver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// need skips the test if err says that the server is not installed (fails it with
// ROTOR_TEST_REQUIRE=all) and fails it for any other error.
func need(t *testing.T, err error) {
	t.Helper()
	var missing *MissingError
	if errors.As(err, &missing) && os.Getenv("ROTOR_TEST_REQUIRE") != "all" {
		t.Skipf("needs %s: %s", missing.Program, missing.Hint)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// gone fails the test if a process with that pid is there, a zombie included.
func gone(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("process %d is still there after Stop: %v", pid, err)
	}
}

func stopped(t *testing.T, s interface {
	Stop() error
	Pid() int
}) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
	gone(t, s.Pid())
}

func TestPostgres(t *testing.T) {
	ctx := t.Context()
	p, err := StartPostgres(ctx, PostgresOptions{
		NoFsync:  true,
		Settings: map[string]string{"log_statement": "all", "application_name": `it's a \ test`},
	})
	need(t, err)
	defer p.Stop()

	if err := p.Exec(ctx, "postgres", "CREATE ROLE visitor LOGIN PASSWORD 'pw-of-visitor'"); err != nil {
		t.Fatal(err)
	}
	var got string
	conn := connect(t, p.DSN("postgres", "visitor", "pw-of-visitor"))
	err = conn.QueryRow(ctx, "SELECT current_user || current_setting('application_name')").Scan(&got)
	if want := `visitorit's a \ test`; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	wantCode(t, p.DSN("postgres", "visitor", "wrong"), "28P01")
	socket := "host=" + p.room.path("data") + " port=" + strconv.Itoa(p.Port) + " user=postgres dbname=postgres password="
	wantCode(t, socket+"wrong", "28P01")
	connect(t, socket+p.Password)

	log, err := os.ReadFile(p.LogPath())
	if err != nil || !strings.Contains(string(log), "CREATE ROLE visitor") {
		t.Errorf("the log does not have the statement: %v", err)
	}
	if _, err := os.Stat(p.room.path("password")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the password file is still there: %v", err)
	}
	noArgument(t, p.Pid(), p.Password)
	start := time.Now()
	stopped(t, p)
	t.Logf("stopped in %v", time.Since(start))
	if _, err := os.Stat(p.room.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestPostgresRefusesWhatCannotWork(t *testing.T) {
	_, err := StartPostgres(t.Context(), PostgresOptions{
		NoFsync: true, Settings: map[string]string{"no_such_setting": "1"},
	})
	var missing *MissingError
	if errors.As(err, &missing) {
		need(t, err)
	}
	if !errors.Is(err, errExited) || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("the error does not have the server's reason: %v", err)
	}
	if _, err := StartPostgres(t.Context(), PostgresOptions{BinDir: t.TempDir()}); !errors.As(err, &missing) {
		t.Errorf("got %v, want a *MissingError", err)
	}
	if os.Geteuid() == 0 { // t.TempDir has a closed parent
		_, err = StartPostgres(t.Context(), PostgresOptions{Dir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), "cannot enter") {
			t.Errorf("got %v, want the directory that cannot be entered", err)
		}
	}
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func wantCode(t *testing.T, dsn, code string) {
	t.Helper()
	_, err := pgx.Connect(t.Context(), dsn)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != code {
		t.Errorf("login: %v, want SQLSTATE %s", err, code)
	}
}

// noArgument fails the test if the process has text in its arguments or environment.
func noArgument(t *testing.T, pid int, text string) {
	t.Helper()
	for _, file := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
		if errors.Is(err, os.ErrNotExist) {
			return // no /proc here
		}
		if err != nil || strings.Contains(string(content), text) {
			t.Errorf("%s of process %d has the secret (or %v)", file, pid, err)
		}
	}
}
