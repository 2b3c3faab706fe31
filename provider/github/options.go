package github

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// Options of `provider: {type: github}`.
type Options struct {
	// Kind of credential: pat (a personal access token, which a person makes),
	// installation-token (of a GitHub App, for an hour) or deploy-key (an ssh key of one
	// repository).
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=pat,enum=installation-token,enum=deploy-key"`

	// Login that a token must belong to (pat). Without it anybody's will do.
	Login string `yaml:"login,omitempty" json:"login,omitempty"`
	// Scopes that a classic token must have, these and no others, as GitHub shows them
	// (pat). Without them a token may also be fine-grained, whose rights no API tells.
	Scopes []string `yaml:"scopes,omitempty" json:"scopes,omitempty"`
	// ExpiresDays that the person is told to give a new token (pat); one that lives
	// longer is refused. Default: the person may choose.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty" jsonschema:"minimum=0,maximum=366"`
	// Instructions are shown to the person besides Rotor's own (pat): which repositories
	// and permissions to choose.
	Instructions string `yaml:"instructions,omitempty" json:"instructions,omitempty"`

	// AppID of the App, or its client id (installation-token).
	AppID string `yaml:"app-id,omitempty" json:"app-id,omitempty"`
	// InstallationID is the number at the end of the installation's page (installation-token).
	InstallationID int64 `yaml:"installation-id,omitempty" json:"installation-id,omitempty"`
	// PrivateKey refers to a private key of the App, PEM (installation-token).
	PrivateKey string `yaml:"private-key,omitempty" json:"private-key,omitempty"`
	// Repositories that a token is limited to, names without owner (installation-token).
	// Default: all of the installation's.
	Repositories []string `yaml:"repositories,omitempty" json:"repositories,omitempty"`
	// Permissions that a token is limited to, as in contents: read (installation-token).
	// Default: all of the installation's.
	Permissions map[string]string `yaml:"permissions,omitempty" json:"permissions,omitempty"`

	// Repository that keys open, owner/name (deploy-key).
	Repository string `yaml:"repository,omitempty" json:"repository,omitempty"`
	// ReadOnly keys cannot push (deploy-key). Default true.
	ReadOnly *bool `yaml:"read-only,omitempty" json:"read-only,omitempty"`
	// Token refers to a token that may administer the repository (deploy-key).
	Token string `yaml:"token,omitempty" json:"token,omitempty"`
	// SSHAddress is host:port where keys are tried (deploy-key). Default port 22 of the
	// host that belongs to base-url; ssh.github.com:443 gets through more firewalls.
	SSHAddress string `yaml:"ssh-address,omitempty" json:"ssh-address,omitempty"`
	// SSHHostKeys that the ssh server may show, as in known_hosts without the host:
	// ssh-ed25519 AAAA… (deploy-key). Default: those that the API lists.
	SSHHostKeys []string `yaml:"ssh-host-keys,omitempty" json:"ssh-host-keys,omitempty"`

	// BaseURL of the API. Default https://api.github.com; of a server of your own
	// https://HOST/api/v3.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 1: GitHub allows 5000 an hour.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	kindPAT          = "pat"
	kindInstallation = "installation-token"
	kindDeployKey    = "deploy-key"
)

var (
	loginForm      = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	scopeForm      = regexp.MustCompile(`^[a-z][a-z_:]{0,60}$`)
	appForm        = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	nameForm       = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}/[A-Za-z0-9._-]{1,100}$`)
	permissionForm = regexp.MustCompile(`^[a-z][a-z_]{0,60}$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "github: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 1
	}
	if o.RequestsPerSecond < 0 {
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	if err := o.foreign(); err != nil {
		return o, err
	}
	switch o.Kind {
	case kindPAT:
		return o, o.checkPAT()
	case kindInstallation:
		return o, o.checkInstallation()
	case kindDeployKey:
		return o, o.checkDeployKey()
	}
	return o, bad("kind: %.30q", o.Kind).WithHint("choose pat, installation-token or deploy-key")
}

// foreign refuses options of another kind: who writes them expects something of them.
func (o Options) foreign() error {
	for kind, set := range map[string]map[string]bool{
		kindPAT: {"login": o.Login != "", "scopes": len(o.Scopes) > 0, "expires-days": o.ExpiresDays != 0, "instructions": o.Instructions != ""},
		kindInstallation: {"app-id": o.AppID != "", "installation-id": o.InstallationID != 0, "private-key": o.PrivateKey != "",
			"repositories": len(o.Repositories) > 0, "permissions": len(o.Permissions) > 0},
		kindDeployKey: {"repository": o.Repository != "", "read-only": o.ReadOnly != nil, "token": o.Token != "",
			"ssh-address": o.SSHAddress != "", "ssh-host-keys": len(o.SSHHostKeys) > 0},
	} {
		for option, here := range set {
			if here && o.Kind != "" && kind != o.Kind {
				return bad("%s stands beside kind: %.30s", option, o.Kind).WithHint("remove it: it is for kind: %s", kind)
			}
		}
	}
	return nil
}

func (o Options) checkPAT() error {
	switch {
	case o.Login != "" && !loginForm.MatchString(o.Login):
		return bad("login: not the name of an account").WithHint("write it as in github.com/NAME")
	case o.ExpiresDays < 0 || o.ExpiresDays > 366:
		return bad("expires-days: %d", o.ExpiresDays).WithHint("choose 1 to 366, or leave it out")
	}
	for _, s := range o.Scopes {
		if !scopeForm.MatchString(s) {
			return bad("scopes: %.30q", s).WithHint("write a scope as GitHub does, like read:org")
		}
	}
	return nil
}

func (o Options) checkInstallation() error {
	switch {
	case !appForm.MatchString(o.AppID):
		return bad("app-id: not the id of an App").WithHint("write app-id: \"123456\", from the App's settings")
	case o.InstallationID <= 0:
		return bad("installation-id: not the number of an installation").WithHint("it ends the address of the installation's page: …/installations/NUMBER")
	case len(o.Repositories) > 500:
		return bad("repositories: %d, more than GitHub takes", len(o.Repositories)).WithHint("name at most 500, or leave the option out")
	}
	for _, r := range o.Repositories {
		if !nameForm.MatchString(r) {
			return bad("repositories: %.100q", r).WithHint("write names without their owner")
		}
	}
	for what, level := range o.Permissions {
		if !permissionForm.MatchString(what) || level != "read" && level != "write" && level != "admin" {
			return bad("permissions: %.60q: %.30q", what, level).WithHint("write them as GitHub's API does, like pull_requests: read")
		}
	}
	return nil
}

func (o Options) checkDeployKey() error {
	if !repositoryForm.MatchString(o.Repository) {
		return bad("repository: not a repository").WithHint("write repository: owner/name")
	}
	if o.SSHAddress != "" {
		host, port, err := net.SplitHostPort(o.SSHAddress)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") {
			return bad("ssh-address: not host:port").WithHint("for example ssh.github.com:443")
		}
	}
	for i, line := range o.SSHHostKeys {
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
			return bad("ssh-host-keys: number %d is no public key", i+1).WithHint("write type and key as in known_hosts, without the host's name")
		}
	}
	return nil
}

func (o Options) readOnly() bool { return o.ReadOnly == nil || *o.ReadOnly }

// place is the repository that base-url and repository lead to: host, owner and name.
func (o Options) place() string {
	host, _ := provider.Place(o.BaseURL)
	return host + "/" + strings.ToLower(o.Repository) // GitHub does not tell case apart
}
