package pgbouncer

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Options configure one or several PgBouncers that serve the same databases.
type Options struct {
	// Admin refers to the connection string of the admin console, of a user that
	// stands in admin_users.
	Admin string `yaml:"admin,omitempty" json:"admin,omitempty"`
	// PIDFile of PgBouncer. SIGHUP is sent to its process where the console cannot
	// be used: without admin, or when the console refuses every login because the
	// auth_file was broken.
	PIDFile string `yaml:"pid-file,omitempty" json:"pid-file,omitempty"`
	// Address is host:port for the logins that prove; default the admin's.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
	// Instances are several PgBouncers, each a unit of its own, in the order of
	// deployment; instead of admin, pid-file and address.
	Instances []Instance `yaml:"instances,omitempty" json:"instances,omitempty"`
	// Databases, as PgBouncer names them, through which the credential is used.
	// Hold pauses these and no others; the first is used for the logins that prove.
	Databases []string `yaml:"databases" json:"databases"`
	// AuthQuery says that PgBouncer asks the database for passwords: nothing is
	// reloaded.
	AuthQuery bool `yaml:"auth-query,omitempty" json:"auth-query,omitempty"`
	// PauseTimeout is how long hold waits for open transactions before it lets
	// everything go on and gives up for now. Meanwhile queries wait.
	PauseTimeout time.Duration `yaml:"pause-timeout,omitempty" json:"pause-timeout,omitempty" jsonschema:"default=10s"`
	// LoginTimeout is how long a login may take. More than PgBouncer's
	// server_login_retry, because for that time it does not try the server again.
	LoginTimeout time.Duration `yaml:"login-timeout,omitempty" json:"login-timeout,omitempty" jsonschema:"default=20s"`
}

// Instance is one of several PgBouncers.
type Instance struct {
	// Name is the unit's name.
	Name string `yaml:"name" json:"name"`
	// Admin is as the option of the same name, of this PgBouncer alone.
	Admin string `yaml:"admin,omitempty" json:"admin,omitempty"`
	// PIDFile is as the option of the same name.
	PIDFile string `yaml:"pid-file,omitempty" json:"pid-file,omitempty"`
	// Address is as the option of the same name.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
}

const (
	defaultUnit  = "default"
	pauseTimeout = 10 * time.Second
	loginTimeout = 20 * time.Second
)

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "pgbouncer: "+op, args...)
}

var unitName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated(dir string) (Options, error) {
	single := Instance{Name: defaultUnit, Admin: o.Admin, PIDFile: o.PIDFile, Address: o.Address}
	if len(o.Instances) == 0 {
		o.Instances = []Instance{single}
	} else if single != (Instance{Name: defaultUnit}) {
		return o, bad("instances stand beside admin, pid-file or address").WithHint("each of instances has its own")
	}
	o.Instances = slices.Clone(o.Instances)
	var names []string
	for i := range o.Instances {
		in := &o.Instances[i]
		if !unitName.MatchString(in.Name) || slices.Contains(names, in.Name) {
			return o, bad("instances: name %.80q cannot be used", in.Name).WithHint("names without spaces, each once")
		}
		names = append(names, in.Name)
		if in.PIDFile != "" && !filepath.IsAbs(in.PIDFile) {
			in.PIDFile = filepath.Join(dir, in.PIDFile)
		}
		if err := in.check(); err != nil {
			return o, err
		}
	}
	if len(o.Databases) == 0 {
		return o, bad("databases is missing").WithHint("databases: [nova_aos], as [databases] of pgbouncer.ini names them")
	}
	for i, db := range o.Databases {
		if db == "" || db == console || len(db) > 63 || strings.ContainsAny(db, "\x00\r\n") || slices.Contains(o.Databases[:i], db) {
			return o, bad("databases: %.80q cannot be used", db).WithHint("names of databases, each once, and not the console %q", console)
		}
	}
	return o.times()
}

func (o Options) times() (Options, error) {
	if o.PauseTimeout < 0 || o.LoginTimeout < 0 {
		return o, bad("a negative time").WithHint("pause-timeout and login-timeout are not below zero")
	}
	if o.PauseTimeout == 0 {
		o.PauseTimeout = pauseTimeout
	}
	if o.LoginTimeout == 0 {
		o.LoginTimeout = loginTimeout
	}
	return o, nil
}

func (in Instance) check() error {
	switch {
	case in.Admin == "" && in.PIDFile == "":
		return bad("%s: neither admin nor pid-file", in.Name).
			WithHint("admin: file:/run/rotor/pgbouncer-admin-url, a file with postgres://USER:PASSWORD@HOST:6432/pgbouncer")
	case in.Admin == "" && in.Address == "":
		return bad("%s: without admin, address is needed", in.Name).WithHint("address: localhost:6432, for the logins that prove")
	case strings.ContainsRune(in.PIDFile, 0):
		return bad("%s: pid-file is no path", in.Name)
	}
	if in.Admin != "" {
		if _, err := secret.ParseRef(in.Admin); err != nil {
			return fault.Wrap(fault.BadConfig, "pgbouncer: "+in.Name+": admin", err)
		}
	}
	if in.Address == "" {
		return nil
	}
	if _, _, err := splitAddress(in.Address); err != nil {
		return bad("%s: address: not host:port", in.Name).WithHint("for example localhost:6432 or [::1]:6432")
	}
	return nil
}

func splitAddress(address string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") {
		return "", 0, fmt.Errorf("not host:port")
	}
	return host, uint16(n), nil
}

// Type describes this consumer to the registry.
func Type() consumer.Type {
	return consumer.Type{
		Name:       "pgbouncer",
		Summary:    "PgBouncer: makes it read its auth_file and proves it by logging in through it",
		Doc:        doc,
		Evidence:   consumer.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		Refs:       refs,
		New: func(opts any, c consumer.Context) (consumer.Consumer, error) {
			return New(*opts.(*Options), c.Dir, c.Bind)
		},
	}
}

func refs(opts any) map[string]string {
	o, out := opts.(*Options), map[string]string{}
	if o.Admin != "" {
		out["admin"] = o.Admin
	}
	for i, in := range o.Instances {
		if in.Admin != "" {
			out[fmt.Sprintf("instances[%d].admin", i)] = in.Admin
		}
	}
	return out
}
