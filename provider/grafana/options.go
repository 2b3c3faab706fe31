package grafana

import (
	"net/url"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
)

// Options of `provider: {type: grafana}`.
type Options struct {
	// BaseURL of Grafana itself, without /api: https://grafana.example.com.
	BaseURL string `yaml:"base-url" json:"base-url"`
	// AdminToken refers to a token that may read and change service accounts.
	AdminToken string `yaml:"admin-token,omitempty" json:"admin-token,omitempty"`
	// AdminUser is a user with these rights, in the token's place (self-hosted only).
	AdminUser string `yaml:"admin-user,omitempty" json:"admin-user,omitempty"`
	// AdminPassword refers to that user's password.
	AdminPassword string `yaml:"admin-password,omitempty" json:"admin-password,omitempty"`
	// ServiceAccountID that the tokens belong to: a number, in the page's address.
	ServiceAccountID int64 `yaml:"service-account-id,omitempty" json:"service-account-id,omitempty" jsonschema:"minimum=0"`
	// ServiceAccount by its exact name, where the id is not known.
	ServiceAccount string `yaml:"service-account,omitempty" json:"service-account,omitempty"`
	// Role that the account is expected to have: a token has the account's. Not checked by default.
	Role string `yaml:"role,omitempty" json:"role,omitempty" jsonschema:"enum=Viewer,enum=Editor,enum=Admin,enum=None"`
	// ExpiresDays after which a token ends by itself. Default: never, unless the server
	// has a longest life for tokens.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty" jsonschema:"minimum=0,maximum=3650"`
	// RequestsPerSecond to the API at most. Default 10.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

var roles = []string{"Viewer", "Editor", "Admin", "None"}

const mostDays = 3650

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "grafana: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 10
	}
	u, err := url.Parse(o.BaseURL)
	switch {
	case o.BaseURL == "":
		return o, bad("base-url is missing").WithHint("write the address of Grafana, for example base-url: https://grafana.example.com")
	case err == nil && strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/api"):
		return o, bad("base-url ends with /api").WithHint("write the address of Grafana itself, without /api")
	case o.ServiceAccountID < 0:
		return o, bad("service-account-id: %d", o.ServiceAccountID).WithHint("write the number in the address of the account's page")
	case o.ServiceAccountID == 0 && strings.TrimSpace(o.ServiceAccount) == "":
		return o, bad("no service account").WithHint("name it: service-account-id: 12, or service-account: its name")
	case o.ServiceAccountID != 0 && o.ServiceAccount != "":
		return o, bad("service-account-id and service-account both").WithHint("keep one of them; the id does not change when somebody renames the account")
	case o.Role != "" && !slices.Contains(roles, o.Role):
		return o, bad("role: %.20q", o.Role).WithHint("choose Viewer, Editor, Admin or None, or leave it out")
	case o.ExpiresDays < 0 || o.ExpiresDays > mostDays:
		return o, bad("expires-days: %d", o.ExpiresDays).WithHint("choose 1 to %d, or leave it out", mostDays)
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	return o, o.checkLogin()
}

// checkLogin: a token, or a user with a password, and never in the address.
func (o Options) checkLogin() error {
	switch {
	case o.AdminToken != "" && (o.AdminUser != "" || o.AdminPassword != ""):
		return bad("admin-token and admin-user both").WithHint("keep one of them; the token needs fewer rights")
	case o.AdminUser == "" && o.AdminPassword != "":
		return bad("admin-password without admin-user").WithHint("name the user: admin-user: admin")
	case o.AdminUser != "" && strings.ContainsAny(o.AdminUser, ":\r\n"):
		return bad("admin-user: holds a colon or a line break").WithHint("write the user's name alone; the password is admin-password")
	}
	return nil
}

// place is the Grafana that base-url leads to: host, port and path.
func (o Options) place() string {
	host, path := provider.Place(o.BaseURL)
	return host + path
}
