package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// ended is what a run of rotor left behind.
type ended struct {
	args           []string
	code           int // -1: by a signal
	stdout, stderr string
}

func (e ended) String() string {
	return strings.Join(e.args, " ") + "\n" + e.stdout + e.stderr
}

// want fails the test for any other exit code.
func (e ended) want(t testing.TB, code int) ended {
	t.Helper()
	if e.code != code {
		t.Fatalf("exit code %d, want %d: rotor %s", e.code, code, e)
	}
	return e
}

// says fails the test if a text is missing on stderr.
func (e ended) says(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(e.stderr, text) {
			t.Errorf("stderr lacks %q: rotor %s", text, e)
		}
	}
}

// child is a run of rotor.
type child struct {
	w       *world
	cmd     *exec.Cmd
	args    []string
	out     lockedBuffer
	err     lockedBuffer
	watched func()
	began   time.Time
	done    chan struct{}
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// run is one command: what follows the options' values on the command line.
type run struct {
	env    []string // instead of or beside the world's
	stdin  string
	binary string
}

// environment is what rotor gets from whoever starts it: nothing but what it
// needs.
func (w *world) environment() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "VAULT_TOKEN=" + w.vault.token,
		"ROTOR_STATE=" + w.state, "ROTOR_CONFIG=" + w.dir + "/rotor.yaml"}, w.app.environment()...)
}

func (w *world) start(r run, args ...string) *child {
	w.t.Helper()
	if r.binary == "" {
		r.binary = w.binary
	}
	c := &child{w: w, args: args, cmd: exec.Command(r.binary, args...), done: make(chan struct{}), began: time.Now()}
	c.cmd.Dir, c.cmd.Env = w.dir, append(w.environment(), r.env...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(r.stdin), &c.out, &c.err
	// programs that rotor started may hold its pipes after it was killed
	c.cmd.WaitDelay = 100 * time.Millisecond
	if err := c.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	c.watched = w.watch.sample(c.cmd.Process.Pid)
	go func() {
		defer close(c.done)
		_ = c.cmd.Wait() // its state says how it ended
	}()
	return c
}

// kill is kill -9.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

func (c *child) wait() ended {
	c.w.t.Helper()
	select {
	case <-c.done:
	case <-time.After(3 * time.Minute):
		c.kill()
		<-c.done
		c.w.t.Errorf("rotor %s does not end: %s", strings.Join(c.args, " "), c.err.String())
	}
	c.watched()
	if c.args[0] != "recover" && c.args[0] != "audit" {
		c.w.t.Logf("%6.1f s: rotor %s: exit code %d", time.Since(c.began).Seconds(), strings.Join(c.args, " "), c.cmd.ProcessState.ExitCode())
	}
	e := ended{args: c.args, code: c.cmd.ProcessState.ExitCode(), stdout: c.out.String(), stderr: c.err.String()}
	c.w.watch.heard(e)
	return e
}

func (w *world) rotor(args ...string) ended { return w.start(run{}, args...).wait() }

// generation is one as `rotor status` shows it to programs.
type generation struct {
	N     int
	Life  string
	Proof string
}

// generations asks rotor what it knows of a credential's values.
func (w *world) generations(name string) []generation {
	w.t.Helper()
	var out struct {
		Items []struct {
			Generations []generation
		}
	}
	e := w.rotor("status", name, "-o", "json").want(w.t, 0)
	if err := json.Unmarshal([]byte(e.stdout), &out); err != nil || len(out.Items) != 1 {
		w.t.Fatalf("status: %v: rotor %s", err, e)
	}
	return out.Items[0].Generations
}

// over says whether it has ended.
func (c *child) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
