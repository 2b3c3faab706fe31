package clerk

import (
	"regexp"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/rotation"
)

// Options of `provider: {type: clerk}`.
type Options struct {
	// Kind of value: secret-key (default; an instance's key for the Backend API),
	// oauth-client-secret (of an OAuth application that Clerk signs users in for) or
	// machine-secret-key (of a machine that asks for M2M tokens).
	Kind string `yaml:"kind,omitempty" json:"kind,omitempty" jsonschema:"enum=secret-key,enum=oauth-client-secret,enum=machine-secret-key"`
	// PlatformToken refers to an access token of the Platform API (a private beta), for
	// kind secret-key. Without it a person makes and deletes the keys.
	PlatformToken string `yaml:"platform-token,omitempty" json:"platform-token,omitempty"`
	// Application id, app_…, that the instance belongs to; with platform-token.
	Application string `yaml:"application,omitempty" json:"application,omitempty"`
	// Instance, for kind secret-key: its id, ins_…, or with platform-token also production
	// or development.
	Instance string `yaml:"instance,omitempty" json:"instance,omitempty"`
	// SecretKey refers to a secret key of the instance, for the other kinds: it rotates
	// their values.
	SecretKey string `yaml:"secret-key,omitempty" json:"secret-key,omitempty"`
	// OAuthApplication id, for kind oauth-client-secret.
	OAuthApplication string `yaml:"oauth-application,omitempty" json:"oauth-application,omitempty"`
	// Machine id, mch_…, for kind machine-secret-key.
	Machine string `yaml:"machine,omitempty" json:"machine,omitempty"`
	// Strategy: overlap (default; the old value works on for old-lives-hours) or in-place
	// (it ends at once). A client secret can only be replaced in place.
	Strategy rotation.Strategy `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"enum=overlap,enum=in-place"`
	// OldLivesHours is for how long Clerk lets the old value live once the new one is
	// made. Default 24, of a machine 8, which is the most there.
	OldLivesHours int `yaml:"old-lives-hours,omitempty" json:"old-lives-hours,omitempty" jsonschema:"minimum=0,maximum=720"`
	// EndsOtherKeys says that other secret keys of the instance may end with the old one:
	// Clerk's timer is for all of them. By default preflight refuses an instance whose
	// newest key is not the present one.
	EndsOtherKeys bool `yaml:"ends-other-keys,omitempty" json:"ends-other-keys,omitempty"`
	// BaseURL of the API. Default https://api.clerk.com/v1.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 5; Clerk allows 10 to a development
	// instance and 100 to a production one.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	kindKey     = "secret-key"
	kindOAuth   = "oauth-client-secret"
	kindMachine = "machine-secret-key"
)

const (
	production  = "production"
	development = "development"
)

var id = regexp.MustCompile(`^[A-Za-z0-9_-]{3,80}$`)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "clerk: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.Kind == "" {
		o.Kind = kindKey
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 5
	}
	if o.RequestsPerSecond < 0 {
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	if err := o.foreign(); err != nil {
		return o, err
	}
	var err error
	switch o.Kind {
	case kindKey:
		err = o.ofKey()
	case kindOAuth:
		if !id.MatchString(o.OAuthApplication) {
			err = bad("oauth-application: not an id").WithHint("write the id of the OAuth application, as the dashboard shows it; not its client id")
		}
	case kindMachine:
		if !strings.HasPrefix(o.Machine, "mch_") || !id.MatchString(o.Machine) {
			err = bad("machine: not the id of a machine").WithHint("write machine: mch_…")
		}
	default:
		err = bad("kind: %.30q", o.Kind).WithHint("choose secret-key, oauth-client-secret or machine-secret-key")
	}
	if err != nil {
		return o, err
	}
	return o.timed()
}

// foreign refuses options of another kind: they would have no effect.
func (o Options) foreign() error {
	for _, x := range []struct {
		name, value string
		kinds       string
	}{
		{"platform-token", o.PlatformToken, kindKey}, {"application", o.Application, kindKey}, {"instance", o.Instance, kindKey},
		{"oauth-application", o.OAuthApplication, kindOAuth}, {"machine", o.Machine, kindMachine},
		{"secret-key", o.SecretKey, kindOAuth + " " + kindMachine},
	} {
		if x.value != "" && !strings.Contains(" "+x.kinds+" ", " "+o.Kind+" ") {
			return bad("%s is not for kind: %s", x.name, o.Kind).WithHint("remove it, or choose another kind")
		}
	}
	if o.EndsOtherKeys && o.Kind != kindKey {
		return bad("ends-other-keys is not for kind: %s", o.Kind).WithHint("remove it: nothing else ends there")
	}
	return nil
}

func (o Options) ofKey() error {
	word := o.Instance == production || o.Instance == development
	switch {
	case !word && (!strings.HasPrefix(o.Instance, "ins_") || !id.MatchString(o.Instance)):
		return bad("instance: not the id of an instance").WithHint("write instance: ins_…, which is in the address of the instance's dashboard")
	case o.PlatformToken == "" && word:
		return bad("instance: %s without platform-token", o.Instance).WithHint("write its id, ins_…: a key can only be compared with that")
	case o.PlatformToken == "" && (o.Application != "" || o.EndsOtherKeys):
		return bad("application and ends-other-keys belong to platform-token").WithHint("remove them, or refer to a token of the Platform API")
	case o.PlatformToken != "" && (!strings.HasPrefix(o.Application, "app_") || !id.MatchString(o.Application)):
		return bad("application: not the id of an application").WithHint("write application: app_…")
	}
	return nil
}

// byPerson says whether a person makes the values.
func (o Options) byPerson() bool { return o.Kind == kindKey && o.PlatformToken == "" }

// timed checks what concerns the end of the old value.
func (o Options) timed() (Options, error) {
	fixed := o.byPerson() || o.Kind == kindOAuth // nothing to choose
	switch {
	case o.Kind == kindOAuth && o.Strategy != "" && o.Strategy != rotation.InPlace:
		return o, bad("strategy: %.20s", o.Strategy).WithHint("a client secret has no second one beside it: leave strategy out")
	case o.byPerson() && o.Strategy != "" && o.Strategy != rotation.Overlap:
		return o, bad("strategy: %.20s without platform-token", o.Strategy).WithHint("keys made in the dashboard live side by side: leave strategy out")
	case o.Strategy != "" && o.Strategy != rotation.Overlap && o.Strategy != rotation.InPlace:
		return o, bad("strategy: %.20q", o.Strategy).WithHint("choose overlap or in-place")
	case o.OldLivesHours != 0 && (fixed || o.Strategy == rotation.InPlace):
		return o, bad("old-lives-hours where there is no timer").WithHint("leave it out")
	}
	if o.Strategy == "" {
		o.Strategy = rotation.Overlap
	}
	if o.Kind == kindOAuth {
		o.Strategy = rotation.InPlace
	}
	most, usual := 720, 24
	if o.Kind == kindMachine {
		most, usual = 8, 8
	}
	if o.OldLivesHours < 0 || o.OldLivesHours > most {
		return o, bad("old-lives-hours: %d", o.OldLivesHours).WithHint("choose 1 to %d; for none at all strategy: in-place", most)
	}
	if o.OldLivesHours == 0 && !fixed && o.Strategy == rotation.Overlap {
		o.OldLivesHours = usual
	}
	return o, nil
}

// keep is how long the old value goes on working.
func (o Options) keep() time.Duration { return time.Duration(o.OldLivesHours) * time.Hour }
