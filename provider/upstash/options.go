package upstash

import (
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// Options of `provider: {type: upstash}`.
type Options struct {
	// Email of the account whose key api-key is.
	Email string `yaml:"email" json:"email"`
	// APIKey refers to a key of the Developer API.
	APIKey string `yaml:"api-key" json:"api-key"`
	// Database is its id, as the console shows it.
	Database string `yaml:"database" json:"database"`
	// Strategy: in-place (default; the password of the user default) or overlap (each
	// generation is an ACL user of its own; paid plans).
	Strategy rotation.Strategy `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=in-place,enum=overlap"`
	// Rules of the ACL users (overlap); default all keys and channels, and all
	// commands but the dangerous ones.
	Rules []string `yaml:"rules,omitempty" json:"rules,omitempty"`
	// AdminPassword refers to the password of the user default (overlap); by default it
	// is asked of the Developer API, which cannot tell it under Credential Protection.
	AdminPassword string `yaml:"admin-password,omitempty" json:"admin-password,omitempty"`
	// NoREST leaves the REST tokens out of the value.
	NoREST bool `yaml:"no-rest,omitempty" json:"no-rest,omitempty"`
	// Unrevealable: rotate in place although the API cannot show a password again
	// (Credential Protection). A value whose answer is lost then needs a person.
	Unrevealable bool `yaml:"unrevealable,omitempty" json:"unrevealable,omitempty"`
	// Address is host:port of Redis; default what the Developer API says.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
	// RESTURL of the data base; default https:// and the host of address.
	RESTURL string `yaml:"rest-url,omitempty" json:"rest-url,omitempty"`
	// BaseURL of the Developer API; default https://api.upstash.com/v2.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
}

const defaultBase = "https://api.upstash.com/v2"

// defaultRules are the vendor's own example.
var defaultRules = []string{"~*", "&*", "+@all", "-@dangerous"}

func bad(op string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "upstash: "+op, args...)
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{5,80}$`)

// validated fills in the defaults and refuses what cannot work.
func (o Options) validated() (Options, error) {
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.Strategy == "" {
		o.Strategy = rotation.InPlace
	}
	switch {
	case !idForm.MatchString(o.Database):
		return o, bad("database: not an id").WithHint("the data base's page in the console shows it; it is not its name")
	case !strings.Contains(o.Email, "@") || strings.ContainsAny(o.Email, ": \r\n"):
		return o, bad("email: not an address").WithHint("the Developer API wants the e-mail address of the account beside its key")
	}
	for option, ref := range map[string]string{"api-key": o.APIKey, "admin-password": o.AdminPassword} {
		if ref == "" { // empty too when a program, not a file, makes the provider
			continue
		}
		if _, err := secret.ParseRef(ref); err != nil {
			return o, fault.Wrap(fault.BadConfig, "upstash: "+option, err)
		}
	}
	if err := o.checkStrategy(); err != nil {
		return o, err
	}
	if o.Strategy == rotation.Overlap && len(o.Rules) == 0 {
		o.Rules = defaultRules
	}
	return o, o.checkAddresses()
}

func (o Options) checkStrategy() error {
	switch o.Strategy {
	case rotation.Overlap:
		if o.Unrevealable {
			return bad("unrevealable stands beside strategy: overlap").WithHint("there the token is sealed before it counts; take it out")
		}
	case rotation.InPlace:
		if len(o.Rules) > 0 || o.AdminPassword != "" {
			return bad("rules and admin-password belong to strategy: overlap").WithHint("in place it is the user default whose password is reset")
		}
	default:
		return bad("strategy: %q", o.Strategy).WithHint("choose in-place or overlap")
	}
	for _, r := range o.Rules {
		low := strings.ToLower(r)
		if r == "" || strings.ContainsAny(r, " \t\r\n") || strings.ContainsAny(r[:1], "><#!") ||
			low == "nopass" || low == "off" || strings.HasPrefix(low, "reset") {
			return bad("rules: %q", r).WithHint("one rule an entry, of keys, channels and commands only: ~app:*, &*, +@all, -flushall")
		}
	}
	return nil
}

func (o Options) checkAddresses() error {
	if o.Address != "" {
		host, port, err := net.SplitHostPort(o.Address)
		if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@") {
			return bad("address: not host:port").WithHint("for example quiet-stallion-12345.upstash.io:6379")
		}
	}
	if o.RESTURL == "" {
		return nil
	}
	u, err := url.Parse(o.RESTURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && (u.Scheme != "http" || !apiclient.Loopback(u.Hostname())) {
		return bad("rest-url: not an https address").WithHint("for example https://quiet-stallion-12345.upstash.io")
	}
	return nil
}
