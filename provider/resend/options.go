package resend

import (
	"regexp"
	"strings"

	"github.com/agenticverz/rotor/fault"
)

// Options of `provider: {type: resend}`.
type Options struct {
	// APIKey refers to a key with full access: it makes and deletes keys.
	APIKey string `yaml:"api-key" json:"api-key"`
	// Permission of new keys: full_access or sending_access. The vendor's list does not
	// say what the old one has, so it must be named here.
	Permission string `yaml:"permission" json:"permission" jsonschema:"enum=full_access,enum=sending_access"`
	// Domain, by its name, that new keys may send from. Default: any of the team. Only
	// with sending_access.
	Domain string `yaml:"domain,omitempty" json:"domain,omitempty"`
	// ChangePermission says that new keys have another permission than the present one
	// on purpose; otherwise preflight refuses it.
	ChangePermission bool `yaml:"change-permission,omitempty" json:"change-permission,omitempty"`
	// VerifyMail is an address of the domain, as sender. With it verify sends a real
	// message to the vendor's own sink, delivered@resend.dev, once for each key.
	// Default: no mail is sent.
	VerifyMail string `yaml:"verify-mail,omitempty" json:"verify-mail,omitempty"`
	// BaseURL of the API. Default https://api.resend.com.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 1.5: the vendor allows 2 to all keys
	// of a team together.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	full    = "full_access"
	sending = "sending_access"
)

var (
	domainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	address    = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "resend: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 1.5
	}
	_, at, _ := strings.Cut(o.VerifyMail, "@")
	switch {
	case o.Permission != full && o.Permission != sending:
		return o, bad("permission: %.30q", o.Permission).WithHint("choose full_access or sending_access: what the present key has, if nothing else is wanted")
	case o.Domain != "" && o.Permission != sending:
		return o, bad("domain without permission: sending_access").WithHint("only a key that does nothing but send can be limited to a domain")
	case o.Domain != "" && !domainName.MatchString(o.Domain):
		return o, bad("domain: not the name of a domain").WithHint("write the name as the vendor shows it, in lower case: example.com; not its id")
	case o.VerifyMail != "" && !address.MatchString(o.VerifyMail):
		return o, bad("verify-mail: not an address").WithHint("write the bare address of the sender: rotor@example.com")
	case o.VerifyMail != "" && o.Domain != "" && !strings.EqualFold(at, o.Domain):
		return o, bad("verify-mail is not an address of domain").WithHint("the key may send from %s only: write …@%s", o.Domain, o.Domain)
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	return o, nil
}
