package postgres

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Options of `provider: {type: postgres}`.
type Options struct {
	// Admin refers to the connection string of the role that alters the others;
	// what it must be allowed to do: `rotor providers postgres`. Or self: the role
	// changes its own password, logged in with the present one (in-place only).
	Admin string `yaml:"admin" json:"admin"`
	// Server is the connection string of the server, without user and password, for
	// admin: self, as postgres://db.example:5432?sslmode=verify-full.
	Server string `yaml:"server,omitempty" json:"server,omitempty"`
	// Database that the logins are for.
	Database string `yaml:"database" json:"database"`
	// Strategy: alternate (default; two roles taking turns) or in-place (one role).
	Strategy rotation.Strategy `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=alternate,enum=in-place"`
	// OwnerRole owns the objects, cannot log in, and is what both roles act as.
	// Required by alternate; with in-place only checked.
	OwnerRole string `yaml:"owner-role,omitempty" json:"owner-role,omitempty"`
	// Roles are the two logins that take turns (alternate). They are created when
	// missing.
	Roles []string `yaml:"roles,omitempty" json:"roles,omitempty" jsonschema:"minItems=2,maxItems=2"`
	// Role is the one login (in-place).
	Role string `yaml:"role,omitempty" json:"role,omitempty"`
	// Length of passwords in letters and digits, 22 to 128; default 32.
	Length int `yaml:"length,omitempty" json:"length,omitempty"`
	// Plaintext sends the password itself where the service takes no SCRAM verifier
	// (Neon). It insists on sslmode=verify-full, and values have no field verifier.
	Plaintext bool `yaml:"plaintext,omitempty" json:"plaintext,omitempty"`
	// ValidFor makes a new password expire by itself (VALID UNTIL), as 2400h or 100d; it
	// must outlast the time to the next rotation and the grace. Default: never.
	ValidFor string `yaml:"valid-for,omitempty" json:"valid-for,omitempty"`
	// BreakGlass allows a superuser as role (in-place), which is otherwise refused.
	BreakGlass bool `yaml:"break-glass,omitempty" json:"break-glass,omitempty"`
	// ConnectionLimit of a role; default: left as it is.
	ConnectionLimit int `yaml:"connection-limit,omitempty" json:"connection-limit,omitempty"`
	// Rights that verify proves: owner (default; create something in the default
	// schema), table (insert into verify-table) or login. All is rolled back.
	Rights string `yaml:"rights,omitempty" json:"rights,omitempty" jsonschema:"enum=owner,enum=table,enum=login"`
	// VerifyTable, as table or schema.table, gets one row of defaults, rolled back.
	// One with a sequence proves more.
	VerifyTable string `yaml:"verify-table,omitempty" json:"verify-table,omitempty"`
	// Address is host:port of the server over TCP; default the admin's, and
	// required if that one is a unix socket, where passwords are rarely asked.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
	// VerifyAddress is host:port through which consumers connect (PgBouncer);
	// default the server's.
	VerifyAddress string `yaml:"verify-address,omitempty" json:"verify-address,omitempty"`
	// ClientCert is the file of the TLS client certificate for logins of the roles, where
	// pg_hba.conf wants one; {role} stands for the role's name. Default: the admin's
	// sslcert. clientcert=verify-full wants the role as the certificate's common name.
	ClientCert string `yaml:"client-cert,omitempty" json:"client-cert,omitempty"`
	// ClientKey is the file of its key.
	ClientKey string `yaml:"client-key,omitempty" json:"client-key,omitempty"`
	// StatementTimeout of each statement, as 10s (default), at most 1m.
	StatementTimeout string `yaml:"statement-timeout,omitempty" json:"statement-timeout,omitempty"`
}

const (
	rightsOwner = "owner"
	rightsTable = "table"
	rightsLogin = "login"
)

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "postgres: "+op, args...)
}

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated() (Options, error) {
	if o.Strategy == "" {
		o.Strategy = rotation.Alternate
	}
	if o.Length == 0 {
		o.Length = 32
	}
	if o.Rights == "" && o.BreakGlass {
		o.Rights = rightsLogin
	}
	if o.Rights == "" {
		o.Rights = rightsOwner
	}
	if o.StatementTimeout == "" {
		o.StatementTimeout = "10s"
	}
	if d, err := time.ParseDuration(o.StatementTimeout); err != nil || d < time.Millisecond || d > time.Minute {
		return o, bad("statement-timeout: %q", o.StatementTimeout).WithHint("write a duration from 1ms to 1m, for example 10s")
	}
	for _, check := range []func() error{o.checkRoles, o.checkNames, o.checkProof, o.checkAddresses, o.checkSelf, o.checkExtras} {
		if err := check(); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o Options) checkRoles() error {
	switch o.Strategy {
	case rotation.Alternate:
		switch {
		case len(o.Roles) != 2 || o.Roles[0] == o.Roles[1]:
			return bad("roles: alternate needs two different ones").WithHint("roles: [app_a, app_b]; or strategy: in-place with role: app")
		case o.OwnerRole == "":
			return bad("owner-role is missing").WithHint("both logins act as one role that owns the objects; see `rotor providers postgres`")
		case o.OwnerRole == o.Roles[0] || o.OwnerRole == o.Roles[1]:
			return bad("owner-role is one of roles").WithHint("the owner cannot log in; make a third role")
		case o.Role != "":
			return bad("role stands beside roles").WithHint("role belongs to strategy: in-place")
		}
	case rotation.InPlace:
		switch {
		case o.Role == "":
			return bad("role is missing").WithHint("in-place changes the password of one role: role: app")
		case len(o.Roles) > 0:
			return bad("roles stand beside strategy: in-place").WithHint("roles belong to strategy: alternate")
		}
	default:
		return bad("strategy: %q", o.Strategy).WithHint("choose alternate or in-place")
	}
	return nil
}

// maxName: PostgreSQL cuts longer names off without an error.
const maxName = 63

func (o Options) checkNames() error {
	if o.Admin != "" && o.Admin != self { // empty when a program, not a file, makes the provider
		if _, err := secret.ParseRef(o.Admin); err != nil {
			return fault.Wrap(fault.BadConfig, "postgres: admin", err)
		}
	}
	if o.Database == "" {
		return bad("database is missing").WithHint("name the database that the logins are for")
	}
	for _, n := range append([]string{o.Database, o.OwnerRole, o.Role}, o.Roles...) {
		if len(n) > maxName || strings.ContainsRune(n, 0) {
			return bad("%q is no name of a role or database", n).WithHint("at most %d bytes", maxName)
		}
	}
	for _, n := range append([]string{o.OwnerRole, o.Role}, o.Roles...) {
		if strings.HasPrefix(n, "pg_") || n == "public" || n == "none" {
			return bad("role %q is reserved by PostgreSQL", n).WithHint("choose another name")
		}
	}
	return nil
}

func (o Options) checkProof() error {
	switch {
	case o.Length < 22 || o.Length > 128:
		return bad("length: %d", o.Length).WithHint("choose 22 (128 bits) to 128; 32 is right for nearly everything")
	case o.ConnectionLimit < 0:
		return bad("connection-limit: %d", o.ConnectionLimit).WithHint("leave it out for no change")
	case o.Rights != rightsOwner && o.Rights != rightsTable && o.Rights != rightsLogin:
		return bad("rights: %q", o.Rights).WithHint("choose owner, table or login")
	case o.Rights == rightsTable && o.VerifyTable == "":
		return bad("rights: table, but no verify-table").WithHint("name a table that the login must be able to insert into")
	case o.Rights == rightsLogin && o.VerifyTable != "":
		return bad("verify-table stands beside rights: login").WithHint("say rights: table")
	case strings.Count(o.VerifyTable, ".") > 1 || strings.HasPrefix(o.VerifyTable, ".") || strings.HasSuffix(o.VerifyTable, "."):
		return bad("verify-table: %q", o.VerifyTable).WithHint("write table or schema.table")
	}
	return nil
}

func (o Options) checkAddresses() error {
	for option, address := range map[string]string{"address": o.Address, "verify-address": o.VerifyAddress} {
		if address == "" {
			continue
		}
		host, port, err := net.SplitHostPort(address)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@") {
			return bad("%s: not host:port", option).WithHint("for example localhost:6432 or [::1]:5432; a unix socket proves nothing about passwords")
		}
	}
	return nil
}

func (o Options) checkExtras() error {
	if _, err := parseLifetime(o.ValidFor); err != nil {
		return bad("valid-for: %q", o.ValidFor).WithHint("write hours or days from 1h on, for example 2400h or 100d")
	}
	switch {
	case (o.ClientCert == "") != (o.ClientKey == ""):
		return bad("client-cert and client-key belong together").WithHint("name both files, or none")
	case o.BreakGlass && o.ValidFor != "":
		return bad("valid-for stands beside break-glass").WithHint("a superuser's password that runs out may lock everybody out of the cluster")
	case o.BreakGlass && (o.Strategy != rotation.InPlace || o.OwnerRole != ""):
		return bad("break-glass belongs to strategy: in-place without owner-role").WithHint("it is one superuser's password that is rotated")
	}
	return nil
}

// timeout of a statement; the text was checked by validated.
func (o Options) timeout() time.Duration {
	d, _ := time.ParseDuration(o.StatementTimeout)
	return d
}

func (p *Provider) manages(name string) bool { return slices.Contains(p.opts.managed(), name) }

// managed lists the roles whose logins are ours.
func (o Options) managed() []string {
	if o.Strategy == rotation.InPlace {
		return []string{o.Role}
	}
	return o.Roles
}
