package compose

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/compose"
	"github.com/agenticverz/rotor/secret"
)

// Options configure the services of a compose project.
type Options struct {
	// File is the compose file. Without it compose looks for compose.yaml or
	// docker-compose.yml, and their override files, beside rotor.yaml.
	File string `yaml:"file,omitempty" json:"file,omitempty"`
	// Files are several compose files, merged in this order; instead of file.
	Files []string `yaml:"files,omitempty" json:"files,omitempty"`
	// EnvFiles are read by compose instead of the .env beside the first file.
	EnvFiles []string `yaml:"env-files,omitempty" json:"env-files,omitempty"`
	// Project is the project's name, if it is not the one that compose derives.
	Project string `yaml:"project,omitempty" json:"project,omitempty"`
	// Services are the services that present the value, in the order of
	// deployment; the first is the canary.
	Services []string `yaml:"services" json:"services"`
	// Environment names store paths ("STORE:path") whose keys are handed to
	// docker compose as environment, for ${NAME} in the compose file.
	Environment []string `yaml:"environment,omitempty" json:"environment,omitempty"`
	// Strategy is how a service takes a new value: recreate (new containers, the
	// only way to a new environment), restart (for a file that is read at start)
	// or signal:NAME (for a file that is read again on that signal).
	Strategy string `yaml:"strategy,omitempty" json:"strategy,omitempty" jsonschema:"default=recreate"`
	// Rolling is how the replicas of a service are recreated: scale (all new ones
	// beside all old ones), one-by-one (one new one at a time), or auto: scale or
	// one-by-one for several replicas as far as published ports leave room, else
	// in place. With scale a service of one replica is rolled too.
	Rolling string `yaml:"rolling,omitempty" json:"rolling,omitempty" jsonschema:"enum=auto,enum=scale,enum=one-by-one,default=auto"`
	// Build builds the image before recreating.
	Build bool `yaml:"build,omitempty" json:"build,omitempty"`
	// WaitTimeout is how long new containers may take until they are healthy.
	WaitTimeout time.Duration `yaml:"wait-timeout,omitempty" json:"wait-timeout,omitempty" jsonschema:"default=2m"`
	// StableFor is how long a container without a healthcheck must stay up to
	// count as healthy.
	StableFor time.Duration `yaml:"stable-for,omitempty" json:"stable-for,omitempty" jsonschema:"default=3s"`
	// Drain is the pause after new replicas are healthy and before old ones are
	// stopped: the time a load balancer needs to notice the new ones.
	Drain time.Duration `yaml:"drain,omitempty" json:"drain,omitempty"`
}

// Strategies and ways of rolling.
const (
	recreate = "recreate"
	restart  = "restart"
	auto     = "auto"
	scale    = "scale"
	oneByOne = "one-by-one"
)

var (
	serviceName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	signalName  = regexp.MustCompile(`^(SIG)?(HUP|USR1|USR2|INT|QUIT|WINCH|CONT)$`)
)

// T is a consumer: some services of one compose project.
type T struct {
	o       Options
	signal  string // of strategy signal:NAME
	env     consumer.Environment
	project *compose.Project
}

// New checks the options. env reads the store paths of Options.Environment; nil
// means none. dir is the folder that relative paths count from.
func New(o Options, dir string, env consumer.Environment) (*T, error) {
	if o.File != "" && len(o.Files) > 0 {
		return nil, bad("file and files exclude each other", "list all of them under files:")
	}
	if len(o.Services) == 0 {
		return nil, bad("services is missing", "name the services that present the value: services: [backend, worker]")
	}
	for i, s := range o.Services {
		if !serviceName.MatchString(s) {
			return nil, bad("%q is no name of a service", "services holds names from the compose file", s)
		}
		if slices.Contains(o.Services[:i], s) {
			return nil, bad("service %s stands twice", "name each service once", s)
		}
	}
	if o.Project != "" && !projectName.MatchString(o.Project) {
		return nil, bad("%q is no name of a project", "a project's name has lower-case letters, digits, - and _", o.Project)
	}
	t := &T{o: o, env: env}
	if err := t.defaults(); err != nil {
		return nil, err
	}
	if o.File != "" {
		o.Files = []string{o.File}
	}
	files, err := absolute(dir, o.Files)
	if err != nil {
		return nil, err
	}
	envFiles, err := absolute(dir, o.EnvFiles)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fault.Wrap(fault.BadConfig, "compose: folder", err)
	}
	t.project = compose.New(compose.Options{Files: files, EnvFiles: envFiles, Name: o.Project, Dir: dir})
	return t, nil
}

// defaults fills in and checks how to deploy.
func (t *T) defaults() error {
	if t.o.Strategy == "" {
		t.o.Strategy = recreate
	}
	if name, ok := strings.CutPrefix(t.o.Strategy, "signal:"); ok {
		if !signalName.MatchString(name) {
			return bad("signal %q cannot be used", "signal:HUP, USR1, USR2, INT, QUIT, WINCH or CONT", name)
		}
		t.signal = strings.TrimPrefix(name, "SIG")
	} else if t.o.Strategy != recreate && t.o.Strategy != restart {
		return bad("strategy %q is unknown", "strategy is recreate, restart or signal:NAME", t.o.Strategy)
	}
	switch t.o.Rolling {
	case "":
		t.o.Rolling = auto
	case auto, scale, oneByOne:
	default:
		return bad("rolling %q is unknown", "rolling is auto, scale or one-by-one", t.o.Rolling)
	}
	if t.o.WaitTimeout < 0 || t.o.StableFor < 0 || t.o.Drain < 0 {
		return bad("a negative time", "wait-timeout, stable-for and drain are not below zero")
	}
	if t.o.WaitTimeout == 0 {
		t.o.WaitTimeout = 2 * time.Minute
	}
	if t.o.StableFor == 0 {
		t.o.StableFor = 3 * time.Second
	}
	return nil
}

// bad is an error in the options; args belong to what.
func bad(what, hint string, args ...any) error {
	return fault.New(fault.BadConfig, "compose: "+what, args...).WithHint("%s", hint)
}

func absolute(dir string, paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		if p == "" || strings.ContainsAny(p, "\x00,") { // compose lists files with commas in a label
			return nil, bad("file name %q cannot be used", "name compose files that exist", p)
		}
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fault.Wrap(fault.BadConfig, "compose: file", err)
		}
		out = append(out, abs)
	}
	return out, nil
}

// Type describes this consumer to the registry.
func Type() consumer.Type {
	return consumer.Type{
		Name:       "compose",
		Summary:    "Services of a docker compose project, recreated so that they take the new environment",
		Doc:        doc,
		Evidence:   consumer.EvidenceServer,
		NewOptions: func() any { return new(Options) },
		New: func(opts any, c consumer.Context) (consumer.Consumer, error) {
			o := opts.(*Options)
			var env consumer.Environment
			if len(o.Environment) > 0 {
				var err error
				if env, err = c.Bind.Environment(o.Environment); err != nil {
					return nil, err
				}
			}
			return New(*o, c.Dir, env)
		},
	}
}

const doc = `
Each service of ` + "`services`" + ` is one unit. ` + "`docker compose restart`" + ` keeps a container's old
environment, so the default is to recreate: the store paths under ` + "`environment`" + ` are handed to that
one docker compose process, and to nothing else.

**Confirm** compares the container's environment with the stores, under the variable's own name, and looks
for the value under other names and inside URLs. *Not yet*: a container still holds the old value or is not
healthy. *Cannot tell*: the value does not appear in the environment (a mounted file, say).

**Window.** One replica is recreated in place: not reachable while it starts. Several replicas are replaced
by new ones beside them if published ports leave room, without a window where the balancer follows the
containers, the application drains on SIGTERM and stop_grace_period is longer than that. Containers of a
rolled service get new numbers (backend-3 instead of backend-1).

**Limits.** Give services a healthcheck; without one a container that stays up for stable-for counts as
healthy. A replica that does not come up beside its old ones is removed, its log with it. Logs of removed
containers are gone. Swarm and Kubernetes are not driven.
`

// storeEnvironment reads what is handed to docker compose: the stores' keys that
// can be variables. Others cannot be meant by ${NAME}.
func (t *T) storeEnvironment(ctx context.Context) (secret.Set, error) {
	if t.env == nil {
		return nil, nil
	}
	all, err := t.env(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), "compose: environment", err)
	}
	return usable(all), nil
}
