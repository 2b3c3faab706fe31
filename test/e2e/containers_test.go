package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/agenticverz/rotor/internal/demo/unit"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
)

// containers are services of a compose project; each service is one instance.
type containers struct {
	w       *world
	project *testserver.Project
	image   string
}

// image holds the service, FROM scratch; built once.
var image struct {
	sync.Once
	name string
	err  error
}

func newContainers(w *world) *containers {
	w.t.Helper()
	c := &containers{w: w, project: testserver.Docker(w.t)}
	image.Do(func() {
		image.name = c.project.Name + "-service:1"
		image.err = c.project.BuildImage(context.Background(), image.name,
			map[string]localserver.File{"app": {Path: program(w.t, "service")}}, "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n")
	})
	if image.err != nil {
		w.t.Fatal(image.err)
	}
	c.image = image.name
	c.write()
	w.serve(map[string]unit.Unit{"caller": w.caller})
	return c
}

func (c *containers) file() string { return filepath.Join(c.w.dir, "compose.yaml") }

func (c *containers) write() {
	c.w.t.Helper()
	text := "services:\n"
	for _, name := range c.w.plan.backends {
		text += strings.NewReplacer("@NAME@", name, "@IMAGE@", c.image,
			"@LISTEN@", strings.TrimPrefix(c.w.urls[name], "http://")).Replace(composeService)
		if c.w.plan.loops {
			text += againAndAgain
		} else {
			text += healthCheck
		}
	}
	if err := os.WriteFile(c.file(), []byte(text), 0o600); err != nil {
		c.w.t.Fatal(err)
	}
}

const composeService = `  @NAME@:
    image: @IMAGE@
    network_mode: host
    stop_grace_period: 20s
    environment:
      NAME: @NAME@
      LISTEN: @LISTEN@
      DRAIN: "1000"
      DATABASE_URL: ${DATABASE_URL}
      MACHINE_SECRET_TOKEN: ${MACHINE_SECRET_TOKEN}
      PARTNER_KEY: ${PARTNER_KEY}
`

const (
	healthCheck = `    healthcheck: {test: ["CMD", "/app", "check"], interval: 300ms, timeout: 5s, retries: 5}
`
	againAndAgain = `    restart: always
`
)

func (c *containers) consumer() string {
	return fmt.Sprintf("  app: {type: compose, file: compose.yaml, project: %s, services: [%s], environment: [\"vault:app-prod\", \"vault:database\"], wait-timeout: 30s, stable-for: 1s}",
		c.project.Name, strings.Join(c.w.plan.backends, ", "))
}

func (c *containers) environment() []string { return c.project.Env }

// up is what a person did before Rotor.
func (c *containers) up() {
	c.w.t.Helper()
	cmd := c.project.Command(context.Background(), "compose", "-p", c.project.Name, "-f", c.file(), "up", "-d", "--wait")
	for _, path := range []string{"app-prod", "database"} {
		content, _ := c.w.vault.get(path)
		for name, value := range content {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		c.w.t.Fatalf("compose up: %v: %s", err, out)
	}
}

func (c *containers) docker(args ...string) string {
	c.w.t.Helper()
	out, err := c.project.Command(context.Background(), args...).Output()
	if err != nil {
		c.w.t.Fatalf("docker %s: %v", args[0], err)
	}
	return strings.TrimSpace(string(out))
}

// ids lists the containers of an instance, ended ones too.
func (c *containers) ids(name string) []string {
	c.w.t.Helper()
	return strings.Fields(c.docker("ps", "--all", "--quiet", "--no-trunc", "--filter", "label=com.docker.compose.project="+c.project.Name,
		"--filter", "label=com.docker.compose.service="+name))
}

// holds: there is one container and it runs with this login.
func (c *containers) holds(name, url string) bool {
	c.w.t.Helper()
	return c.has(name, "DATABASE_URL="+url)
}

func (c *containers) has(name, line string) bool {
	c.w.t.Helper()
	ids := c.ids(name)
	if len(ids) != 1 {
		return false
	}
	env := c.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", ids[0])
	return slices.Contains(strings.Split(env, "\n"), line)
}

func (c *containers) value(name, variable string) bool {
	c.w.t.Helper()
	for _, path := range []string{"app-prod", "database"} {
		content, _ := c.w.vault.get(path)
		if value, ok := content[variable]; ok {
			return c.has(name, variable+"="+value)
		}
	}
	return false
}

func (c *containers) well(name string) bool {
	c.w.t.Helper()
	ids := c.ids(name)
	if len(ids) != 1 || c.docker("inspect", "--format", "{{.State.Status}}", ids[0]) != "running" {
		return false
	}
	return c.w.plan.loops || c.docker("inspect", "--format", "{{.State.Health.Status}}", ids[0]) == "healthy"
}

func (c *containers) identity() string {
	c.w.t.Helper()
	text := ""
	for _, name := range c.w.plan.backends {
		for _, id := range c.ids(name) {
			text += name + " " + c.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", id) + "; "
		}
	}
	return text
}

func (c *containers) logs() map[string]func() []byte {
	out := map[string]func() []byte{}
	if path := c.project.LogPath(); path != "" {
		out["log of dockerd"] = func() []byte { return readFile(c.w.t, path) }
	}
	for _, name := range c.w.plan.backends {
		out["log of "+name] = func() []byte {
			var text bytes.Buffer
			for _, id := range c.ids(name) {
				cmd := c.project.Command(context.Background(), "logs", id)
				cmd.Stdout, cmd.Stderr = &text, &text
				_ = cmd.Run()
			}
			return text.Bytes()
		}
	}
	return out
}
