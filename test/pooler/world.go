package pooler

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/internal/demo/balancer"
	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/localserver"
)

// Kind says how the login is arranged.
type Kind string

const (
	Alternate Kind = "alternate" // two logins take turns under one owner
	InPlace   Kind = "in-place"  // one login under the owner, whose password changes
	Runbook   Kind = "runbook"   // one login that owns everything, and no Rotor
)

// The names, as the runbook and the guide have them.
const (
	database = "nova_aos"
	owner    = "nova_owner"
	loginA   = "nova_a"
	loginB   = "nova_b"
	admin    = "nova_rotor" // Rotor's own, with exactly the rights that it needs
	before   = "nova"       // the runbook's old login
	after    = "nova_new"   // and its new one
)

// Options of a world.
type Options struct {
	Rotor string // the binary; it plays the instances and their supervisor's client, too
	Kind  Kind
	// Waiting clients begin a transaction only when the one before was answered, as
	// workers of a queue do. A PAUSE catches all of them; of clients that come as
	// they please some log in between any two moments.
	Waiting   bool
	Instances bool   // two instances behind a balancer hold the login in their environment
	Bound     string // how long evidence may be missing; default 20s
	// Lifetime in milliseconds of a connection of theirs; 0: they keep them.
	Lifetime int
}

// World is everything. Stop ends it.
type World struct {
	Options
	Dir     string
	DB      *localserver.Postgres
	Bouncer *localserver.PgBouncer

	env       string // the .env file that everybody reads
	adminDSN  string
	values    map[string]bool // see Known
	offset    int64           // how much of the server's log was looked at
	balancer  *balancer.Balancer
	instances map[string]*unit.Process
	units     *unit.Server
	outputs   []string // of rotor
}

// Login is a user name with its password.
type Login struct{ User, Password string }

// Start makes the servers, the login in use, the instances and rotor.yaml. Where a
// server is not installed the error is a localserver.MissingError.
func Start(ctx context.Context, o Options) (_ *World, err error) {
	w := &World{Options: o, values: map[string]bool{}, instances: map[string]*unit.Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Stop())
		}
	}()
	if w.Dir, err = os.MkdirTemp("", "rotor-p-"); err != nil {
		return nil, err
	}
	w.env = filepath.Join(w.Dir, ".env")
	w.DB, err = localserver.StartPostgres(ctx, localserver.PostgresOptions{NoFsync: true, Settings: map[string]string{
		"log_statement": "all", "log_connections": "on", "log_disconnections": "on", "log_line_prefix": "%m [%p] user=%u ",
		"shared_preload_libraries": "pg_stat_statements",
	}})
	if err != nil {
		return nil, err
	}
	first := Login{loginA, password()}
	if o.Kind == Runbook {
		first.User = before
	}
	if err = w.prepare(ctx, first); err != nil {
		return nil, err
	}
	w.Bouncer, err = localserver.StartPgBouncer(ctx, localserver.PgBouncerOptions{
		Server: w.DB.Address(), Databases: map[string]string{database: ""}, PoolSize: 4,
		Users: map[string]string{first.User: first.Password},
	})
	if err != nil {
		return nil, err
	}
	w.Known(first.Password, w.Bouncer.AdminPassword)
	if err = w.write(first); err != nil {
		return nil, err
	}
	if o.Instances {
		if err = w.startInstances(ctx); err != nil {
			return nil, err
		}
	}
	if o.Kind != Runbook {
		err = w.configure()
	}
	return w, err
}

// Stop ends everything and removes the files.
func (w *World) Stop() error {
	var errs []error
	if w.units != nil {
		errs = append(errs, w.units.Stop())
	}
	for _, one := range w.instances {
		one.Stop()
	}
	if w.balancer != nil {
		errs = append(errs, w.balancer.Stop())
	}
	if w.Bouncer != nil {
		errs = append(errs, w.Bouncer.Stop())
	}
	if w.DB != nil {
		errs = append(errs, w.DB.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(w.Dir))...)
}

// URL is what clients connect to: PgBouncer. Its transaction pooling needs the
// extended protocol without named statements.
func (w *World) URL(l Login) string {
	return fmt.Sprintf("postgresql://%s:%s@127.0.0.1:%d/%s?sslmode=disable&default_query_exec_mode=exec",
		url.QueryEscape(l.User), url.QueryEscape(l.Password), w.Bouncer.Port, database)
}

// write is the .env file from before Rotor, or what a person makes of it.
func (w *World) write(l Login) error {
	text := fmt.Sprintf("# read by everybody\nPOSTGRES_USER=%s\nPOSTGRES_PASSWORD=%s\nDATABASE_URL='%s'\nMACHINE_SECRET_TOKEN=%s\n",
		l.User, l.Password, w.URL(l), token)
	fresh := w.env + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, w.env)
}

// token is between the balancer's client and the instances, and not rotated here.
const token = "not-rotated-in-this-test"

// Stored is the login that the .env file has at this moment.
func (w *World) Stored() (Login, error) {
	values, err := unit.ReadEnv(w.env)
	if err != nil {
		return Login{}, err
	}
	u, err := url.Parse(values["DATABASE_URL"])
	if err != nil || u.User == nil {
		return Login{}, errors.New("the .env file has no connection string")
	}
	word, _ := u.User.Password()
	return Login{u.User.Username(), word}, nil
}

// schema is a table with a sequence.
const schema = service.Schema
