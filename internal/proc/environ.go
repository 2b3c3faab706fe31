package proc

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// inherited lists what a child gets of our own environment: what programs need
// to find themselves and what docker needs to find its engine. Everything else,
// VAULT_TOKEN first of all, stays here.
var inherited = []string{"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME",
	"XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"}

// DOCKER_AUTH_CONFIG and DOCKER_CONTENT_TRUST_*_PASSPHRASE are secrets.
var notInherited = regexp.MustCompile(`^DOCKER_(AUTH_CONFIG|CONTENT_TRUST_.*PASSPHRASE)$`)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Inherits says whether a variable of ours is handed to children.
func Inherits(name string) bool {
	if strings.HasPrefix(name, "DOCKER_") || strings.HasPrefix(name, "COMPOSE_") {
		return !notInherited.MatchString(name)
	}
	return slices.Contains(inherited, name)
}

// MayName says whether a store's key can be handed to a child as a variable of
// that name. Names that decide what the child runs or whom it talks to cannot:
// a store must not be a way to run other programs.
func MayName(name string) bool {
	switch {
	case !envName.MatchString(name), Inherits(name), notInherited.MatchString(name):
		return false
	case strings.HasPrefix(name, "LD_"), strings.HasPrefix(name, "DYLD_"):
		return false
	}
	return !slices.Contains([]string{"IFS", "ENV", "BASH_ENV", "SHELL", "SHELLOPTS", "BASHOPTS", "PYTHONSTARTUP",
		"PYTHONPATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "NODE_OPTIONS", "GCONV_PATH"}, name)
}

// environment is the base environment and the given variables.
func environment(given secret.Set) ([]string, error) {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if Inherits(name) {
			env = append(env, entry)
		}
	}
	for name, value := range given {
		if !MayName(name) {
			return nil, fault.New(fault.BadConfig, "the variable %q cannot be handed to a child program", name)
		}
		if strings.Contains(value.Reveal(), "\x00") {
			return nil, fault.New(fault.BadConfig, "the value for the variable %s holds a NUL byte", name)
		}
		env = append(env, name+"="+value.Reveal())
	}
	slices.Sort(env)
	return env, nil
}
