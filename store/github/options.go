package github

import (
	"regexp"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/secret"
)

// Options of `stores: {NAME: {type: github}}`.
type Options struct {
	// Token refers to a token that may write the secrets: a fine-grained one with the
	// permission Secrets (write), or an installation token of an App with it.
	Token string `yaml:"token" json:"token"`
	// For whom the secrets are: actions (default) or dependabot, which reads others.
	For string `yaml:"for,omitempty" json:"for,omitempty" jsonschema:"enum=actions,enum=dependabot"`
	// Visibility of an organisation's secrets: all, private or selected repositories.
	// Required for paths orgs/NAME. A secret that others see is not rewritten.
	Visibility string `yaml:"visibility,omitempty" json:"visibility,omitempty" jsonschema:"enum=all,enum=private,enum=selected"`
	// Repositories that see an organisation's secrets, by their numbers; with
	// visibility: selected. A secret that others see, or not all of these, is not rewritten.
	Repositories []int64 `yaml:"repositories,omitempty" json:"repositories,omitempty"`
	// BaseURL of the API. Default https://api.github.com; of an Enterprise Server
	// https://HOST/api/v3.
	BaseURL string `yaml:"base-url,omitempty" json:"base-url,omitempty"`
	// RequestsPerSecond to the API at most. Default 5.
	RequestsPerSecond float64 `yaml:"requests-per-second,omitempty" json:"requests-per-second,omitempty"`
}

const defaultBase = "https://api.github.com"

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.BadConfig, "github: "+format, args...)
}

// validated fills in the defaults.
func (o Options) validated() (Options, error) {
	if o.For == "" {
		o.For = "actions"
	}
	if o.BaseURL == "" {
		o.BaseURL = defaultBase
	}
	if o.RequestsPerSecond == 0 {
		o.RequestsPerSecond = 5
	}
	switch {
	case o.For != "actions" && o.For != "dependabot":
		return o, bad("for: %.30q", o.For).WithHint("choose actions or dependabot")
	case o.Visibility != "" && !slices.Contains([]string{"all", "private", "selected"}, o.Visibility):
		return o, bad("visibility: %.30q", o.Visibility).WithHint("choose all, private or selected")
	case (o.Visibility == "selected") != (len(o.Repositories) > 0):
		return o, bad("visibility and repositories do not fit together").WithHint("list the numbers of the repositories with visibility: selected, and only then")
	case o.RequestsPerSecond < 0:
		return o, bad("requests-per-second: %v", o.RequestsPerSecond).WithHint("choose a positive number, or leave it out")
	}
	return o, nil
}

// place is where a path's secrets are.
type place struct {
	base string // below the API's root, up to "/secrets"
	org  bool
}

var segment = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

const pathForms = "write OWNER/REPOSITORY, OWNER/REPOSITORY/ENVIRONMENT or orgs/ORGANISATION"

// place reads a target's path. What follows the second slash is the environment's name,
// slashes and all.
func (s *Store) place(path string) (place, error) {
	first, rest, _ := strings.Cut(path, "/")
	second, environment, more := strings.Cut(rest, "/")
	switch {
	case !segment.MatchString(first) || !segment.MatchString(second), more && !environmentName(environment):
		return place{}, bad("path %.80q is none of GitHub's", path).WithHint(pathForms)
	case first == "orgs" && more:
		return place{}, bad("path %.80q: an organisation has no environments", path).WithHint(pathForms)
	case first == "orgs" && s.opts.Visibility == "":
		return place{}, bad("path %s: visibility is missing", path).WithHint("say which repositories may see an organisation's secrets: visibility: private, all or selected")
	case first == "orgs":
		return s.within(apiclient.Path("/orgs/%s/"+s.opts.For, second), true)
	case more && s.opts.For != "actions":
		return place{}, bad("path %.80q: environments have secrets for Actions only", path).WithHint("use a store without for: %s", s.opts.For)
	case more:
		return s.within(apiclient.Path("/repos/%s/%s/environments/%s", first, second, environment), false)
	}
	return s.within(apiclient.Path("/repos/%s/%s/"+s.opts.For, first, second), false)
}

// environmentName: slashes are part of it, and must not lead anywhere.
func environmentName(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (s *Store) within(base string, org bool) (place, error) {
	if base == "" { // a segment was "." or ".."
		return place{}, bad("the path leads elsewhere").WithHint(pathForms)
	}
	return place{base: base, org: org}, nil
}

// at is the address of a secret, or of the key pair.
func (p place) at(name string) string { return p.base + apiclient.Path("/secrets/%s", name) }

var secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,199}$`)

func checkName(name string) error {
	if !secretName.MatchString(name) || strings.HasPrefix(name, "GITHUB_") {
		return bad("key %.80q cannot be the name of a secret", name).
			WithHint("use capitals, digits and _, with no digit in front; names that begin with GITHUB_ are GitHub's own")
	}
	return nil
}

// largest secret in bytes.
const largest = 48 << 10

func checkValue(name string, v secret.Value) error {
	switch n := v.Len(); {
	case n == 0:
		return fault.New(fault.Rejected, "github: secret %s: the value is empty", name).WithHint("GitHub keeps no empty secrets; leave the target out")
	case n > largest:
		return fault.New(fault.Rejected, "github: secret %s: %d bytes", name, n).WithHint("GitHub keeps secrets of 48 KB at most")
	}
	return nil
}
