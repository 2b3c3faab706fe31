package localserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// DockerOptions: the zero value does.
type DockerOptions struct {
	Dir string // where it lives; "": a temporary directory, removed by Stop
}

// Docker is a Docker daemon with the docker CLI and compose v2 to drive it: the one the
// caller's environment reaches, else a private one (root only; see the package comment).
type Docker struct {
	server
	Host   string   // DOCKER_HOST
	Env    []string // add it to a child's environment: DOCKER_HOST, DOCKER_CONFIG, ...
	docker string   // the CLI

	mu     sync.Mutex
	images []string // built here; removed by Stop
}

// StartDocker returns when the daemon answers. The daemon may be shared with others, so
// give containers, projects and images unique names, and remove containers after use.
func StartDocker(ctx context.Context, o DockerOptions) (*Docker, error) {
	docker, ok := findProgram("docker")
	if !ok {
		return nil, &MissingError{"Docker", "no docker on the PATH (Debian: docker.io)"}
	}
	r, err := newRoom(o.Dir, "docker", false)
	if err != nil {
		return nil, fmt.Errorf("docker: %w", err)
	}
	d := &Docker{server: server{room: r}, docker: docker}
	d.Env = []string{"DOCKER_CONFIG=" + r.path("config")}
	if err = d.findCompose(ctx); err == nil {
		err = d.findDaemon(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("docker: %w", err), d.Stop())
	}
	return d, nil
}

// Command is the docker CLI with args, talking to this daemon.
func (d *Docker) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.docker, args...)
	cmd.Env = cleanEnv(d.room.dir, d.Env...)
	return cmd
}

// Stop ends a private daemon with all its containers. Of a daemon that was there before
// it removes the images built here. It may be called again.
func (d *Docker) Stop() error {
	d.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if d.proc == nil {
			for _, image := range d.images {
				d.err = errors.Join(d.err, d.run(ctx, "image", "rm", "-f", image))
			}
		} else {
			d.err = d.stopDaemon(ctx)
		}
		d.err = errors.Join(d.err, d.room.remove())
	})
	return d.err
}

// findDaemon takes the daemon that answers, else starts one. The TLS settings, if any,
// belong to the caller's daemon.
func (d *Docker) findDaemon(ctx context.Context) error {
	host := reachableDaemon(ctx, d.docker)
	if host == "" {
		return d.startDaemon(ctx)
	}
	d.setHost(host)
	for _, name := range []string{"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"} {
		if value := os.Getenv(name); value != "" {
			d.Env = append(d.Env, name+"="+value)
		}
	}
	return nil
}

func (d *Docker) setHost(host string) {
	d.Host = host
	d.Env = append(d.Env, "DOCKER_HOST="+host)
}

// reachableDaemon is the address of the daemon that `docker` talks to by itself, by
// DOCKER_HOST, context or default; "" if none answers.
func reachableDaemon(ctx context.Context, docker string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if exec.CommandContext(ctx, docker, "version").Run() != nil {
		return ""
	}
	format := "{{.Endpoints.docker.Host}}"
	host, err := exec.CommandContext(ctx, docker, "context", "inspect", "--format", format).Output()
	if err != nil {
		return os.Getenv("DOCKER_HOST")
	}
	return strings.TrimSpace(string(host))
}

// findCompose puts the compose plugin into a DOCKER_CONFIG of our own: the caller's may
// have credentials and a context. docker itself searches the system's directories; the
// plugin of the user or of the cache is linked.
func (d *Docker) findCompose(ctx context.Context) error {
	plugins := d.room.path("config/cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return err
	}
	config := os.Getenv("DOCKER_CONFIG")
	if config == "" {
		config = filepath.Join(os.Getenv("HOME"), ".docker")
	}
	for _, dir := range []string{config, filepath.Join(CacheDir(), "docker")} {
		if plugin := filepath.Join(dir, "cli-plugins", "docker-compose"); isProgram(plugin) {
			if err := os.Symlink(plugin, filepath.Join(plugins, "docker-compose")); err != nil {
				return err
			}
			break
		}
	}
	version, err := d.Command(ctx, "compose", "version", "--short").Output()
	if v := strings.TrimPrefix(strings.TrimSpace(string(version)), "v"); err != nil || strings.HasPrefix(v, "1.") {
		return &MissingError{"docker compose v2", "no such plugin; test/servers.sh builds one"}
	}
	return nil
}

// run runs the CLI; the error has what it printed on standard error.
func (d *Docker) run(ctx context.Context, args ...string) error {
	_, err := d.output(d.Command(ctx, args...))
	return err
}

func (d *Docker) output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("docker %s: %w", cmd.Args[1], err)
	}
	return string(out), nil
}
