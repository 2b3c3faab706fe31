package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/internal/localserver"
)

// pids are the shared servers that the tests used. Tests here do not run in parallel.
var pids = map[int]bool{}

func TestMain(m *testing.M) {
	code := Wrap(m).Run()
	for pid := range pids {
		if pid != 0 && syscall.Kill(pid, 0) != syscall.ESRCH {
			fmt.Println("still there after the tests: process", pid)
			code = 1
		}
	}
	os.Exit(code)
}

func TestPostgres(t *testing.T) {
	var first *Database
	t.Run("one test", func(t *testing.T) {
		first = Postgres(t)
		role := first.Role("app")
		first.Exec(t, "CREATE ROLE "+role+" LOGIN PASSWORD 'pw'", "CREATE SCHEMA s AUTHORIZATION "+role)
		conn, err := pgx.Connect(t.Context(), first.URL(role, "pw"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(t.Context(), "CREATE TABLE s.t (n int)"); err != nil {
			t.Error(err)
		}
	})
	if first == nil {
		t.Skip("the subtest was skipped")
	}
	second := Postgres(t)
	pids[second.Pid()] = true
	if second.Name == first.Name || second.Pid() != first.Pid() {
		t.Errorf("databases %s and %s, pids %d and %d", first.Name, second.Name, first.Pid(), second.Pid())
	}
	_, err := pgx.Connect(t.Context(), first.URL("", ""))
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "3D000" {
		t.Errorf("the first test's database: %v, want that it does not exist", err)
	}
	second.Exec(t, "CREATE EXTENSION pg_stat_statements")
	if n := count(t, second, "SELECT count(*) FROM pg_roles WHERE starts_with(rolname, $1)", first.Prefix); n != 0 {
		t.Errorf("%d roles of the first test are still there", n)
	}
}

func count(t *testing.T, d *Database, sql string, args ...any) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.URL("", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOwnPostgres(t *testing.T) {
	var pid int
	t.Run("one test", func(t *testing.T) {
		p := OwnPostgres(t, localserver.PostgresOptions{})
		pid = p.Pid()
		if err := p.Exec(t.Context(), "postgres", "SELECT 1"); err != nil {
			t.Error(err)
		}
	})
	if pid != 0 && syscall.Kill(pid, 0) != syscall.ESRCH {
		t.Errorf("process %d is there after its test", pid)
	}
}

func TestVault(t *testing.T) {
	first, second := Vault(t), Vault(t)
	pids[first.Pid()] = true
	if first.Pid() != second.Pid() || first.Mount == second.Mount {
		t.Errorf("pids %d and %d, mounts %s and %s", first.Pid(), second.Pid(), first.Mount, second.Mount)
	}
	for _, v := range []*VaultMount{first, second} {
		if got := vaultStatus(t, v.Vault, v.Mount+"/config"); got != http.StatusOK {
			t.Errorf("mount %s: status %d", v.Mount, got)
		}
	}
}

func TestSealableVault(t *testing.T) {
	v := SealableVault(t)
	if err := v.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := vaultStatus(t, v, "secret/config"); got != http.StatusServiceUnavailable {
		t.Errorf("sealed: status %d", got)
	}
	if err := v.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := vaultStatus(t, v, "sys/storage/raft/snapshot"); got != http.StatusOK {
		t.Errorf("snapshot: status %d", got)
	}
}

func TestPrometheus(t *testing.T) {
	target := httptest.NewServer(http.NotFoundHandler())
	defer target.Close()
	p := Prometheus(t, localserver.PrometheusOptions{
		Targets: map[string][]string{"app": {target.Listener.Addr().String()}},
	})
	if got := status(t, p.URL+"/api/v1/query?query=up", ""); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}

func TestDocker(t *testing.T) {
	d := Docker(t)
	pids[d.Pid()] = true
	if out, err := d.Command(t.Context(), "compose", "-p", d.Name, "ls").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func vaultStatus(t *testing.T, v *localserver.Vault, path string) int {
	t.Helper()
	return status(t, v.Addr+"/v1/"+path, v.RootToken)
}

func status(t *testing.T, url, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestMissing: what is not installed skips the test by name, or fails it on demand; any
// other error fails it always.
func TestMissing(t *testing.T) {
	missing := fmt.Errorf("vault: %w", &localserver.MissingError{Program: "Vault", Hint: "build it"})
	for _, c := range []struct {
		require string
		err     error
		want    string
	}{
		{"", missing, "skip: needs Vault: build it"},
		{"some", missing, "skip: needs Vault: build it"},
		{"all", missing, "fatal: needs Vault, and ROTOR_TEST_REQUIRE=all: build it"},
		{"", errors.New("port taken"), "fatal: port taken"},
		{"", nil, "go on"},
	} {
		t.Setenv("ROTOR_TEST_REQUIRE", c.require)
		if got := record(t, func(t testing.TB) { need(t, c.err) }); got != c.want {
			t.Errorf("%q, %v: %q, want %q", c.require, c.err, got, c.want)
		}
	}
}

// TestMissingProgram is the same with a real search that finds nothing.
func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("ROTOR_TEST_CACHE", t.TempDir())
	t.Setenv("ROTOR_TEST_REQUIRE", "")
	got := record(t, func(t testing.TB) { SealableVault(t) })
	if !strings.HasPrefix(got, "skip: needs Vault: ") {
		t.Errorf("got %q", got)
	}
}

func TestWithoutMain(t *testing.T) {
	stopping.armed = false
	defer func() { stopping.armed = true }()
	var unused shared[*localserver.Vault]
	got := record(t, func(t testing.TB) {
		unused.get(t, func(context.Context) (*localserver.Vault, error) { panic("started") })
	})
	if !strings.Contains(got, "testserver.Main(m)") {
		t.Errorf("got %q", got)
	}
}

// record runs f with a TB whose skips and failures end f alone, and says what f did.
func record(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t, did: "go on"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.did
}

type recorder struct {
	testing.TB
	did string
}

func (r *recorder) Skipf(format string, args ...any) { r.end("skip: " + fmt.Sprintf(format, args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.end("fatal: " + fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) { r.end("fatal: " + fmt.Sprint(args...)) }

func (r *recorder) end(did string) {
	r.did = did
	runtime.Goexit()
}
