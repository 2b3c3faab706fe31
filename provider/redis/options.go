package redis

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Options of `provider: {type: redis}`.
type Options struct {
	// Admin refers to the URL of the user who changes the others:
	// rediss://USER:PASSWORD@HOST:PORT. What it must be allowed to do:
	// `rotor providers redis`.
	Admin string `yaml:"admin" json:"admin"`
	// Strategy: overlap (default; one user with two passwords for a time), alternate
	// (two users taking turns) or in-place (the password of requirepass).
	Strategy rotation.Strategy `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=overlap,enum=alternate,enum=in-place"`
	// User whose password changes (overlap). It must exist.
	User string `yaml:"user,omitempty" json:"user,omitempty"`
	// Users who take turns (alternate). One must exist; the other gets its rules.
	Users []string `yaml:"users,omitempty" json:"users,omitempty" jsonschema:"minItems=2,maxItems=2"`
	// Addresses, as host:port, of all nodes, replicas included: every node has an
	// access list of its own. Default: the one in admin.
	Addresses []string `yaml:"addresses,omitempty" json:"addresses,omitempty"`
	// OtherNodes: refuse (default) or ignore replicas and cluster nodes that are not
	// among addresses. Ignored ones keep the old password and never learn the new one.
	OtherNodes string `yaml:"other-nodes,omitempty" json:"other-nodes,omitempty" jsonschema:"enum=refuse,enum=ignore"`
	// OtherPasswords: refuse (default) or keep passwords of the user that Rotor did
	// not make. Kept ones go on working after every rotation.
	OtherPasswords string `yaml:"other-passwords,omitempty" json:"other-passwords,omitempty" jsonschema:"enum=refuse,enum=keep"`
	// Persist: auto (default; ACL SAVE with an aclfile, else CONFIG REWRITE), or none:
	// changes are lost when the server restarts, and that is all right.
	Persist string `yaml:"persist,omitempty" json:"persist,omitempty" jsonschema:"enum=auto,enum=none"`
	// EndSessions when the old password goes (overlap): older (default; those opened
	// before there was the new password), all (also younger ones, which either may have
	// opened: requests under way fail) or none.
	EndSessions string `yaml:"end-sessions,omitempty" json:"end-sessions,omitempty" jsonschema:"enum=older,enum=all,enum=none"`
	// Length of passwords in letters and digits, 22 to 128; default 32.
	Length int `yaml:"length,omitempty" json:"length,omitempty"`
	// Rights that verify proves: login (default), read (GET) or write (SET and DEL) of a
	// key that begins with key-prefix.
	Rights string `yaml:"rights,omitempty" json:"rights,omitempty" jsonschema:"enum=login,enum=read,enum=write"`
	// KeyPrefix of the key that rights are proven with; it gets a random end, and a
	// life of ten seconds.
	KeyPrefix string `yaml:"key-prefix,omitempty" json:"key-prefix,omitempty"`
	// AllowPlaintext lets passwords cross the network in clear (redis:// to another
	// machine).
	AllowPlaintext bool `yaml:"allow-plaintext,omitempty" json:"allow-plaintext,omitempty"`
	// CACert is a file with the authorities to trust for rediss://. Default: the system's.
	CACert string `yaml:"ca-cert,omitempty" json:"ca-cert,omitempty"`
	// ClientCert and ClientKey are the files of a client certificate.
	ClientCert string `yaml:"client-cert,omitempty" json:"client-cert,omitempty"`
	// ClientKey belongs to ClientCert.
	ClientKey string `yaml:"client-key,omitempty" json:"client-key,omitempty"`
	// TLSServerName is the name that the servers' certificates must have. Default: the
	// host of each address.
	TLSServerName string `yaml:"tls-server-name,omitempty" json:"tls-server-name,omitempty"`
	// SkipVerify accepts any certificate; whoever is on the path then reads every
	// password.
	SkipVerify bool `yaml:"skip-verify,omitempty" json:"skip-verify,omitempty"`
}

const (
	refuse, ignore, keep      = "refuse", "ignore", "keep"
	persistAuto, persistNone  = "auto", "none"
	endOlder, endAll, endNone = "older", "all", "none"

	rightsLogin, rightsRead, rightsWrite = "login", "read", "write"
)

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "redis: "+op, args...)
}

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated() (Options, error) {
	if o.Strategy == "" {
		o.Strategy = rotation.Overlap
	}
	if o.Length == 0 {
		o.Length = 32
	}
	for _, choice := range []struct {
		option string
		value  *string
		words  []string // the first is the default
	}{
		{"other-nodes", &o.OtherNodes, []string{refuse, ignore}},
		{"other-passwords", &o.OtherPasswords, []string{refuse, keep}},
		{"persist", &o.Persist, []string{persistAuto, persistNone}},
		{"end-sessions", &o.EndSessions, []string{endOlder, endAll, endNone}},
		{"rights", &o.Rights, []string{rightsLogin, rightsRead, rightsWrite}},
	} {
		if *choice.value == "" {
			*choice.value = choice.words[0]
		}
		if !slices.Contains(choice.words, *choice.value) {
			return o, bad("%s: %q", choice.option, *choice.value).WithHint("choose %s", strings.Join(choice.words, " or "))
		}
	}
	for _, check := range []func() error{o.checkUsers, o.checkProof, o.checkPlace} {
		if err := check(); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o Options) checkUsers() error {
	switch o.Strategy {
	case rotation.Overlap:
		switch {
		case o.User == "":
			return bad("user is missing").WithHint("user: app, or user: default")
		case len(o.Users) > 0:
			return bad("users stand beside strategy: overlap").WithHint("users belong to strategy: alternate")
		}
	case rotation.Alternate:
		switch {
		case len(o.Users) != 2 || o.Users[0] == o.Users[1]:
			return bad("users: alternate needs two different ones").WithHint("users: [app_a, app_b]; or strategy: overlap with user: app")
		case o.User != "":
			return bad("user stands beside users").WithHint("user belongs to strategy: overlap")
		case slices.Contains(o.Users, defaultUser):
			return bad("users: default cannot take turns").WithHint("clients that send no name arrive as default; use two named users, or strategy: overlap")
		}
	case rotation.InPlace:
		if len(o.Users) > 0 || o.User != "" && o.User != defaultUser {
			return bad("in-place changes requirepass, the password of the user default").WithHint("named users can have two passwords: strategy: overlap")
		}
	default:
		return bad("strategy: %q", o.Strategy).WithHint("choose overlap, alternate or in-place")
	}
	for _, name := range o.managed() {
		if !isName(name) {
			return bad("%q is no user name", name).WithHint("without spaces and at most 200 bytes")
		}
	}
	return nil
}

// isName: what the server takes, and what has one meaning in its lists.
func isName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func (o Options) checkProof() error {
	switch {
	case o.Length < 22 || o.Length > 128:
		return bad("length: %d", o.Length).WithHint("choose 22 (128 bits) to 128; 32 is right for nearly everything")
	case o.Rights == rightsLogin && o.KeyPrefix != "":
		return bad("key-prefix stands beside rights: login").WithHint("say rights: read or rights: write")
	case (o.ClientCert == "") != (o.ClientKey == ""):
		return bad("client-cert and client-key belong together").WithHint("give both")
	case o.SkipVerify && (o.CACert != "" || o.TLSServerName != ""):
		return bad("skip-verify stands beside ca-cert or tls-server-name").WithHint("it would ignore them; leave it out")
	}
	return nil
}

func (o Options) checkPlace() error {
	if o.Admin != "" { // empty when a program, not a file, makes the provider
		if _, err := secret.ParseRef(o.Admin); err != nil {
			return fault.Wrap(fault.BadConfig, "redis: admin", err)
		}
	}
	for i, address := range o.Addresses {
		host, port, err := net.SplitHostPort(address)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") {
			return bad("addresses: entry %d is not host:port", i+1).WithHint("for example redis-1:6379 or [::1]:6379")
		}
		if slices.Contains(o.Addresses[:i], address) {
			return bad("addresses: %s stands twice", address).WithHint("list each node once")
		}
	}
	return nil
}

// managed lists the users whose passwords are ours.
func (o Options) managed() []string {
	switch o.Strategy {
	case rotation.Alternate:
		return o.Users
	case rotation.InPlace:
		return []string{defaultUser}
	}
	return []string{o.User}
}
