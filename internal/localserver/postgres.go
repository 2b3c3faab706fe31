package localserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions: the zero value is a safe cluster in a temporary directory.
type PostgresOptions struct {
	Dir      string            // where it lives; "": a temporary directory, removed by Stop
	BinDir   string            // has initdb and postgres; "": found
	NoFsync  bool              // faster; the data does not survive a crash of the machine
	Settings map[string]string // for postgresql.conf, for example log_statement: all
}

// Postgres is a running cluster. Every login, over TCP and over the socket, needs a
// password (scram-sha-256), the superuser's too.
type Postgres struct {
	server
	Port     int
	User     string // the superuser
	Password string // of the superuser; kept in memory only
}

// StartPostgres makes a new cluster and starts it. It returns when logins work.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	bin, err := postgresBinaries(o.BinDir)
	if err != nil {
		return nil, err
	}
	r, err := newRoom(o.Dir, "postgres", true)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	p := &Postgres{server: server{room: r}, User: "postgres", Password: randomSecret()}
	if err = p.initdb(ctx, bin, o); err == nil {
		err = onFreePort(func(port int) error {
			p.Port = port
			return p.run(ctx, bin)
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), p.Stop())
	}
	return p, nil
}

// DSN is the URL of a database for a user; without a user it is the superuser's.
func (p *Postgres) DSN(db, user, password string) string {
	if user == "" {
		user, password = p.User, p.Password
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)), Path: "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Exec runs statements, each one alone, as superuser in db.
func (p *Postgres) Exec(ctx context.Context, db string, statements ...string) error {
	conn, err := pgx.Connect(ctx, p.DSN(db, "", ""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// initdb makes the cluster. The password travels in a file that exists only for this.
func (p *Postgres) initdb(ctx context.Context, bin string, o PostgresOptions) error {
	data, err := p.room.mkdir("data")
	if err != nil {
		return err
	}
	pwfile, err := p.room.write("password", p.Password)
	if err != nil {
		return err
	}
	defer os.Remove(pwfile)
	args := []string{
		"-D", data, "-U", p.User, "-A", "scram-sha-256", "--pwfile=" + pwfile,
		"-E", "UTF8", "--locale=C",
	}
	if o.NoFsync {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	cmd.Env, cmd.Dir = cleanEnv(p.room.dir), p.room.dir
	cmd.SysProcAttr = childAttr(p.room.runAs, syscall.SIGKILL)
	runtime.LockOSThread() // see start
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return p.configure(filepath.Join(data, "postgresql.conf"), o)
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// configure appends our settings to the file that initdb wrote; the last one wins.
func (p *Postgres) configure(path string, o PostgresOptions) error {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": filepath.Join(p.room.dir, "data"),
	}
	if len(p.room.dir) > 80 { // a socket's path is limited to 107 bytes
		settings["unix_socket_directories"] = ""
	}
	if o.NoFsync {
		settings["fsync"], settings["full_page_writes"] = "off", "off"
		settings["synchronous_commit"] = "off"
	}
	maps.Copy(settings, o.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !settingName.MatchString(name) {
			return fmt.Errorf("setting %q: not a name", name)
		}
		value := strings.ReplaceAll(strings.ReplaceAll(settings[name], `\`, `\\`), "'", "''")
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(conf.String())
	return errors.Join(err, file.Close())
}

// run starts the server and waits for the first login. SIGINT is "fast shutdown": open
// sessions are ended. An orphan gets SIGQUIT, which ends the server's own children too.
func (p *Postgres) run(ctx context.Context, bin string) error {
	proc, err := start(command{
		path: filepath.Join(bin, "postgres"),
		args: []string{"-D", p.room.path("data"), "-p", strconv.Itoa(p.Port)},
		env:  cleanEnv(p.room.dir), dir: p.room.dir, logPath: p.room.path("postgres.log"),
		runAs: p.room.runAs, stop: syscall.SIGINT, orphan: syscall.SIGQUIT,
	})
	if err != nil {
		return err
	}
	p.proc = proc
	return proc.waitReady(ctx, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.DSN("postgres", "", ""))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// postgresBinaries finds one directory with both initdb and postgres: two programs of
// different versions do not fit together. On the PATH it follows links (and so passes
// wrappers by); else it takes the newest version from where packages put it.
func postgresBinaries(dir string) (string, error) {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return versionIn(b) - versionIn(a) })
		dirs = append(dirs, found...)
	}
	if path, ok := findProgram("postgres"); ok {
		if path, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append([]string{filepath.Dir(path)}, dirs...)
		}
	}
	if dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		if isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", &MissingError{"PostgreSQL", "no directory has both initdb and postgres; install the server (Debian: postgresql)"}
}

var digits = regexp.MustCompile(`\d+`)

func versionIn(dir string) int {
	n, _ := strconv.Atoi(digits.FindString(dir))
	return n
}
