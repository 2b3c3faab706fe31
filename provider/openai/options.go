package openai

import (
	"regexp"

	"github.com/agenticverz/rotor/fault"
)

// Options of `provider: {type: openai}`.
type Options struct {
	// AdminKey refers to an admin key of the organisation: it makes and deletes keys.
	AdminKey string `yaml:"admin-key" json:"admin-key"`
	// Kind of key: project (default; a service account's key for the API) or admin (a
	// key like admin-key itself, which it may replace).
	Kind string `yaml:"kind,omitempty" json:"kind,omitempty" jsonschema:"enum=project,enum=admin"`
	// Project id, proj_…, that the keys belong to. Not for kind admin.
	Project string `yaml:"project,omitempty" json:"project,omitempty"`
	// ServiceAccount id, svc_acct_…, that the keys belong to. Without it each key gets a
	// service account of its own, which ends with it.
	ServiceAccount string `yaml:"service-account,omitempty" json:"service-account,omitempty"`
	// Scopes that new keys are limited to, as the vendor writes them (api.model.read).
	// Default: none, a key may do whatever its account may.
	Scopes []string `yaml:"scopes,omitempty" json:"scopes,omitempty"`
	// ExpiresDays after which a key ends by itself, 1 to 365. Default: never, unless
	// the organisation demands it.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty" jsonschema:"minimum=0,maximum=365"`
	// BaseURL of the API. Default https://api.openai.com/v1.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 5; the vendor names no figure.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	kindProject = "project"
	kindAdmin   = "admin"
)

var (
	projectID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	scope     = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,99}$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "openai: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.Kind == "" {
		o.Kind = kindProject
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 5
	}
	switch {
	case o.Kind != kindProject && o.Kind != kindAdmin:
		return o, bad("kind: %q", o.Kind).WithHint("choose project or admin")
	case o.Kind == kindAdmin && (o.Project != "" || o.ServiceAccount != "" || len(o.Scopes) > 0):
		return o, bad("project, service-account and scopes are not for kind: admin").WithHint("remove them: an admin key belongs to the organisation")
	case o.Kind == kindProject && !projectID.MatchString(o.Project):
		return o, bad("project: not the id of a project").WithHint("write project: proj_…, from the project's settings")
	case o.ServiceAccount != "" && !projectID.MatchString(o.ServiceAccount):
		return o, bad("service-account: not the id of a service account").WithHint("write service-account: svc_acct_…")
	case len(o.Scopes) > 0 && o.ServiceAccount == "":
		return o, bad("scopes without service-account").WithHint("a new service account's first key cannot be limited; name the account")
	case o.ExpiresDays < 0 || o.ExpiresDays > 365:
		return o, bad("expires-days: %d", o.ExpiresDays).WithHint("choose 1 to 365, or leave it out")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	for _, s := range o.Scopes {
		if !scope.MatchString(s) {
			return o, bad("scopes: %.30q", s).WithHint("write a scope as the vendor does, like api.model.read")
		}
	}
	return o, nil
}
