// Package compose drives docker compose v2 and docker as child programs for one
// project.
//
// What surprises: neither exit codes nor --wait are believed. `docker compose up
// --wait` calls a service without a healthcheck healthy while it crashes in a
// loop, and fails because of replicas that are to be replaced anyway; so callers
// start containers with Up and look at them with Settle. And `config` and
// `inspect` print secrets in clear: their output is decoded field by field,
// compared and dropped, never logged.
package compose

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/proc"
	"github.com/agenticverz/rotor/secret"
)

// Options say which project is driven.
type Options struct {
	Files    []string // compose files, absolute; empty = what compose finds in Dir
	EnvFiles []string // absolute; empty = .env beside the first file
	Name     string   // project name; "" = what compose derives
	Dir      string   // working directory, absolute
}

// Project is one compose project. It keeps no state but the path of docker;
// everything else is asked anew each time.
type Project struct {
	o    Options
	look func() (string, error)
}

// New does no I/O; docker is looked up in PATH at the first use.
func New(o Options) *Project {
	return &Project{o: o, look: sync.OnceValues(func() (string, error) { return proc.Look("docker") })}
}

// quick bounds every command that only asks.
const quick = time.Minute

// call is one run of docker.
type call struct {
	op      string // for errors: "compose up"
	args    []string
	env     secret.Set // for the child alone
	stdout  *bytes.Buffer
	timeout time.Duration
}

// docker runs it. An exit status other than zero is an error, see failure.
func (p *Project) docker(ctx context.Context, c call) (proc.Result, error) {
	path, err := p.look()
	if err != nil {
		return proc.Result{}, err
	}
	if c.timeout == 0 {
		c.timeout = quick
	}
	cmd := proc.Command{Path: path, Args: c.args, Dir: p.o.Dir, Env: c.env, Timeout: c.timeout}
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	res, err := proc.Run(ctx, cmd)
	if err != nil {
		return res, fault.Wrap(fault.KindOf(err), "docker "+c.op, err)
	}
	if res.Code != 0 {
		return res, failure(c.op, res)
	}
	return res, nil
}

// args puts the project's options before a compose subcommand.
func (p *Project) args(sub ...string) []string {
	out := []string{"compose", "--ansi", "never"}
	if p.o.Name != "" {
		out = append(out, "--project-name", p.o.Name)
	}
	for _, f := range p.o.Files {
		out = append(out, "--file", f)
	}
	for _, f := range p.o.EnvFiles {
		out = append(out, "--env-file", f)
	}
	return append(out, sub...)
}

// Oldest is the first compose version that has all that is used here.
const Oldest = "2.20"

// Check asks, without effect, whether compose is new enough and the engine
// answers.
func (p *Project) Check(ctx context.Context) error {
	res, err := p.docker(ctx, call{op: "compose version", args: []string{"compose", "version", "--short"}})
	if err != nil {
		return err
	}
	version := strings.TrimPrefix(strings.TrimSpace(res.Stdout), "v")
	if !newEnough(version) {
		return fault.New(fault.BadConfig, "docker compose %.20q is too old", version).
			WithHint("install the docker compose plugin %s or later; version 1 (docker-compose) keeps exit status 0 for options it does not know", Oldest)
	}
	_, err = p.docker(ctx, call{op: "version", args: []string{"version", "--format", "{{.Server.Version}}"}})
	return err
}

// newEnough compares with Oldest.
func newEnough(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err1 == nil && err2 == nil && (a > 2 || a == 2 && b >= 20)
}

// Up starts service with env for the child alone and returns when its
// containers are started, well or not.
type Up struct {
	Service  string
	Env      secret.Set
	Recreate bool // all its containers anew; else those that exist stay as they are
	Scale    int  // how many containers there shall be; 0 = as the file says
	Build    bool
}

// Up runs `docker compose up` without dependencies.
func (p *Project) Up(ctx context.Context, u Up) error {
	args := p.args("up", "--detach", "--no-deps")
	if u.Recreate {
		args = append(args, "--force-recreate")
	} else {
		args = append(args, "--no-recreate")
	}
	if u.Build {
		args = append(args, "--build")
	}
	if u.Scale > 0 {
		args = append(args, "--scale", u.Service+"="+strconv.Itoa(u.Scale))
	}
	// an image may have to be pulled or built
	_, err := p.docker(ctx, call{op: "compose up " + u.Service, args: append(args, u.Service), env: u.Env, timeout: 30 * time.Minute})
	return err
}

// Stop ends containers, all at the same time, as their stop_grace_period allows,
// and removes them. Already gone is nil.
func (p *Project) Stop(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := p.docker(ctx, call{op: "stop", args: append([]string{"stop"}, ids...), timeout: 30 * time.Minute})
	if err != nil && !isGone(err) {
		return err
	}
	return p.Remove(ctx, ids...)
}

// Remove ends containers at once and removes them. Already gone is nil.
func (p *Project) Remove(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		_, err := p.docker(ctx, call{op: "rm " + Short(id), args: []string{"rm", "--force", id}})
		if err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// Restart ends and starts a container; its environment stays what it was.
func (p *Project) Restart(ctx context.Context, id string) error {
	_, err := p.docker(ctx, call{op: "restart " + Short(id), args: []string{"restart", id}, timeout: 30 * time.Minute})
	return err
}

// Signal sends a signal to a container's first process.
func (p *Project) Signal(ctx context.Context, id, signal string) error {
	_, err := p.docker(ctx, call{op: "kill --signal " + signal + " " + Short(id), args: []string{"kill", "--signal", signal, id}})
	return err
}

// Short is the form in which people see ids.
func Short(id string) string { return id[:min(12, len(id))] }

// Words names the project for messages.
func (p *Project) Words() string {
	if len(p.o.Files) > 0 {
		return filepath.Base(p.o.Files[0])
	}
	return "the project in " + p.o.Dir
}
