// Package pgbouncer is the acceptor that a password passes on its way to
// PostgreSQL: PgBouncer has a list of its own of who may log in, and must have a
// new value in it before anyone presents it.
//
// What surprises: PgBouncer answers RELOAD with RELOAD whether it could read its
// auth_file or not. So nothing here believes an answer: a value counts as taken
// when a login with it went through. For a SCRAM secret, with which nobody can log
// in, PgBouncer is asked for the salt that it sends to whoever begins a login.
package pgbouncer

import (
	"context"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/pidfile"
	"github.com/agenticverz/rotor/secret"
)

// T is one or several PgBouncers.
type T struct {
	o         Options
	instances []*instance
}

// instance is one PgBouncer.
type instance struct {
	Instance
	admin        secret.Source // nil: there is no console, SIGHUP alone
	databases    []string
	loginTimeout time.Duration
	authQuery    bool
	greeted      greetings
}

var (
	_ consumer.Consumer    = (*T)(nil)
	_ consumer.Preflighter = (*T)(nil)
	_ consumer.Holder      = (*T)(nil)
	_ consumer.Watcher     = (*T)(nil)
)

// New checks the options and binds the references. dir is the folder that a
// relative pid-file counts from.
func New(o Options, dir string, bind secret.Binder) (*T, error) {
	o, err := o.validated(dir)
	if err != nil {
		return nil, err
	}
	t := &T{o: o}
	for _, one := range o.Instances {
		in := &instance{Instance: one, databases: o.Databases, loginTimeout: o.LoginTimeout, authQuery: o.AuthQuery,
			greeted: greetings{of: map[pool]bool{}}}
		if one.Admin != "" {
			if in.admin, err = bind.Source(one.Admin); err != nil {
				return nil, fault.Wrap(fault.KindOf(err), in.op("admin"), err)
			}
		}
		t.instances = append(t.instances, in)
	}
	return t, nil
}

// Units implements consumer.Consumer: each PgBouncer is one.
func (t *T) Units(context.Context) ([]string, error) {
	var out []string
	for _, in := range t.instances {
		out = append(out, in.Name)
	}
	return out, nil
}

func (t *T) unit(name string) (*instance, error) {
	for _, in := range t.instances {
		if in.Name == name {
			return in, nil
		}
	}
	return nil, bad("no unit %.80q", name).WithHint("was instances changed since the rotation began?")
}

// Preflight implements consumer.Preflighter. It looks at every PgBouncer and names
// each that is not well; nothing is changed.
func (t *T) Preflight(ctx context.Context) error {
	var first error
	var names []string
	for _, in := range t.instances {
		if err := in.preflight(ctx); err != nil {
			names = append(names, in.Name)
			if first == nil {
				first = err
			}
		}
	}
	if len(names) > 1 {
		return fault.Wrap(fault.KindOf(first), "not ready: "+strings.Join(names, ", "), first)
	}
	return first
}

func (in *instance) preflight(ctx context.Context) error {
	if in.PIDFile != "" {
		p, err := in.pid().Find()
		if err != nil {
			return fault.Wrap(fault.KindOf(err), in.op("pid-file"), err)
		}
		_ = p.Release()
	}
	if in.admin == nil {
		return in.reachable(ctx)
	}
	s, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := in.settings(ctx, s); err != nil {
		return err
	}
	if err := in.databasesServe(ctx, s); err != nil {
		return err
	}
	return in.reachable(ctx)
}

func (in *instance) pid() pidfile.Target {
	return pidfile.Target{Path: in.PIDFile, Name: "pgbouncer", Signal: syscall.SIGHUP}
}

// settings: our user may command, and PgBouncer checks passwords.
func (in *instance) settings(ctx context.Context, s *session) error {
	rows, err := s.show(ctx, "CONFIG")
	if err != nil {
		return err
	}
	config := map[string]string{}
	for _, row := range rows {
		config[row["key"]] = row["value"]
	}
	cfg, err := in.config(ctx)
	if err != nil {
		return err
	}
	admin := cfg.User == console && strings.HasPrefix(cfg.Host, "/") // PgBouncer's own OS user, over its socket
	for _, user := range strings.Split(config["admin_users"], ",") {
		admin = admin || strings.TrimSpace(user) == cfg.User
	}
	switch auth := config["auth_type"]; {
	case !admin && auth != "any":
		return fault.New(fault.Denied, "%s: the user may look and not command", in.op("admin")).
			WithHint("list it in admin_users of pgbouncer.ini, not only in stats_users")
	case auth == "trust" || auth == "any":
		return fault.New(fault.BadConfig, "%s: auth_type is %s: PgBouncer checks no password", in.op("admin"), auth).
			WithHint("auth_type = scram-sha-256 in pgbouncer.ini")
	}
	retry, err := strconv.ParseFloat(config["server_login_retry"], 64)
	if err == nil && in.loginTimeout.Seconds() <= retry {
		return fault.New(fault.BadConfig, "%s: login-timeout %s is not more than server_login_retry, %gs", in.op("admin"), in.loginTimeout, retry).
			WithHint("after one failed server login PgBouncer does not try again for that time; write a longer login-timeout")
	}
	return nil
}

// databasesServe: no database is disabled, or paused by somebody: Release would undo
// what they do. One that is not listed may come from a * entry.
func (in *instance) databasesServe(ctx context.Context, s *session) error {
	rows, err := s.show(ctx, "DATABASES")
	if err != nil {
		return err
	}
	for _, db := range in.databases {
		for _, row := range rows {
			switch {
			case row["name"] != db:
			case row["disabled"] == "1":
				return fault.New(fault.BadConfig, "%s: database %s is disabled", in.op("admin"), db).WithHint("ENABLE it in PgBouncer's console")
			case row["paused"] == "1":
				return fault.New(fault.Transient, "%s: database %s is paused", in.op("admin"), db).
					WithHint("somebody maintains it, or a rotation was interrupted: see rotor status; RESUME it in PgBouncer's console when that is over")
			}
		}
	}
	return nil
}

// reachable dials where logins are made. Nobody logs in.
func (in *instance) reachable(ctx context.Context) error {
	cfg, err := in.door(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	network, address := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return failure(in.op("address"), err)
	}
	_ = conn.Close()
	return nil
}
