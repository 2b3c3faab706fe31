package compose

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/consumertest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

const twoServices = `
services:
  backend:
    image: IMAGE
    environment: {API_KEY: "${API_KEY}"}
    healthcheck: {test: ["CMD", "/app", "check"], interval: 300ms, timeout: 2s, retries: 3, start_period: 3s}
    stop_grace_period: 5s
  worker:
    image: IMAGE
    environment: {OPENAI_KEY: "${API_KEY}", API_KEY: "${API_KEY}"}
`

func TestExam(t *testing.T) {
	consumertest.Run(t, func(t testing.TB) consumertest.World {
		t.(*testing.T).Parallel()
		p := start(t, Options{Services: []string{"backend", "worker"}}, twoServices)
		return consumertest.World{
			Open:    func() (consumer.Consumer, error) { return p.open(), nil },
			Before:  secret.Set{"API_KEY": secret.New(oldKey)},
			After:   secret.Set{"API_KEY": secret.New(newKey)},
			Bad:     secret.Set{"API_KEY": secret.New(badKey)},
			Publish: p.publish, Running: p.running, Witness: p.witness,
			Break: func() error { return os.Remove(p.dir + "/compose.yaml") },
		}
	})
}

// What the runbook does: `docker compose restart` keeps the old environment.
// Confirm notices.
func TestRestartIsNotADeploy(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoServices)
	units := p.units()
	_ = p.publish(change(newKey, oldKey).Values)
	p.compose("API_KEY="+newKey, "restart", "backend")
	proof, err := p.open().Confirm(t.Context(), units[0], change(newKey, oldKey))
	if err != nil || proof != consumer.NotYet {
		t.Errorf("Confirm after a mere restart: %q, %v", proof, err)
	}
}

// The stores' values reach the one child and nobody else.
func TestEnvironmentStaysInTheChild(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoServices)
	units := p.units()
	_ = p.publish(change(newKey, oldKey).Values)
	if err := p.open().Deploy(t.Context(), units[0], change(newKey, oldKey)); err != nil {
		t.Fatal(err)
	}
	if !p.has("backend", newKey) {
		t.Error("the container lacks the new key")
	}
	environ, err := os.ReadFile("/proc/self/environ")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(environ, []byte(newKey)) || strings.Contains(strings.Join(os.Environ(), "\n"), newKey) {
		t.Error("the value is in our own environment")
	}
}

// A service without a healthcheck that crashes in a loop: `up --wait` calls it
// healthy.
func TestCrashLoopIsRejected(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"worker"}}, strings.ReplaceAll(twoServices, "  worker:", "  worker:\n    restart: always"))
	units := p.units()
	bad := change(badKey, oldKey)
	_ = p.publish(bad.Values)
	err := p.open().Deploy(t.Context(), units[0], bad)
	if err == nil || fault.KindOf(err) != fault.Rejected || fault.HintOf(err) == "" {
		t.Fatalf("a crash loop: %v (%v)", err, fault.KindOf(err))
	}
	if strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), badKey) {
		t.Errorf("the error repeats the log: %v", err)
	}
	_ = p.publish(change(oldKey, badKey).Values)
	if err := p.open().Deploy(t.Context(), units[0], change(oldKey, badKey)); err != nil || !p.has("worker", oldKey) {
		t.Errorf("back to the old key: %v", err)
	}
}

func TestLogsHaveTheLinesSince(t *testing.T) {
	p := start(t, Options{Services: []string{"backend", "worker"}}, twoServices)
	read := func(since time.Time) string {
		r, err := p.open().Logs(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if all := read(time.Now().Add(-time.Hour)); strings.Count(all, " started\n") != 2 || !strings.HasPrefix(all, "20") {
		t.Errorf("the log of both services: %q", all)
	}
	if later := read(time.Now().Add(time.Hour)); later != "" {
		t.Errorf("lines from the future: %q", later)
	}
	t.Setenv("DOCKER_HOST", "unix:///nowhere.sock")
	units := []string{"backend", "worker"}
	if err := p.open().Deploy(t.Context(), units[0], change(oldKey, newKey)); fault.KindOf(err) != fault.Transient || fault.HintOf(err) == "" {
		t.Errorf("no engine: %v", err)
	}
	if _, err := p.open().Logs(t.Context(), time.Now()); err == nil {
		t.Error("an unreadable log is a silent one")
	}
}

func TestPreflightRefuses(t *testing.T) {
	p := start(t, Options{Services: []string{"backend"}}, twoServices)
	good := p.options
	ctx := t.Context()
	check := func(name string, want fault.Kind, words string) {
		t.Helper()
		err := p.open().Preflight(ctx)
		if err == nil || fault.KindOf(err) != want || !strings.Contains(err.Error()+fault.HintOf(err), words) {
			t.Errorf("%s: %v (%v; %s)", name, err, fault.KindOf(err), fault.HintOf(err))
		}
		if err != nil && fault.HintOf(err) == "" {
			t.Errorf("%s: no hint", name)
		}
	}
	if err := p.open().Preflight(ctx); err != nil {
		t.Fatal(err)
	}
	p.options.Services = []string{"backend", "frontend"}
	check("unknown service", fault.BadConfig, "worker")
	p.options = good
	p.options.Rolling = "scale"
	text, err := os.ReadFile(p.dir + "/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p.write("compose.yaml", strings.Replace(string(text), "  backend:", "  backend:\n    container_name: "+p.docker.Name+"x", 1))
	check("no room", fault.BadConfig, "container_name")
	p.options = good
	p.write("compose.yaml", strings.Replace(string(text), "{API_KEY:", `{OTHER: "${OTHER_KEY}", API_KEY:`, 1))
	check("unset variable", fault.BadConfig, "OTHER_KEY")
	p.write("compose.yaml", strings.Replace(string(text), "{API_KEY:", `{OTHER: "${OTHER_KEY:?}", API_KEY:`, 1))
	check("required variable", fault.BadConfig, "OTHER_KEY")
	p.write("compose.yaml", strings.Replace(string(text), `{API_KEY: "${API_KEY}"}`, "{API_KEY: }", 1))
	p.mu.Lock()
	p.store = secret.Set{}
	p.mu.Unlock()
	check("variable that would be lost", fault.BadConfig, "API_KEY")
	_ = p.publish(change(oldKey, "").Values)
	p.write("compose.yaml", "services: {backend: {image: x\n b")
	check("malformed", fault.BadConfig, "line 2")
	p.write("compose.yaml", string(text))
	p.options.File = "none.yaml"
	check("missing file", fault.BadConfig, "missing")
	p.options = good
	p.compose("API_KEY="+oldKey, "kill", "backend")
	check("stopped service", fault.Transient, "exited")
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	check("no compose plugin", fault.BadConfig, "2.20")
	t.Setenv("PATH", t.TempDir())
	check("no docker", fault.BadConfig, "docker")
}

// An unset variable of a service that is none of ours is none of our business.
func TestOtherServicesVariablesAreLeftAlone(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoServices+`
  other:
    image: IMAGE
    environment: {X: "${SOME_OTHER}"}
    profiles: [never]
`)
	if err := p.open().Preflight(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDeployRefusesWhenTheStoreMoved(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoServices)
	before, _ := p.witness()
	err := p.open().Deploy(t.Context(), p.units()[0], change(newKey, oldKey)) // never published
	if err == nil || fault.KindOf(err) != fault.NeedsPerson {
		t.Errorf("%v", err)
	}
	if after, _ := p.witness(); after != before {
		t.Error("containers were touched")
	}
}

// The store is not named under environment: compose takes the old text from .env.
func TestDeployNoticesAnotherSource(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}}, twoServices)
	units := p.units()
	p.write(".env", "API_KEY="+oldKey+"\n")
	c, err := New(p.options, p.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err = c.Deploy(t.Context(), units[0], change(newKey, oldKey)); fault.KindOf(err) != fault.Rejected || !strings.Contains(fault.HintOf(err), "environment:") {
		t.Errorf("%v; %s", err, fault.HintOf(err))
	}
}

const fileService = `
services:
  backend:
    image: IMAGE
    volumes: ["./keys:/run/keys:ro"]
    healthcheck: {test: ["CMD", "/app", "check"], interval: 300ms, timeout: 2s, retries: 3, start_period: 3s}
`

// A key in a mounted file: the signal makes the app read it again, the container
// stays, and Confirm says honestly that it cannot tell.
func TestSignalForAFile(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"signal:HUP", "restart"} {
		o := Options{Services: []string{"backend"}, Strategy: strategy}
		p := startWithFile(t, o)
		before := p.run("ps", "-q", "--filter", "label=com.docker.compose.project="+p.docker.Name)
		if err := os.WriteFile(p.dir+"/keys/api_key", []byte(newKey), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.open().Deploy(t.Context(), "backend", change(newKey, oldKey)); err != nil {
			t.Fatalf("%s: %v", strategy, err)
		}
		waitFor(t, func() bool { return p.has("backend", newKey) })
		if after := p.run("ps", "-q", "--filter", "label=com.docker.compose.project="+p.docker.Name); after != before {
			t.Errorf("%s: the container was replaced", strategy)
		}
		if proof, err := p.open().Confirm(t.Context(), "backend", change(newKey, oldKey)); err != nil || proof != consumer.CannotTell {
			t.Errorf("%s: Confirm: %q, %v", strategy, proof, err)
		}
	}
}

func startWithFile(t *testing.T, o Options) *plant {
	t.Helper()
	var p *plant
	keys := "KEYS"
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/api_key", []byte(oldKey), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, o, strings.ReplaceAll(strings.ReplaceAll(fileService, "./keys", keys), keys, dir))
	if err := os.Symlink(dir, p.dir+"/keys"); err != nil {
		t.Fatal(err)
	}
	p.options.Environment = nil
	return p
}

// A value in the environment cannot be taken by a restart: refused beforehand.
func TestRestartStrategyRefusesEnvironment(t *testing.T) {
	t.Parallel()
	p := start(t, Options{Services: []string{"backend"}, Strategy: "restart"}, twoServices)
	before, _ := p.witness()
	_ = p.publish(change(newKey, oldKey).Values)
	err := p.open().Deploy(t.Context(), "backend", change(newKey, oldKey))
	if err == nil || fault.KindOf(err) != fault.BadConfig || !strings.Contains(fault.HintOf(err), "recreate") {
		t.Errorf("%v", err)
	}
	if after, _ := p.witness(); after != before {
		t.Error("the container was restarted for nothing")
	}
}

func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("waited in vain")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
