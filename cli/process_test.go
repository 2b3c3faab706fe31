//go:build linux

package cli_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// place is a folder with a rotor.yaml, a .env and a state of its own.
type place struct {
	t   *testing.T
	dir string
	env []string
}

func newPlace(t *testing.T, config, dotenv string) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir()}
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "ROTOR_STATE=" + filepath.Join(p.dir, "state"),
		"ROTOR_CONFIG=" + filepath.Join(p.dir, "rotor.yaml")}
	p.write("rotor.yaml", config, 0o644)
	p.write(".env", dotenv, 0o600)
	return p
}

func (p *place) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// rotor is the program, ready to start; testscript put it on the path.
func (p *place) rotor(args ...string) *exec.Cmd {
	cmd := exec.Command("rotor", args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

type result struct {
	code     int
	out, err string
}

func (p *place) run(cmd *exec.Cmd) result {
	p.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

func (p *place) want(code int, args ...string) result {
	p.t.Helper()
	r := p.run(p.rotor(args...))
	if r.code != code {
		p.t.Fatalf("rotor %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r
}

// variable reads one variable of the .env.
func (p *place) variable(name string) string {
	p.t.Helper()
	for line := range strings.Lines(p.read(".env")) {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(v)
		}
	}
	p.t.Fatalf("no %s in .env", name)
	return ""
}

const oneToken = `version: 1
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  api-token:
    owner: Platform
    every: quarterly
    grace: %s
    provider: {type: generated}
    targets: [{store: dotenv, key: API_TOKEN}]
`

// until reads lines up to one that contains text, and goes on reading so that
// the writer never blocks.
func until(t *testing.T, r io.Reader, text string) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return
		}
	}
	t.Fatalf("ended without %q: %v", text, lines.Err())
}

// TestKilledAnywhere kills a rotation after each of its events, in turn, and
// resumes: one value, in the store and current.
func TestKilledAnywhere(t *testing.T) {
	for n := range 12 {
		t.Run(fmt.Sprint("event ", n+1), func(t *testing.T) {
			p := newPlace(t, fmt.Sprintf(oneToken, "48h"), "API_TOKEN=old-value-0123456789\n")
			cmd := p.rotor("rotate", "api-token", "--progress", "json")
			errs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(errs)
			for i := 0; i <= n && lines.Scan(); i++ {
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			r := p.run(p.rotor("resume"))
			if r.code != 5 && r.code != 0 {
				t.Fatalf("resume: %d\n%s", r.code, r.err)
			}
			p.want(0, "recover", "api-token", "--out", "value")
			if now := p.variable("API_TOKEN"); now != p.read("value") || now == "old-value-0123456789" {
				t.Error("the store does not hold the current value")
			}
			if st := p.want(0, "status", "api-token", "-o", "json"); !strings.Contains(st.out, `"generation": 1,`) {
				t.Errorf("not generation 1:\n%s", st.out)
			}
			p.want(0, "audit", "verify")
		})
	}
}

// TestOneWorker: while another process holds the credential, be it stopped, a
// second one says so, exits 6 and does nothing.
func TestOneWorker(t *testing.T) {
	p := newPlace(t, fmt.Sprintf(oneToken, "45s"), "API_TOKEN=old-value-0123456789\n")
	first := p.rotor("rotate", "api-token")
	errs, err := first.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = first.Process.Kill()
		_ = first.Wait()
	})
	until(t, errs, "grace: waiting") // it sits through a wait under a minute, with the lock
	signal := func(s syscall.Signal) {
		if err := first.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	before := p.variable("API_TOKEN")
	signal(syscall.SIGSTOP)
	r := p.want(6, "rotate", "api-token")
	if want := fmt.Sprintf("process %d", first.Process.Pid); !strings.Contains(r.err, want) {
		t.Errorf("%q does not name %s", r.err, want)
	}
	p.want(0, "status") // looking needs no lock
	signal(syscall.SIGCONT)
	p.want(6, "resume", "api-token")
	if p.variable("API_TOKEN") != before {
		t.Error("the second worker changed the value")
	}
	signal(syscall.SIGINT)
	if err := first.Wait(); first.ProcessState.ExitCode() != 130 {
		t.Errorf("interrupted: %v", err)
	}
	if r = p.want(0, "status", "api-token", "-o", "json"); !strings.Contains(r.out, `"generation": 1,`) || p.variable("API_TOKEN") != before {
		t.Errorf("a second rotation:\n%s", r.out)
	}
}

// TestAReadOnlyEnv runs as somebody who may not write the .env.
func TestAReadOnlyEnv(t *testing.T) {
	p := newPlace(t, fmt.Sprintf(oneToken, "0s"), "API_TOKEN=old-value-0123456789\n")
	cmd := p.rotor("rotate", "api-token")
	for _, name := range []string{"rotor.yaml", ".env"} {
		if err := os.Chmod(filepath.Join(p.dir, name), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 { // root writes anything: become nobody
		state := t.TempDir()
		for d := state; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for d := p.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		exe := filepath.Join(p.dir, "rotor")
		body, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(exe, body, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(state, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(state, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Err = exe, nil
		cmd.Env = append(cmd.Env, "ROTOR_STATE="+state)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	} else if err := os.Chmod(p.dir, 0o555); err != nil {
		t.Fatal(err)
	}
	r := p.run(cmd)
	_ = os.Chmod(p.dir, 0o755)
	if r.code != 4 || !strings.Contains(r.err, "nothing changed") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	if p.variable("API_TOKEN") != "old-value-0123456789" {
		t.Error("it was changed")
	}
}
