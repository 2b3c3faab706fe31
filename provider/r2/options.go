package r2

import (
	"regexp"

	"github.com/agenticverz/rotor/fault"
)

// Options of `provider: {type: r2}`.
type Options struct {
	// APIToken refers to a token of Cloudflare that may make and delete tokens.
	APIToken string `yaml:"api-token" json:"api-token"`
	// AccountID is the account's id, 32 hex digits, as in the address of its S3 endpoint.
	AccountID string `yaml:"account-id" json:"account-id"`
	// Owner of the keys: account (default; they stay when people leave) or user (the one
	// that api-token belongs to).
	Owner string `yaml:"owner,omitempty" json:"owner,omitempty" jsonschema:"enum=account,enum=user"`
	// Buckets that a key opens. Verify looks into each of them.
	Buckets []string `yaml:"buckets" json:"buckets"`
	// AllBuckets lets a key open every bucket of the account; buckets are then only those
	// that verify looks into.
	AllBuckets bool `yaml:"all-buckets,omitempty" json:"all-buckets,omitempty"`
	// Jurisdiction that the buckets were made in, eu or fedramp. Default: none.
	Jurisdiction string `yaml:"jurisdiction,omitempty" json:"jurisdiction,omitempty"`
	// Permission on objects: write (default, with reading and listing) or read.
	Permission string `yaml:"permission,omitempty" json:"permission,omitempty" jsonschema:"enum=write,enum=read"`
	// ExpiresDays after which a key ends by itself. Default: never.
	ExpiresDays int `yaml:"expires-days,omitempty" json:"expires-days,omitempty" jsonschema:"minimum=0,maximum=3650"`
	// Token hands out the API token too, as a third field, token: for programs that
	// speak to Cloudflare's API beside S3.
	Token bool `yaml:"token,omitempty" json:"token,omitempty"`
	// VerifyWrite proves the right to write by asking each bucket to delete an object that
	// cannot exist, rotor-verify- and 26 random letters. Default: the token's policies are
	// looked at instead.
	VerifyWrite bool `yaml:"verify-write,omitempty" json:"verify-write,omitempty"`
	// BaseURL of the API. Default https://api.cloudflare.com/client/v4.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// S3Endpoint of R2. Default https://ACCOUNT-ID.r2.cloudflarestorage.com, with the
	// jurisdiction after the account.
	S3Endpoint string `yaml:"s3-endpoint,omitempty" json:"s3-endpoint,omitempty"`
	// RequestsPerSecond to the API, and to S3, at most. Default 3; Cloudflare takes 1200
	// in five minutes.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const (
	byAccount = "account"
	byUser    = "user"
	canRead   = "read"
	canWrite  = "write"
)

var (
	accountID  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	region     = regexp.MustCompile(`^[a-z]{2,10}$`)
)

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "r2: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	o = o.defaults()
	switch {
	case !accountID.MatchString(o.AccountID):
		return o, bad("account-id: not the id of an account").WithHint("write its 32 hex digits: they begin the S3 endpoint that the dashboard shows")
	case o.Owner != byAccount && o.Owner != byUser:
		return o, bad("owner: %q", o.Owner).WithHint("choose account or user")
	case o.Permission != canRead && o.Permission != canWrite:
		return o, bad("permission: %q", o.Permission).WithHint("choose read or write")
	case o.VerifyWrite && o.Permission != canWrite:
		return o, bad("verify-write with permission: read").WithHint("leave one of them out")
	case len(o.Buckets) == 0:
		return o, bad("buckets is empty").WithHint("name the buckets that the key is for; with all-buckets, one to try it on")
	case o.Jurisdiction != "" && !region.MatchString(o.Jurisdiction):
		return o, bad("jurisdiction: %.30q", o.Jurisdiction).WithHint("write eu or fedramp, or leave it out")
	case o.ExpiresDays < 0 || o.ExpiresDays > 3650:
		return o, bad("expires-days: %d", o.ExpiresDays).WithHint("choose 1 to 3650, or leave it out")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	for _, b := range o.Buckets {
		if !bucketName.MatchString(b) {
			return o, bad("buckets: %.70q", b).WithHint("write the bucket's name alone: lower-case letters, digits and -")
		}
	}
	return o, nil
}

func (o Options) defaults() Options {
	if o.Owner == "" {
		o.Owner = byAccount
	}
	if o.Permission == "" {
		o.Permission = canWrite
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.S3Endpoint == "" {
		host := o.AccountID
		if o.Jurisdiction != "" {
			host += "." + o.Jurisdiction
		}
		o.S3Endpoint = "https://" + host + ".r2.cloudflarestorage.com"
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 3
	}
	return o
}
