package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/agenticverz/rotor/internal/demo/service"
	"github.com/agenticverz/rotor/internal/demo/unit"
)

// caller is the client's side: it presents the token, and reads it from the
// store when it is told to.
type caller struct {
	vault *vault

	mu    sync.Mutex
	value string
}

func (c *caller) token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

func (c *caller) Deploy(context.Context) error {
	content, _ := c.vault.get("caller")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = content["MACHINE_SECRET_TOKEN"]
	return nil
}

func (c *caller) Confirm(context.Context) (bool, error) {
	content, _ := c.vault.get("caller")
	return content["MACHINE_SECRET_TOKEN"] == c.token(), nil
}

// processes are instances under a supervisor that this test process is; Rotor
// reaches it by programs, as it does with anything that is not compose.
type processes struct {
	w   *world
	all map[string]*fromStore
}

// fromStore is a process whose .env file is what the store says.
type fromStore struct {
	*unit.Process
	spec unit.Spec
	w    *world
}

func (f *fromStore) lines() string {
	var b strings.Builder
	for _, path := range []string{"app-prod", "database"} {
		content, _ := f.w.vault.get(path)
		for _, name := range service.Watched {
			if value, ok := content[name]; ok {
				fmt.Fprintf(&b, "%s='%s'\n", name, value)
			}
		}
	}
	return b.String()
}

func (f *fromStore) Deploy(ctx context.Context) error {
	if err := os.WriteFile(f.spec.EnvFile, []byte(f.lines()), 0o600); err != nil {
		return err
	}
	return f.Process.Deploy(ctx)
}

func (f *fromStore) Confirm(ctx context.Context) (bool, error) {
	text, err := os.ReadFile(f.spec.EnvFile)
	if errors.Is(err, os.ErrNotExist) || err == nil && string(text) != f.lines() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return f.Process.Confirm(ctx)
}

func newProcesses(w *world) *processes {
	p := &processes{w: w, all: map[string]*fromStore{}}
	for _, name := range w.plan.backends {
		base := w.urls[name]
		spec := unit.Spec{Name: name, Argv: []string{program(w.t, "service")}, URL: base,
			EnvFile: filepath.Join(w.instances(), name+".env"), Log: filepath.Join(w.instances(), name+".log"),
			Env:   []string{"NAME=" + name, "LISTEN=" + strings.TrimPrefix(base, "http://"), "DRAIN=400"},
			Ready: func(ctx context.Context) error { return w.balancer.WaitHealthy(ctx, base) },
		}
		p.all[name] = &fromStore{Process: unit.NewProcess(spec), spec: spec, w: w}
		if err := w.balancer.Add(base); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(p.all[name].Stop)
	}
	w.serve(p.units())
	return p
}

func (p *processes) units() map[string]unit.Unit {
	all := map[string]unit.Unit{"caller": p.w.caller}
	for name, one := range p.all {
		all[name] = one
	}
	return all
}

// instances is the folder of the service's own files, which hold its values by
// right: Rotor's files are elsewhere.
func (w *world) instances() string {
	dir := filepath.Join(w.dir, "instances")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// serve opens the supervisor's socket.
func (w *world) serve(units map[string]unit.Unit) {
	w.t.Helper()
	server, err := unit.Serve(w.socket(), units)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = server.Stop() })
}

func (w *world) socket() string { return filepath.Join(w.instances(), "s") }

// ctl is the program and its arguments that make or confirm a deployment.
func (w *world) ctl(verb string) string {
	w.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("[%q, unit, %s, %q]", exe, verb, w.socket())
}

func (w *world) callerConsumer() string {
	return fmt.Sprintf("  client: {type: exec, units: [caller], deploy: %s, confirm: %s}", w.ctl("deploy"), w.ctl("confirm"))
}

func (p *processes) consumer() string {
	return fmt.Sprintf("  app: {type: exec, units: [%s], deploy: %s, confirm: %s}",
		strings.Join(p.w.plan.backends, ", "), p.w.ctl("deploy"), p.w.ctl("confirm"))
}

func (p *processes) environment() []string { return nil }

func (p *processes) up() {
	p.w.t.Helper()
	for _, name := range p.w.plan.backends {
		if err := p.all[name].Deploy(context.Background()); err != nil {
			p.w.t.Fatal(err)
		}
	}
}

// holds asks the instance itself; the supervisor knows the key of its answer, so
// what it confirms is what is compared.
func (p *processes) holds(name, url string) bool {
	content, _ := p.w.vault.get("database")
	ok, err := p.all[name].Confirm(context.Background())
	return err == nil && ok && content["DATABASE_URL"] == url
}

func (p *processes) value(name, _ string) bool {
	ok, err := p.all[name].Confirm(context.Background())
	return err == nil && ok
}

func (p *processes) well(name string) bool { return healthy(p.w.urls[name]) }

func healthy(base string) bool {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(base + "/health")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// identity is the pids.
func (p *processes) identity() string {
	text := ""
	for _, name := range p.w.plan.backends {
		text += fmt.Sprintf("%s %d; ", name, pid(p.w.urls[name]))
	}
	return text
}

func pid(base string) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(base + "/fingerprint")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	var answer service.Answer
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Pid
}

func (p *processes) logs() map[string]func() []byte {
	out := map[string]func() []byte{}
	for _, name := range p.w.plan.backends {
		path := p.all[name].spec.Log
		out["log of "+name] = func() []byte { return readFile(p.w.t, path) }
	}
	return out
}
