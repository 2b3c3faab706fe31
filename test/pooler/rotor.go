package pooler

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Ended is a run of rotor.
type Ended struct {
	Args []string
	Code int // -1: by a signal
	Text string
	Took time.Duration
}

func (e Ended) String() string {
	return fmt.Sprintf("rotor %s: exit code %d after %.1f s:\n%s", strings.Join(e.Args, " "), e.Code, e.Took.Seconds(), e.Text)
}

// Run starts rotor and waits for its end; env is for a test's own variables.
func (w *World) Run(ctx context.Context, binary string, env []string, args ...string) Ended {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = w.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.Dir, "ROTOR_STATE=" + filepath.Join(w.Dir, "state"),
		"ROTOR_CONFIG=" + filepath.Join(w.Dir, "rotor.yaml")}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 100*time.Millisecond
	began := time.Now()
	err := cmd.Run()
	e := Ended{Args: args, Code: -1, Took: time.Since(began)}
	if cmd.ProcessState != nil {
		e.Code = cmd.ProcessState.ExitCode()
	} else {
		fmt.Fprintln(&out, err)
	}
	e.Text = out.String()
	w.outputs = append(w.outputs, e.Text)
	return e
}

// Rotate is one whole rotation, retirement included, and a look at what is left.
func (w *World) Rotate(ctx context.Context) ([]string, error) {
	old, err := w.Stored()
	if err != nil {
		return nil, err
	}
	if e := w.Run(ctx, w.Rotor, nil, "rotate", "database", "--yes", "--wait"); e.Code != 0 {
		return nil, fmt.Errorf("%s", e)
	}
	return w.Look(ctx, old)
}

// configure writes rotor.yaml and the two files with administrators' logins.
func (w *World) configure() error {
	consumers, apps := "", ""
	if w.Instances {
		ctl := func(verb string) string {
			return fmt.Sprintf("[%q, demo, unit, %s, %q]", w.Rotor, verb, w.socket())
		}
		consumers = fmt.Sprintf("  app: {type: exec, units: [%s], deploy: %s, confirm: %s}\n", strings.Join(names, ", "), ctl("deploy"), ctl("confirm"))
		apps = "    consumers: [app]\n"
	}
	roles := fmt.Sprintf("roles: [%s, %s]", loginA, loginB)
	if w.Kind == InPlace {
		roles = "strategy: in-place\n      role: " + loginA
	}
	bound := w.Bound
	if bound == "" {
		bound = "20s"
	}
	text := rotorYAML
	for name, value := range map[string]string{
		"ENV": w.env, "USERLIST": w.Bouncer.AuthFile, "DIR": w.Dir, "CONSUMERS": consumers, "APPS": apps, "ROLES": roles,
		"BOUND": bound, "DATABASE": database, "OWNER": owner, "PORT": fmt.Sprint(w.Bouncer.Port),
	} {
		text = strings.ReplaceAll(text, "@"+name+"@", value)
	}
	for name, content := range map[string]string{
		"rotor.yaml": text, "pg-admin-url": w.adminDSN, "pgbouncer-admin-url": w.Bouncer.AdminDSN(),
	} {
		if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const rotorYAML = `version: 1
stores:
  dotenv:   {type: dotenv, path: "@ENV@"}
  userlist: {type: userlist, path: "@USERLIST@"}
consumers:
  pgbouncer: {type: pgbouncer, admin: "file:@DIR@/pgbouncer-admin-url", databases: [@DATABASE@]}
@CONSUMERS@credentials:
  database:
    owner: Platform
    every: quarterly
    provider:
      type: postgres
      admin: "file:@DIR@/pg-admin-url"
      database: @DATABASE@
      owner-role: @OWNER@
      @ROLES@
      verify-table: work
      verify-address: "127.0.0.1:@PORT@"
    acceptors:
      - {consumer: pgbouncer, targets: [{store: userlist, key: "{{.username}}", value: "{{.password}}"}]}
    targets:
      - {store: dotenv, key: POSTGRES_USER, value: "{{.username}}"}
      - {store: dotenv, key: POSTGRES_PASSWORD, value: "{{.password}}"}
      - {store: dotenv, key: DATABASE_URL, value: "postgresql://{{.username | userinfo}}:{{.password | userinfo}}@127.0.0.1:@PORT@/@DATABASE@?sslmode=disable&default_query_exec_mode=exec"}
@APPS@    monitor: 0s
    grace: 500ms
    bound: @BOUND@
`
