package localserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// PgBouncerOptions: Server and Databases are needed, the rest has defaults.
type PgBouncerOptions struct {
	Dir      string // where it lives; "": a temporary directory, removed by Stop
	Server   string // host:port of PostgreSQL
	Program  string // "": found
	PoolMode string // "": transaction
	PoolSize int    // server connections for each user and database; 0: 4
	AuthType string // "": scram-sha-256, which takes passwords and SCRAM secrets from the auth_file

	// Databases maps a name to further parameters of its line ("" for none), for
	// example user='app' or dbname='other'.
	Databases map[string]string
	// Users are written to the auth_file: passwords or SCRAM secrets. The admin comes
	// on top. With AuthFile, which must exist and hold the admin, nothing is written.
	Users    map[string]string
	AuthFile string // "": a file of its own; see PgBouncer.AuthFile

	AuthUser  string // auth_user and auth_query, "": none
	AuthQuery string

	Admin         string            // may use the console; "": pgbadmin
	AdminPassword string            // "": made up
	Socket        bool              // listens on a unix socket in SocketDir too
	Settings      map[string]string // further lines of [pgbouncer]; they win
}

// PgBouncer is a running pooler. It checks passwords of clients itself.
type PgBouncer struct {
	server
	Port          int
	Admin         string
	AdminPassword string // kept in memory and in the auth_file
	AuthFile      string // owned by the account that PgBouncer runs as, mode 0600
	ConfigPath    string
	PidFile       string
	SocketDir     string // "": no socket. Connect with host=SocketDir port=Port

	program string
	options PgBouncerOptions
}

// StartPgBouncer writes pgbouncer.ini and starts it. It returns when it answers; the
// server behind it is not asked.
func StartPgBouncer(ctx context.Context, o PgBouncerOptions) (*PgBouncer, error) {
	program := o.Program
	if program == "" {
		program = pgbouncerProgram()
	}
	if !isProgram(program) {
		return nil, &MissingError{"PgBouncer", "no pgbouncer on the PATH (Debian: pgbouncer)"}
	}
	r, err := newRoom(o.Dir, "pgbouncer", true)
	if err != nil {
		return nil, fmt.Errorf("pgbouncer: %w", err)
	}
	b := &PgBouncer{server: server{room: r}, program: program, options: o, Admin: o.Admin, AdminPassword: o.AdminPassword}
	if err = b.prepare(); err == nil {
		err = onFreePort(func(port int) error {
			b.Port = port
			return b.run(ctx)
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pgbouncer: %w", err), b.Stop())
	}
	return b, nil
}

// DSN is the URL of a database for a user; without a user it is the admin's.
// In transaction pooling pgx needs default_query_exec_mode=exec (or simple_protocol).
func (b *PgBouncer) DSN(db, user, password string) string {
	if user == "" {
		user, password = b.Admin, b.AdminPassword
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port)), Path: "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// AdminDSN is the URL of the admin console. It speaks the simple protocol alone.
func (b *PgBouncer) AdminDSN() string { return b.DSN("pgbouncer", "", "") }

// Console sends commands (RELOAD, PAUSE db, …) to the admin console, each one alone.
func (b *PgBouncer) Console(ctx context.Context, commands ...string) error {
	conn, err := pgconn.Connect(ctx, b.AdminDSN())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, command := range commands {
		if _, err := conn.Exec(ctx, command).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// Show is the answer of the console to SHOW what: one map from column to text a row.
func (b *PgBouncer) Show(ctx context.Context, what string) ([]map[string]string, error) {
	config, err := pgx.ParseConfig(b.AdminDSN())
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SHOW "+what)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (map[string]string, error) {
		out := map[string]string{}
		for i, field := range row.FieldDescriptions() {
			out[field.Name] = string(row.RawValues()[i])
		}
		return out, nil
	})
}

// Restart ends the process and starts it again with the same port and configuration:
// what it knew of clients' keys and pauses is gone.
func (b *PgBouncer) Restart(ctx context.Context) error {
	if err := b.proc.end(); err != nil {
		return err
	}
	return b.run(ctx)
}

// Kill ends the process with SIGKILL; Restart brings it back.
func (b *PgBouncer) Kill() error {
	proc, err := os.FindProcess(b.proc.pid)
	if err != nil {
		return err
	}
	err = proc.Kill()
	<-b.proc.done
	return err
}

func (b *PgBouncer) prepare() error {
	if b.Admin == "" {
		b.Admin = "pgbadmin"
	}
	if b.AdminPassword == "" {
		b.AdminPassword = randomSecret()
	}
	if b.options.Socket {
		dir, err := b.room.mkdir("socket")
		if err != nil {
			return err
		}
		if b.SocketDir = dir; b.room.runAs != nil {
			if err := os.Chmod(dir, 0o755); err != nil {
				return err
			}
		}
	}
	b.AuthFile, b.ConfigPath, b.PidFile = b.options.AuthFile, b.room.path("pgbouncer.ini"), b.room.path("run/pgbouncer.pid")
	if _, err := b.room.mkdir("run"); err != nil {
		return err
	}
	if err := os.Chmod(b.room.path("run"), 0o755); err != nil {
		return err
	}
	if b.AuthFile != "" {
		return nil
	}
	users := maps.Clone(b.options.Users)
	if users == nil {
		users = map[string]string{}
	}
	users[b.Admin] = b.AdminPassword
	var text strings.Builder
	for _, user := range slices.Sorted(maps.Keys(users)) {
		fmt.Fprintf(&text, "%s %s\n", userlistQuote(user), userlistQuote(users[user]))
	}
	var err error
	b.AuthFile, err = b.room.write("userlist.txt", text.String())
	return err
}

func userlistQuote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// configure writes pgbouncer.ini, in which a value goes to the end of its line.
func (b *PgBouncer) configure() error {
	o := b.options
	host, port, err := net.SplitHostPort(o.Server)
	if err != nil {
		return fmt.Errorf("server %q: %w", o.Server, err)
	}
	settings := map[string]string{
		"listen_addr": "127.0.0.1", "listen_port": strconv.Itoa(b.Port), "unix_socket_dir": b.SocketDir,
		"pool_mode": "transaction", "default_pool_size": "4", "auth_type": "scram-sha-256",
		"auth_file": b.AuthFile, "admin_users": b.Admin, "pidfile": b.PidFile,
		"ignore_startup_parameters": "extra_float_digits",
	}
	for name, value := range map[string]string{
		"pool_mode": o.PoolMode, "auth_type": o.AuthType, "auth_user": o.AuthUser, "auth_query": o.AuthQuery,
	} {
		if value != "" {
			settings[name] = value
		}
	}
	if o.PoolSize > 0 {
		settings["default_pool_size"] = strconv.Itoa(o.PoolSize)
	}
	maps.Copy(settings, o.Settings)
	var ini strings.Builder
	ini.WriteString("[databases]\n")
	for _, db := range slices.Sorted(maps.Keys(o.Databases)) {
		fmt.Fprintf(&ini, "%s = host=%s port=%s %s\n", db, host, port, o.Databases[db])
	}
	ini.WriteString("[pgbouncer]\n")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !settingName.MatchString(name) || strings.ContainsAny(settings[name], "\r\n") {
			return fmt.Errorf("setting %q: not a line of pgbouncer.ini", name)
		}
		fmt.Fprintf(&ini, "%s = %s\n", name, settings[name])
	}
	_, err = b.room.write("pgbouncer.ini", ini.String())
	return err
}

// run starts the process and waits until it answers; a refused login is an answer.
// Newer versions wait for clients on SIGTERM, so it is not given long.
func (b *PgBouncer) run(ctx context.Context) error {
	if err := b.configure(); err != nil {
		return err
	}
	proc, err := start(command{
		path: b.program, args: []string{b.ConfigPath},
		env: cleanEnv(b.room.dir), dir: b.room.dir, logPath: b.room.path("pgbouncer.log"),
		runAs: b.room.runAs, stop: syscall.SIGTERM, orphan: syscall.SIGKILL, grace: time.Second,
	})
	if err != nil {
		return err
	}
	b.proc = proc
	return proc.waitReady(ctx, func(ctx context.Context) error {
		conn, err := pgconn.Connect(ctx, b.AdminDSN())
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return nil
		}
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// Address is host:port of the cluster, as PgBouncerOptions.Server wants it.
func (p *Postgres) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)) }

func pgbouncerProgram() string {
	if path, ok := findProgram("pgbouncer"); ok {
		return path
	}
	return "/usr/sbin/pgbouncer" // not on the PATH of every user
}
