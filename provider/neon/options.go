package neon

import (
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

// Options of `provider: {type: neon}`.
type Options struct {
	// APIKey refers to an API key that may change the project.
	APIKey string `yaml:"api-key" json:"api-key"`
	// Project is its id, as quiet-haze-12345678.
	Project string `yaml:"project" json:"project"`
	// Branch is the id of the branch, as br-cold-sun-12345678; not its name, which
	// may come to mean another one.
	Branch string `yaml:"branch" json:"branch"`
	// Role whose password is reset.
	Role string `yaml:"role" json:"role"`
	// Database that verify logs in to.
	Database string `yaml:"database" json:"database"`
	// Host of the branch's compute, without -pooler; with :port if it is not 5432.
	Host string `yaml:"host" json:"host"`
	// ChildBranches says what becomes of branches below this one that still have
	// the old password: list (default; a person is told before it counts as dead),
	// rotate (each gets a password of its own), delete (those unused for
	// stale-after; the others are rotated) or ignore.
	ChildBranches string `yaml:"child-branches,omitempty" json:"child-branches,omitempty" jsonschema:"enum=list,enum=rotate,enum=delete,enum=ignore"`
	// StaleAfter is how long a branch must have been unused to be deleted; default
	// 168h, a week.
	StaleAfter string `yaml:"stale-after,omitempty" json:"stale-after,omitempty"`
	// AfterDelete is a program, with arguments, that is run after each deletion. An
	// absolute path to a file that nobody but root and Rotor's user can write;
	// there is no shell.
	AfterDelete []string `yaml:"after-delete,omitempty" json:"after-delete,omitempty"`
	// Unstored: rotate although the project does not store passwords. A value
	// whose answer is lost then needs a person.
	Unstored bool `yaml:"unstored,omitempty" json:"unstored,omitempty"`
	// BaseURL of the API; default https://console.neon.tech/api/v2.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
}

// What becomes of child branches.
const (
	listChildren   = "list"
	rotateChildren = "rotate"
	deleteChildren = "delete"
	ignoreChildren = "ignore"
)

const defaultBase = "https://console.neon.tech/api/v2"

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "neon: "+op, args...)
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{2,80}$`)

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated() (Options, error) {
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.ChildBranches == "" {
		o.ChildBranches = listChildren
	}
	if o.StaleAfter == "" {
		o.StaleAfter = "168h"
	}
	if o.APIKey != "" { // empty when a program, not a file, makes the provider
		if _, err := secret.ParseRef(o.APIKey); err != nil {
			return o, fault.Wrap(fault.BadConfig, "neon: api-key", err)
		}
	}
	switch {
	case !idForm.MatchString(o.Project):
		return o, bad("project: not an id").WithHint("it stands under Settings in the console, as quiet-haze-12345678")
	case !idForm.MatchString(o.Branch) || !strings.HasPrefix(o.Branch, "br-"):
		return o, bad("branch: not an id").WithHint("ids begin with br-; the branch's page in the console shows it")
	case o.Role == "" || len(o.Role) > 63 || strings.ContainsAny(o.Role, "\x00/"):
		return o, bad("role: no name of a role").WithHint("name the role whose password is reset")
	case o.Database == "" || len(o.Database) > 63 || strings.ContainsRune(o.Database, 0):
		return o, bad("database: no name of a data base").WithHint("name the data base that verify logs in to")
	}
	if err := o.checkHost(); err != nil {
		return o, err
	}
	return o, o.checkChildren()
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func (o Options) checkHost() error {
	host, _ := o.address()
	switch first, _, _ := strings.Cut(host, "."); {
	case net.ParseIP(host) == nil && !hostForm.MatchString(host):
		return bad("host: not a host name").WithHint("the connection string in the console has it behind the @: ep-….aws.neon.tech")
	case strings.HasSuffix(first, "-pooler"):
		return bad("host: that is the pooler").WithHint("leave -pooler out: verify must ask the branch itself; consumers may use the pooler")
	}
	return nil
}

func (o Options) checkChildren() error {
	switch o.ChildBranches {
	case listChildren, rotateChildren, deleteChildren, ignoreChildren:
	default:
		return bad("child-branches: %q", o.ChildBranches).WithHint("choose list, rotate, delete or ignore")
	}
	if d, err := time.ParseDuration(o.StaleAfter); err != nil || d < 0 {
		return bad("stale-after: %q", o.StaleAfter).WithHint("write a duration, for example 168h for a week")
	}
	if len(o.AfterDelete) == 0 {
		return nil
	}
	if o.ChildBranches != deleteChildren {
		return bad("after-delete stands without child-branches: delete").WithHint("nothing is deleted; take it out")
	}
	_, err := proc.NewHook("after-delete", o.AfterDelete, 0)
	return fault.Wrap(fault.BadConfig, "neon", err)
}

// address takes host apart; the port is 0 if there is none, or a wrong one.
func (o Options) address() (host string, port uint16) {
	host, text, err := net.SplitHostPort(o.Host)
	if err != nil {
		return o.Host, 5432
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0
	}
	return host, uint16(n)
}

// staleAfter was checked by validated.
func (o Options) staleAfter() time.Duration {
	d, _ := time.ParseDuration(o.StaleAfter)
	return d
}
