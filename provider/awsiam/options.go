package awsiam

import (
	"regexp"

	"github.com/agenticverz/rotor/fault"
)

// Options of `provider: {type: awsiam}`.
type Options struct {
	// AdminAccessKeyID refers to the id of the key that Rotor signs with: it makes and
	// deletes keys. It is read at each request.
	AdminAccessKeyID string `yaml:"admin-access-key-id" json:"admin-access-key-id"`
	// AdminSecretAccessKey refers to the secret that belongs to admin-access-key-id.
	AdminSecretAccessKey string `yaml:"admin-secret-access-key" json:"admin-secret-access-key"`
	// User of IAM that the keys belong to. Without it, the one whose key Rotor signs
	// with: a key that replaces itself.
	User string `yaml:"user,omitempty" json:"user,omitempty"`
	// Shared says that others make keys for this user too. A key that Rotor cannot
	// explain is then left alone, and a person is asked. Default: the user is Rotor's.
	Shared bool `yaml:"shared,omitempty" json:"shared,omitempty"`
	// Region that requests are signed for. Default us-east-1; others only where IAM has
	// an address of its own (us-gov-west-1, cn-north-1).
	Region string `yaml:"region,omitempty" json:"region,omitempty"`
	// BaseURL of IAM. Default https://iam.amazonaws.com.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// STSURL is the address of STS, which says whose a key is. Default
	// https://sts.amazonaws.com.
	STSURL string `yaml:"sts-url,omitempty" json:"sts-url,omitempty"`
	// RequestsPerSecond to IAM, and to STS, at most. Default 5; AWS names no figure.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

var (
	userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	region   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, name+": "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.STSURL == "" {
		o.STSURL = defaultSTS
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 5
	}
	switch {
	case o.User != "" && !userName.MatchString(o.User):
		return o, bad("user: not the name of a user").WithHint("write user: app, the name alone, without its path or Arn")
	case !region.MatchString(o.Region):
		return o, bad("region: %.30q", o.Region).WithHint("write a region as AWS does, like us-east-1; that is right for all of AWS but GovCloud and China")
	case o.Region != "us-east-1" && (o.BaseURL == defaultBase || o.STSURL == defaultSTS):
		return o, bad("region: %s without base-url and sts-url", o.Region).
			WithHint("IAM signs for us-east-1 in every region; where it has an address of its own, name that and the one of STS")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	return o, nil
}
