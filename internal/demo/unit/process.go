package unit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/agenticverz/rotor/internal/demo/service"
)

// Spec describes one instance of the demo's service (package service).
type Spec struct {
	Name    string
	Argv    []string // the program, absolute, and its arguments
	URL     string   // where it will answer
	EnvFile string   // its secrets; read at each deploy
	Env     []string // NAME=value besides: no secrets
	Log     string   // file that receives what it prints
	// Ready is asked after the instance is healthy: has who routes to it noticed?
	// Nil: nobody routes.
	Ready func(context.Context) error
}

const (
	startWithin = 20 * time.Second
	stopWithin  = 20 * time.Second // more than any drain
	pollEvery   = 20 * time.Millisecond
)

// Process is a unit that takes its secrets from its environment: to take a new
// one it must be started again.
type Process struct {
	spec   Spec
	client *http.Client

	mu  sync.Mutex
	run *running // nil: never started, or it did not come up
}

// running is one start.
type running struct {
	pid  int
	key  string // for fingerprints
	done chan struct{}
	code int // valid once done is closed
}

// NewProcess does not start anything yet: Deploy does.
func NewProcess(spec Spec) *Process {
	return &Process{spec: spec, client: &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// URL is where it answers.
func (p *Process) URL() string { return p.spec.URL }

// Deploy ends the instance that runs, politely, and starts one with what the .env
// file now says; it waits until that one is healthy. If it already runs with that
// nothing happens. A process that ends instead of becoming healthy is a
// *RefusedError.
func (p *Process) Deploy(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok, err := p.confirm(ctx); err == nil && ok && p.healthy(ctx) {
		return nil
	}
	values, err := ReadEnv(p.spec.EnvFile)
	if err != nil {
		return err
	}
	p.stop()
	if err := p.start(values); err != nil {
		return err
	}
	if err := p.waitHealthy(ctx); err != nil {
		p.stop()
		return err
	}
	if p.spec.Ready != nil {
		return p.spec.Ready(ctx)
	}
	return nil
}

// Restart deploys even if nothing changed.
func (p *Process) Restart(ctx context.Context) error {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	return p.Deploy(ctx)
}

// Confirm asks the running instance by fingerprint whether it has what the .env
// file now says.
func (p *Process) Confirm(ctx context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.confirm(ctx)
}

func (p *Process) confirm(ctx context.Context) (bool, error) {
	if !p.alive() {
		return false, nil
	}
	values, err := ReadEnv(p.spec.EnvFile)
	if err != nil {
		return false, err
	}
	answer, err := p.ask(ctx)
	if err != nil {
		return false, err
	}
	if answer.Pid != p.run.pid {
		return false, errors.New("another process answers at its address")
	}
	for _, name := range service.Watched {
		if answer.Fingerprints[name] != service.Fingerprint(p.run.key, name, values[name]) {
			return false, nil
		}
	}
	return true, nil
}

func (p *Process) ask(ctx context.Context) (service.Answer, error) {
	var answer service.Answer
	resp, err := p.get(ctx, "/fingerprint")
	if err != nil {
		return answer, errors.New("the instance does not answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&answer) != nil {
		return answer, errors.New("the instance cannot say what it runs with")
	}
	return answer, nil
}

func (p *Process) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.spec.URL+path, nil)
	if err != nil {
		return nil, err
	}
	return p.client.Do(req)
}

// Stop ends the instance and waits until it is gone.
func (p *Process) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
}

func (p *Process) alive() bool {
	if p.run == nil {
		return false
	}
	select {
	case <-p.run.done:
		return false
	default:
		return true
	}
}

// start runs the program. The goroutine it leaves behind ends with the child; it
// keeps its thread to itself meanwhile, because Linux sends the "parent died"
// signal when the THREAD that forked ends.
func (p *Process) start(values map[string]string) error {
	log, err := os.OpenFile(p.spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	run := &running{key: rand.Text(), done: make(chan struct{})}
	cmd := exec.Command(p.spec.Argv[0], p.spec.Argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, childAttr()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "FINGERPRINT_KEY=" + run.key}, p.spec.Env...)
	for _, name := range service.Watched {
		cmd.Env = append(cmd.Env, name+"="+values[name])
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			run.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait()
			run.code = cmd.ProcessState.ExitCode()
			close(run.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.spec.Name, err)
	}
	p.run = run
	return nil
}

// stop: first politely, then with SIGKILL. It never signals a reaped pid.
func (p *Process) stop() {
	if p.run == nil {
		return
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !p.alive() {
			break
		}
		_ = syscall.Kill(p.run.pid, signal) // fails only for one that is just ending
		select {
		case <-p.run.done:
		case <-time.After(stopWithin):
		}
	}
	p.run = nil
}

// RefusedError: the program ended by itself before it was healthy.
type RefusedError struct {
	Name string
	Code int
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s does not come up: it ended with status %d", e.Name, e.Code)
}

func (p *Process) waitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if p.healthy(ctx) {
			return nil
		}
		select {
		case <-p.run.done:
			return &RefusedError{p.spec.Name, p.run.code}
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy after %v", p.spec.Name, startWithin)
		case <-tick.C:
		}
	}
}

func (p *Process) healthy(ctx context.Context) bool {
	resp, err := p.get(ctx, "/health")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
