package localserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// app is a small web server; with an argument it is its own health check.
const app = `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		if resp, err := http.Get("http://127.0.0.1:8080/"); err != nil || resp.StatusCode != 200 {
			os.Exit(1)
		}
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getenv("GREETING")) })
	http.HandleFunc("/peer", func(w http.ResponseWriter, r *http.Request) {
		if resp, err := http.Get("http://second:8080/"); err == nil {
			fmt.Fprint(w, "peer ", resp.StatusCode)
		}
	})
	panic(http.ListenAndServe(":8080", nil))
}
`

const composeFile = `name: rotor-localserver
services:
  first: &app
    image: rotor-localserver-app
    environment: {GREETING: "hello from first"}
    ports: ["127.0.0.1::8080"]
    healthcheck: {test: ["CMD", "/app", "check"], interval: 200ms, timeout: 5s, retries: 50}
  second:
    <<: *app
    environment: {GREETING: "hello from second"}
`

func TestDocker(t *testing.T) {
	start := time.Now()
	d, err := StartDocker(t.Context(), DockerOptions{})
	need(t, err)
	defer d.Stop()
	t.Logf("started in %v: %s", time.Since(start), d.Host)

	start = time.Now()
	err = d.BuildImage(t.Context(), "rotor-localserver-app",
		map[string]File{"app": {Path: buildApp(t)}}, "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("image built in %v", time.Since(start))
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, []byte(composeFile), 0o600); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	docker(t, d, "compose", "-f", file, "up", "-d", "--wait")
	defer d.run(context.Background(), "compose", "-f", file, "down", "--timeout", "0")
	t.Logf("compose up --wait in %v", time.Since(start))
	address := strings.TrimSpace(docker(t, d, "compose", "-f", file, "port", "first", "8080"))
	if got := get(t, "http://"+address+"/"); got != "hello from first" {
		t.Errorf("published port: %q", got)
	}
	if got := get(t, "http://"+address+"/peer"); got != "peer 200" {
		t.Errorf("container to container: %q", got)
	}
	second(t, d)
	network := docker(t, d, "network", "inspect", "rotor-localserver_default", "--format", "{{.Id}}")
	if d.Pid() != 0 {
		start = time.Now()
		stopped(t, d) // with the containers running
		t.Logf("stopped in %v", time.Since(start))
		bridge := filepath.Join("/sys/class/net", "br-"+network[:12])
		if _, err := os.Stat(bridge); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", bridge, err)
		}
	}
}

// second: somebody else's daemon is used, and lives on after Stop.
func second(t *testing.T, d *Docker) {
	t.Setenv("DOCKER_HOST", d.Host)
	other, err := StartDocker(t.Context(), DockerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if other.Host != d.Host || other.Pid() != 0 {
		t.Errorf("a second StartDocker uses %s (pid %d), want %s", other.Host, other.Pid(), d.Host)
	}
	name := "rotor-localserver-other"
	err = other.BuildImage(t.Context(), name, map[string]File{"x": {Data: []byte("x")}}, "FROM scratch\nCOPY x /x\n")
	if err != nil {
		t.Error(err)
	}
	if err := other.Stop(); err != nil {
		t.Error(err)
	}
	if got := docker(t, d, "images", "--quiet", name); got != "" {
		t.Errorf("Stop left the image %s", got)
	}
}

func buildApp(t *testing.T) string {
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "app")
	if err := os.WriteFile(source, []byte(app), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", binary, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

func docker(t *testing.T, d *Docker, args ...string) string {
	t.Helper()
	out, err := d.output(d.Command(t.Context(), args...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
