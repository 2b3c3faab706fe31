package compose

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) {
	code := testserver.Wrap(m).Run()
	_ = os.RemoveAll(appDir)
	os.Exit(code)
}

var appDir string // where the app is built; "" = it was not needed

const (
	oldKey = "old-key-9Yc2Lq7TnB4wXe"
	newKey = "new-key-5Rk8Vd3HsJ6mZa"
	badKey = "bad-key-1Pf4Gu0CtQ2yNo"
)

// plant is one compose project on a real engine, with a store that is a map.
type plant struct {
	t       testing.TB
	docker  *testserver.Project
	dir     string
	options Options

	mu    sync.Mutex
	store secret.Set
}

var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rotor-compose-app-")
	appDir = dir
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "app"), "../../internal/compose/testdata/app")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "app"), nil
})

// image is built once, by the first test.
var image struct {
	sync.Once
	name string
	err  error
}

// start writes the compose file (IMAGE stands for the app's image), and starts
// the project with the old key.
func start(t testing.TB, o Options, file string) *plant {
	t.Helper()
	p := &plant{t: t, docker: testserver.Docker(t), dir: t.TempDir(), store: secret.Set{"API_KEY": secret.New(oldKey)}}
	app, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	image.Do(func() {
		image.name = p.docker.Name + ":1"
		image.err = p.docker.BuildImage(context.Background(), image.name, map[string]localserver.File{"app": {Path: app}},
			"FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n")
	})
	if image.err != nil {
		t.Fatal(image.err)
	}
	p.write("compose.yaml", strings.ReplaceAll(file, "IMAGE", image.name))
	for _, entry := range p.docker.Env { // the same for all tests of the process
		name, value, _ := strings.Cut(entry, "=")
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	p.options = o
	p.options.File, p.options.Project = "compose.yaml", p.docker.Name
	p.options.Environment = []string{"store:app"}
	if p.options.StableFor == 0 {
		p.options.StableFor = 700 * time.Millisecond
	}
	if p.options.WaitTimeout == 0 {
		p.options.WaitTimeout = 30 * time.Second
	}
	p.compose("API_KEY="+oldKey, "up", "-d", "--wait")
	return p
}

func (p *plant) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// compose runs the real thing, as a person would.
func (p *plant) compose(env string, args ...string) string {
	p.t.Helper()
	cmd := p.docker.Command(context.Background(), append([]string{"compose", "-p", p.docker.Name, "-f", filepath.Join(p.dir, "compose.yaml")}, args...)...)
	cmd.Env = append(cmd.Env, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("docker compose %v: %v: %s", args, err, out)
	}
	return string(out)
}

func (p *plant) run(args ...string) string {
	p.t.Helper()
	out, err := p.docker.Command(context.Background(), args...).Output()
	if err != nil {
		p.t.Fatalf("docker %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// open is a new consumer, as another process would build it.
func (p *plant) open() *T {
	p.t.Helper()
	c, err := New(p.options, p.dir, func(context.Context) (secret.Set, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.store.Clone(), nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *plant) publish(set secret.Set) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, v := range set {
		p.store[k] = v
	}
	return nil
}

func (p *plant) units() []string {
	p.t.Helper()
	units, err := p.open().Units(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return units
}

// containers lists a service's running containers: id -> address.
func (p *plant) containers(service string) map[string]string {
	list := p.run("ps", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.docker.Name,
		"--filter", "label=com.docker.compose.service="+service, "--format", "{{.ID}}")
	out := map[string]string{}
	for _, id := range strings.Fields(list) {
		address, err := p.docker.Command(context.Background(), "inspect", id, "--format",
			"{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}").Output()
		if ip := strings.TrimSpace(string(address)); err == nil && ip != "" {
			out[id] = "http://" + ip + ":8080"
		}
	}
	return out
}

var client = &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func get(url string) (string, error) { return getWith(client, url) }

func getWith(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(text), err
}

// running asks every container of the unit's service which key it has.
func (p *plant) running(unit string) (secret.Set, error) {
	service, _, _ := strings.Cut(unit, "@")
	seen := ""
	for id, address := range p.containers(service) {
		key, err := get(address + "/key")
		if err != nil {
			return nil, err
		}
		if seen != "" && seen != key {
			return nil, fmt.Errorf("container %.12s has another key than its sister", id)
		}
		seen = key
	}
	return secret.Set{"API_KEY": secret.New(seen)}, nil
}

// witness describes all containers of the project.
func (p *plant) witness() (string, error) {
	ids := strings.Fields(p.run("ps", "--all", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.docker.Name, "--format", "{{.ID}}"))
	if len(ids) == 0 {
		return "", nil
	}
	return p.run(append([]string{"inspect", "--format", "{{.Name}} {{.Id}} {{.State.StartedAt}} {{.State.Status}}"}, ids...)...), nil
}

func (p *plant) has(service, key string) bool {
	got, err := p.running(service)
	return err == nil && got["API_KEY"].Equal(secret.New(key))
}

func change(now, before string) consumer.Change {
	return consumer.Change{Credential: "exam", Generation: 2, Values: secret.Set{"API_KEY": secret.New(now)},
		Old: secret.Set{"API_KEY": secret.New(before)}, Fingerprint: "f0000002"}
}
