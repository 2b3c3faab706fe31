package compose

import (
	"errors"
	"regexp"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
)

// known are docker's complaints that mean something to us. What docker printed
// is never repeated beyond a match: a line of .env or of the compose file may be
// in it. Everything unknown stays unknown.
var known = []struct {
	match *regexp.Regexp
	kind  fault.Kind
	words string // $1 is the first group
	hint  string
	gone  bool
}{
	{match: regexp.MustCompile(`(?i)permission denied while trying to connect to the docker (?:daemon socket|API)|permission denied.*docker\.sock`),
		kind: fault.Denied, words: "no permission for the engine's socket", hint: "add Rotor's user to the group docker, or set DOCKER_HOST"},
	{match: regexp.MustCompile(`(?i)cannot connect to the docker daemon|is the docker daemon running|error during connect|failed to connect to the docker API`),
		kind: fault.Transient, words: "the engine does not answer", hint: "is docker running? see: systemctl status docker; DOCKER_HOST and DOCKER_CONTEXT are honoured"},
	{match: regexp.MustCompile(`(?i)'?compose'? is not a docker command|unknown command: docker compose|unknown (?:shorthand )?flag:`),
		kind: fault.BadConfig, words: "docker compose is missing or too old", hint: "install the docker compose plugin " + Oldest + " or later; docker-compose 1.29 is not enough"},
	{match: regexp.MustCompile(`(?i)no such (?:container|object): `), kind: fault.Transient, words: "the container is gone", gone: true},
	{match: regexp.MustCompile(`(?i)removal of container \S+ is already in progress`), kind: fault.Transient, words: "the container is going", gone: true},
	{match: regexp.MustCompile(`no such service: ([A-Za-z0-9._-]+)`), kind: fault.BadConfig, words: "there is no service $1",
		hint: "services must name services of the compose file"},
	{match: regexp.MustCompile(`required variable ([A-Za-z_][A-Za-z0-9_]*) is missing`), kind: fault.BadConfig, words: "the variable $1 is not set",
		hint: "name the store that holds $1 under environment:, or put it into .env"},
	{match: regexp.MustCompile(`(?i)no configuration file provided|stat \S+: no such file|open \S+\.ya?ml: no such file`), kind: fault.BadConfig,
		words: "the compose file is missing", hint: "set file: to the compose file's path"},
	{match: regexp.MustCompile(`(?i)yaml: line (\d+)`), kind: fault.BadConfig, words: "the compose file is not valid YAML in line $1",
		hint: "see: docker compose config --quiet"},
	{match: regexp.MustCompile(`(?i)yaml: (?:unmarshal|construct)`), kind: fault.BadConfig, words: "the compose file is not valid",
		hint: "see: docker compose config --quiet"},
	{match: regexp.MustCompile(`(?i)(?:additional propert|validating \S+:|invalid interpolation format|undefined (?:network|volume|secret|config))`),
		kind: fault.BadConfig, words: "the compose file is not valid", hint: "see: docker compose config --quiet"},
	{match: regexp.MustCompile(`(?i)failed to read \S*env\S*|env file \S+ not found`), kind: fault.BadConfig, words: "the .env file cannot be read",
		hint: "see: docker compose config --quiet"},
	{match: regexp.MustCompile(`(?i)port is already allocated|address already in use`), words: "a published port is already in use",
		hint: "free the port, or give the service a port range"},
	{match: regexp.MustCompile(`(?i)no such image|pull access denied|manifest unknown|manifest for \S+ not found`), words: "the image is missing",
		hint: "build or pull the image, or set build: true"},
	{match: regexp.MustCompile(`(?i)no space left on device`), words: "the disk is full", hint: "see: docker system df"},
	{match: regexp.MustCompile(`(?i)is already in use by container`), kind: fault.Transient, words: "another docker compose is at work on the project"},
}

// gone marks an error that says that the container is not there.
var errGone = errors.New("gone")

func isGone(err error) bool { return errors.Is(err, errGone) }

// failure turns an exit status other than zero into an error.
func failure(op string, res proc.Result) error {
	text := res.Stderr + "\n" + res.Stdout
	for _, k := range known {
		m := k.match.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		err := fault.New(k.kind, "docker %s: %s", op, expand(k.match, k.words, text, m)).
			WithHint("%s", expand(k.match, k.hint, text, m))
		if k.gone {
			err.Err = errGone
		}
		return err
	}
	return fault.New(fault.Unknown, "docker %s: exit status %d", op, res.Code).
		WithHint("run the command by hand to see docker's own words: docker %s", op)
}

func expand(re *regexp.Regexp, template, text string, match []int) string {
	return string(re.ExpandString(nil, template, text, match))
}
