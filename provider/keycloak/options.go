package keycloak

import (
	"regexp"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// Options of `provider: {type: keycloak}`.
type Options struct {
	// BaseURL of Keycloak, with the path that it is served below, if any (older ones: /auth).
	BaseURL string `yaml:"base-url" json:"base-url"`
	// Realm of the user or client.
	Realm string `yaml:"realm" json:"realm"`
	// Kind of credential: user-password or client-secret.
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=user-password,enum=client-secret"`
	// Username of the user (user-password).
	Username string `yaml:"username,omitempty" json:"username,omitempty"`
	// Client is the client ID, as applications send it (client-secret).
	Client string `yaml:"client,omitempty" json:"client,omitempty"`
	// Strategy for a client's secret: in-place (default) or overlap, where the server has
	// the feature client-secret-rotation and a policy with it.
	Strategy rotation.Strategy `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=in-place,enum=overlap"`
	// Length of new passwords, 22 to 128; default 32.
	Length int `yaml:"length,omitempty" json:"length,omitempty" jsonschema:"minimum=0,maximum=128"`
	// Symbols is how many characters of a new password are of -._~ ; default none. For
	// realms whose policy wants special characters.
	Symbols int `yaml:"symbols,omitempty" json:"symbols,omitempty" jsonschema:"minimum=0,maximum=16"`
	// EndSessions of the user after a change (default true): sessions and refresh tokens
	// would outlive the password.
	EndSessions *bool `yaml:"end-sessions,omitempty" json:"end-sessions,omitempty"`
	// LoginClient is the client ID through which passwords are tried; default admin-cli. It
	// needs direct access grants.
	LoginClient string `yaml:"login-client,omitempty" json:"login-client,omitempty"`
	// LoginClientSecret refers to its secret, where it is confidential.
	LoginClientSecret string `yaml:"login-client-secret,omitempty" json:"login-client-secret,omitempty"`
	// AdminRealm is the realm of the administrator's login; default master.
	AdminRealm string `yaml:"admin-realm,omitempty" json:"admin-realm,omitempty"`
	// AdminClient is the client ID of a confidential client whose service account may
	// change the user or client: the better way in.
	AdminClient string `yaml:"admin-client,omitempty" json:"admin-client,omitempty"`
	// AdminClientSecret refers to its secret.
	AdminClientSecret string `yaml:"admin-client-secret,omitempty" json:"admin-client-secret,omitempty"`
	// AdminUser is an administrator who logs in through admin-cli, in admin-client's place.
	AdminUser string `yaml:"admin-user,omitempty" json:"admin-user,omitempty"`
	// AdminPassword refers to that user's password.
	AdminPassword string `yaml:"admin-password,omitempty" json:"admin-password,omitempty"`
	// RequestsPerSecond to the server at most. Default 20.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	kindUser   = "user-password"
	kindClient = "client-secret"
	adminCLI   = "admin-cli"
	leastWord  = 22 // letters and digits of 128 bits
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "keycloak: "+format, args...)
}

var realmForm = regexp.MustCompile(`^[^/\\%;?#\s]{1,255}$`)

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.AdminRealm == "" {
		o.AdminRealm = "master"
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 20
	}
	switch {
	case o.BaseURL == "":
		return o, bad("base-url is missing").WithHint("write the address of Keycloak, for example base-url: https://sso.example.com")
	case strings.Contains(o.BaseURL, "/realms/"), strings.HasSuffix(strings.TrimRight(o.BaseURL, "/"), "/admin"):
		return o, bad("base-url leads into the server").WithHint("write the address of Keycloak itself; the realm is an option of its own")
	case !realmForm.MatchString(o.Realm):
		return o, bad("realm: not the name of a realm").WithHint("write the name in the address of its console, for example realm: master")
	case !realmForm.MatchString(o.AdminRealm):
		return o, bad("admin-realm: not the name of a realm").WithHint("leave it out for master")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	if err := o.checkAdmin(); err != nil {
		return o, err
	}
	switch o.Kind {
	case kindUser:
		return o.user()
	case kindClient:
		return o.client()
	}
	return o, bad("kind: %.20q", o.Kind).WithHint("choose user-password or client-secret")
}

func (o Options) checkAdmin() error {
	switch {
	case o.AdminClient == "" && o.AdminUser == "":
		return bad("no administrator").WithHint("name admin-client and admin-client-secret, or admin-user and admin-password")
	case o.AdminClient != "" && (o.AdminUser != "" || o.AdminPassword != ""):
		return bad("admin-client and admin-user both").WithHint("keep one of them; the client needs fewer rights, and has no sessions")
	case o.AdminUser != "" && o.AdminClientSecret != "":
		return bad("admin-client-secret without admin-client").WithHint("remove it: admin-user has a password")
	}
	return nil
}

// user checks what concerns passwords.
func (o Options) user() (Options, error) {
	if o.Length == 0 {
		o.Length = 32
	}
	if o.LoginClient == "" {
		o.LoginClient = adminCLI
	}
	switch {
	case strings.TrimSpace(o.Username) == "":
		return o, bad("username is missing").WithHint("name the user whose password it is")
	case o.Client != "":
		return o, bad("client is not for kind: user-password").WithHint("remove it; the client that passwords are tried through is login-client")
	case o.Strategy != "" && o.Strategy != rotation.InPlace:
		return o, bad("strategy: %.20q", o.Strategy).WithHint("a user has one password: in-place, or leave it out")
	case o.Length < leastWord || o.Length > 128:
		return o, bad("length: %d", o.Length).WithHint("choose 22 to 128; 22 letters and digits are 128 bits")
	case o.Symbols < 0 || o.Symbols > 16 || o.Length-o.Symbols < leastWord:
		return o, bad("symbols: %d of %d", o.Symbols, o.Length).WithHint("choose 0 to 16, and a length that leaves 22 letters and digits")
	case o.LoginClientSecret != "" && o.LoginClient == adminCLI:
		return o, bad("login-client-secret without login-client").WithHint("admin-cli has no secret; name the client whose it is")
	}
	return o, nil
}

// client checks what concerns secrets of clients.
func (o Options) client() (Options, error) {
	if o.Strategy == "" {
		o.Strategy = rotation.InPlace
	}
	switch {
	case strings.TrimSpace(o.Client) == "":
		return o, bad("client is missing").WithHint("name the client by its client ID, as applications send it")
	case o.Username != "" || o.Length != 0 || o.Symbols != 0 || o.EndSessions != nil || o.LoginClient != "" || o.LoginClientSecret != "":
		return o, bad("options of a user's password beside kind: client-secret").
			WithHint("remove username, length, symbols, end-sessions, login-client and login-client-secret: Keycloak makes a client's secret")
	case o.Strategy != rotation.InPlace && o.Strategy != rotation.Overlap:
		return o, bad("strategy: %.20q", o.Strategy).WithHint("choose in-place or overlap")
	case o.Strategy == rotation.InPlace && o.Client == o.AdminClient && o.Realm == o.AdminRealm:
		return o, bad("client is admin-client").
			WithHint("a lost answer would lock Rotor out, for nobody would know the secret that it logs in with: use strategy: overlap, or another admin-client")
	}
	return o, nil
}

// self: the administrator's own password is the one that is rotated.
func (o Options) self() bool {
	return o.Kind == kindUser && o.AdminUser != "" && strings.EqualFold(o.AdminUser, o.Username) && o.AdminRealm == o.Realm
}

func (o Options) endSessions() bool { return o.EndSessions == nil || *o.EndSessions }
