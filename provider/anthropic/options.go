package anthropic

import (
	"regexp"

	"github.com/agenticverz/rotor/fault"
)

// Options of `provider: {type: anthropic}`.
type Options struct {
	// AdminKey refers to an admin key of the organisation: it lists keys and disables them.
	AdminKey string `yaml:"admin-key" json:"admin-key"`
	// Workspace that the keys belong to: its id, wrkspc_…, or default. A key of another
	// one is refused. Without it any of the organisation will do.
	Workspace string `yaml:"workspace,omitempty" json:"workspace,omitempty"`
	// ExpiresDays that the person is told to give a new key; one that lives longer is
	// refused. Default: the person may choose.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty" jsonschema:"minimum=0,maximum=3650"`
	// Instructions are shown to the person besides Rotor's own: who may do it, what to tick.
	Instructions string `yaml:"instructions,omitempty" json:"instructions,omitempty"`
	// BaseURL of the API. Default https://api.anthropic.com.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 5; the vendor names no figure.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

// defaultWorkspace stands for the one that has no id.
const defaultWorkspace = "default"

var workspaceID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "anthropic: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 5
	}
	switch {
	case o.Workspace != "" && !workspaceID.MatchString(o.Workspace):
		return o, bad("workspace: not the id of a workspace").WithHint("write workspace: wrkspc_…, from the Console's address line, or workspace: default")
	case o.ExpiresDays < 0 || o.ExpiresDays > 3650:
		return o, bad("expires-days: %d", o.ExpiresDays).WithHint("choose 1 to 3650, or leave it out")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	return o, nil
}
