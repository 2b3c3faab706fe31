package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Model is what the compose files say about some services, with env.
type Model struct {
	Name     string // of the project
	Services map[string]Service
}

// Service is what is needed of one service. It holds no value.
type Service struct {
	Replicas int
	// Capacity is how many containers of the service can run at once, as far as
	// the file tells: a container_name, the host's network or a published port
	// allow one, a port range as many as it has ports. 0 = any number.
	Capacity int
	// Passed are variables handed through by name that have no text now: the
	// container will lack them.
	Passed []string
}

// Load reads the files as compose does, with env in its environment. Variables
// that these services use and that are not set anywhere are fault.BadConfig:
// compose would warn and give the containers an empty text.
func (p *Project) Load(ctx context.Context, env secret.Set, services []string) (Model, error) {
	if err := p.haveServices(ctx, services); err != nil {
		return Model{}, err
	}
	var out bytes.Buffer
	defer wipe(&out)
	res, err := p.docker(ctx, call{op: "compose config", env: env, stdout: &out,
		args: p.args(append([]string{"config", "--format", "json"}, services...)...)})
	if err != nil {
		return Model{}, err
	}
	if unset := unsetVariables(res.Stderr); len(unset) > 0 {
		used, err := p.usedBy(ctx, services, unset)
		if err != nil {
			return Model{}, err
		}
		if len(used) > 0 {
			return Model{}, fault.New(fault.BadConfig, "docker compose config: not set: %s", strings.Join(used, ", ")).
				WithHint("name the store that holds it under environment:, put it into .env, or give it a default in the compose file: ${%s:-}", used[0])
		}
	}
	return decodeModel(out.Bytes(), services)
}

// haveServices gives a better message than compose's.
func (p *Project) haveServices(ctx context.Context, services []string) error {
	raw, err := p.raw(ctx, "--profile", "*")
	if err != nil {
		return err
	}
	for _, s := range services {
		if _, ok := raw.Services[s]; !ok {
			return fault.New(fault.BadConfig, "%s has no service %q", p.Words(), s).
				WithHint("services must name services of the compose file: %s", strings.Join(raw.names(), ", "))
		}
	}
	return nil
}

// ProjectName asks for the project's name without any variable.
func (p *Project) ProjectName(ctx context.Context) (string, error) {
	if p.o.Name != "" {
		return p.o.Name, nil
	}
	raw, err := p.raw(ctx)
	if err == nil && (raw.Name == "" || strings.Contains(raw.Name, "$")) {
		return "", fault.New(fault.BadConfig, "the project's name depends on a variable").WithHint("set project: in rotor.yaml")
	}
	return raw.Name, err
}

// rawModel is the files' content before variables are filled in.
type rawModel struct {
	Name     string                     `json:"name"`
	Services map[string]json.RawMessage `json:"services"`
	rest     []byte
}

func (m rawModel) names() []string {
	var out []string
	for name := range m.Services {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (p *Project) raw(ctx context.Context, global ...string) (rawModel, error) {
	var out bytes.Buffer
	defer wipe(&out)
	args := p.args("config", "--no-interpolate", "--format", "json")
	args = slices.Insert(args, 3, global...) // behind "compose --ansi never"
	if _, err := p.docker(ctx, call{op: "compose config", stdout: &out, args: args}); err != nil {
		return rawModel{}, err
	}
	var m rawModel
	var all map[string]json.RawMessage
	if json.Unmarshal(out.Bytes(), &m) != nil || json.Unmarshal(out.Bytes(), &all) != nil {
		return rawModel{}, fault.New(fault.Unknown, "docker compose config: not the JSON that was expected")
	}
	for _, section := range []string{"networks", "volumes", "secrets", "configs"} {
		m.rest = append(m.rest, all[section]...)
	}
	return m, nil
}

// usedBy picks the variables that the services, or what they share, refer to.
func (p *Project) usedBy(ctx context.Context, services, variables []string) ([]string, error) {
	raw, err := p.raw(ctx, "--profile", "*")
	if err != nil {
		return nil, err
	}
	text := raw.rest
	for _, s := range services {
		text = append(text, raw.Services[s]...)
	}
	var used []string
	for _, v := range variables {
		if regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(v) + `\b`).Match(text) {
			used = append(used, v)
		}
	}
	return used, nil
}

var notSet = regexp.MustCompile(`The \\?"([A-Za-z_][A-Za-z0-9_]*)\\?" variable is not set`)

// unsetVariables reads the names out of compose's warnings.
func unsetVariables(stderr string) []string {
	var out []string
	for _, m := range notSet.FindAllStringSubmatch(stderr, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// present decodes to whether there is anything but null, and keeps nothing.
type present bool

func (p *present) UnmarshalJSON(text []byte) error {
	*p = string(text) != "null"
	return nil
}

type fileService struct {
	Scale         *int                    `json:"scale"`
	Deploy        struct{ Replicas *int } `json:"deploy"`
	ContainerName string                  `json:"container_name"`
	NetworkMode   string                  `json:"network_mode"`
	Environment   map[string]present      `json:"environment"`
	Ports         []struct {
		Published string `json:"published"`
	} `json:"ports"`
}

func decodeModel(text []byte, services []string) (Model, error) {
	var file struct {
		Name     string                 `json:"name"`
		Services map[string]fileService `json:"services"`
	}
	if err := json.Unmarshal(text, &file); err != nil { // the error may quote the text
		return Model{}, fault.New(fault.Unknown, "docker compose config: not the JSON that was expected")
	}
	m := Model{Name: file.Name, Services: map[string]Service{}}
	for _, name := range services {
		s, ok := file.Services[name]
		if !ok {
			return Model{}, fault.New(fault.BadConfig, "docker compose config leaves out the service %q", name)
		}
		m.Services[name] = s.summary()
	}
	return m, nil
}

func (s fileService) summary() Service {
	out := Service{Replicas: 1}
	switch {
	case s.Deploy.Replicas != nil:
		out.Replicas = *s.Deploy.Replicas
	case s.Scale != nil:
		out.Replicas = *s.Scale
	}
	if s.ContainerName != "" || s.NetworkMode == "host" {
		out.Capacity = 1
	}
	for _, port := range s.Ports {
		if n := portsIn(port.Published); n > 0 && (out.Capacity == 0 || n < out.Capacity) {
			out.Capacity = n
		}
	}
	for name, set := range s.Environment {
		if !set {
			out.Passed = append(out.Passed, name)
		}
	}
	slices.Sort(out.Passed)
	return out
}

// portsIn counts "8000" (1) and "8000-8009" (10); 0 = the engine picks one.
func portsIn(published string) int {
	if published == "" || published == "0" {
		return 0
	}
	from, to, ranged := strings.Cut(published, "-")
	a, err1 := strconv.Atoi(from)
	b, err2 := strconv.Atoi(to)
	if !ranged || err1 != nil || err2 != nil || b < a {
		return 1
	}
	return b - a + 1
}

// wipe clears a buffer that held secrets, as far as Go lets us.
func wipe(b *bytes.Buffer) {
	clear(b.Bytes()[:b.Len()])
	b.Reset()
}
