package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// Container is what is known of one container. Its environment and arguments
// are secret values and come out by comparison only.
type Container struct {
	ID, Name     string
	Service      string
	Created      time.Time
	StartedAt    string
	Status       string // created, running, paused, restarting, removing, exited, dead
	Health       string // "", starting, healthy, unhealthy
	ExitCode     int
	Restarts     int
	RestartAlone bool     // the engine starts it again when it ends
	ConfigFiles  []string // the compose files it was made from
	ConfigHash   string   // compose's digest of the service's configuration, environment included

	env  secret.Set
	args []secret.Value
}

// Running: it is up now, well or not.
func (c Container) Running() bool { return c.Status == "running" }

// Well: it is up, and healthy if it has a healthcheck.
func (c Container) Well() bool { return c.Running() && (c.Health == "" || c.Health == "healthy") }

// State says in words how it is.
func (c Container) State() string {
	switch {
	case c.Status == "exited", c.Status == "dead", c.Status == "restarting":
		return fmt.Sprintf("%s (%d)", c.Status, c.ExitCode)
	case c.Running() && c.Health != "":
		return c.Health
	}
	return c.Status
}

// Variable is a variable of the container's environment.
func (c Container) Variable(name string) (secret.Value, bool) {
	v, ok := c.env[name]
	return v, ok
}

// Mentions says whether v stands in any variable or argument. It looks for values
// that have another name in the container or are part of a URL.
func (c Container) Mentions(v secret.Value) bool {
	for _, text := range c.env {
		if Within(v, text) {
			return true
		}
	}
	return slices.ContainsFunc(c.args, func(text secret.Value) bool { return Within(v, text) })
}

// Shortest is the length from which on a value is found within other texts: a
// password "postgres" stands in every URL of that scheme and proves nothing.
const Shortest = 16

// Within says whether v stands in text, in any of the forms of secret.Encodings.
// A value under 16 bytes is never found.
func Within(v, text secret.Value) bool {
	if v.Len() < Shortest {
		return false
	}
	raw := text.Reveal()
	return slices.ContainsFunc(secret.Encodings(v), func(form string) bool { return strings.Contains(raw, form) })
}

// Containers lists all containers of a service, stopped ones too, oldest first.
func (p *Project) Containers(ctx context.Context, project, service string) ([]Container, error) {
	res, err := p.docker(ctx, call{op: "ps", args: []string{"ps", "--all", "--quiet", "--no-trunc",
		"--filter", "label=com.docker.compose.project=" + project,
		"--filter", "label=com.docker.compose.service=" + service,
		"--filter", "label=com.docker.compose.oneoff=False"}})
	if err != nil {
		return nil, err
	}
	out, err := p.Inspect(ctx, strings.Fields(res.Stdout)...)
	slices.SortFunc(out, func(a, b Container) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, err
}

// Inspect looks at containers; those that are gone are left out.
func (p *Project) Inspect(ctx context.Context, ids ...string) ([]Container, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var text bytes.Buffer
	defer wipe(&text)
	_, err := p.docker(ctx, call{op: "inspect", args: append([]string{"inspect", "--type", "container"}, ids...), stdout: &text})
	if err != nil && !isGone(err) {
		return nil, err
	}
	return Decode(text.Bytes())
}

// Decode reads what `docker inspect` prints.
func Decode(text []byte) ([]Container, error) {
	var raw []rawContainer
	if err := json.Unmarshal(text, &raw); err != nil { // the error may quote the text
		return nil, fault.New(fault.Unknown, "docker inspect: not the JSON that was expected")
	}
	out := make([]Container, 0, len(raw))
	for _, r := range raw {
		out = append(out, r.container())
	}
	return out, nil
}

type rawContainer struct {
	ID           string `json:"Id"`
	Name         string
	Created      time.Time
	RestartCount int
	Path         string
	Args         []string
	State        struct {
		Status    string
		ExitCode  int
		StartedAt string
		Health    *struct{ Status string }
	}
	Config struct {
		Env    []string
		Labels map[string]string
	}
	HostConfig struct {
		RestartPolicy struct{ Name string }
	}
}

func (r rawContainer) container() Container {
	c := Container{
		ID: r.ID, Name: strings.TrimPrefix(r.Name, "/"), Service: r.Config.Labels["com.docker.compose.service"],
		Created: r.Created, StartedAt: r.State.StartedAt, Status: r.State.Status, ExitCode: r.State.ExitCode,
		Restarts: r.RestartCount, env: secret.Set{},
		RestartAlone: r.HostConfig.RestartPolicy.Name != "" && r.HostConfig.RestartPolicy.Name != "no",
	}
	c.ConfigHash = r.Config.Labels["com.docker.compose.config-hash"]
	if files := r.Config.Labels["com.docker.compose.project.config_files"]; files != "" {
		c.ConfigFiles = strings.Split(files, ",")
	}
	if r.State.Health != nil && r.State.Health.Status != "none" {
		c.Health = r.State.Health.Status
	}
	for _, entry := range r.Config.Env {
		name, text, _ := strings.Cut(entry, "=")
		c.env[name] = secret.New(text)
	}
	for _, a := range append([]string{r.Path}, r.Args...) {
		c.args = append(c.args, secret.New(a))
	}
	return c
}
