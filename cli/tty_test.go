//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a person's end of a pseudo-terminal: it types answers when it sees
// what they answer.
type terminal struct {
	t      *testing.T
	master *os.File
	mu     sync.Mutex
	seen   bytes.Buffer
	grown  chan struct{}
}

func newTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(cmd.Env, "TERM=xterm", "LANG=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	term := &terminal{t: t, master: master, grown: make(chan struct{}, 1)}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		master.Close()
	})
	go term.read()
	return term
}

func (x *terminal) read() {
	defer close(x.grown)
	buf := make([]byte, 4096)
	for {
		n, err := x.master.Read(buf)
		x.mu.Lock()
		x.seen.Write(buf[:n])
		x.mu.Unlock()
		if err != nil { // the other end was closed
			return
		}
		select {
		case x.grown <- struct{}{}:
		default:
		}
	}
}

func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen.String()
}

// expect waits for a text and types an answer.
func (x *terminal) expect(text, answer string) {
	x.t.Helper()
	for !strings.Contains(x.text(), text) {
		if _, open := <-x.grown; !open {
			x.t.Fatalf("ended without %q:\n%s", text, x.text())
		}
	}
	if _, err := x.master.WriteString(answer); err != nil {
		x.t.Fatal(err)
	}
}

// rest waits for the end.
func (x *terminal) rest(cmd *exec.Cmd, code int) string {
	x.t.Helper()
	_ = cmd.Wait()
	for range x.grown {
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d\n%s", got, code, x.text())
	}
	return x.text()
}

const twoAtATerminal = `version: 1
defaults: {owner: Platform, every: quarterly, grace: 48h}
stores:
  dotenv: {type: dotenv, path: .env}
credentials:
  api-token:
    provider: {type: generated}
    targets: [{store: dotenv, key: API_TOKEN}]
  stripe:
    provider: {type: manual, url: "https://dashboard.example.test"}
    targets: [{store: dotenv, key: STRIPE_KEY}]
`

func atTerminal(t *testing.T) *place {
	return newPlace(t, twoAtATerminal, "API_TOKEN=old-value-0123456789\nSTRIPE_KEY=not-a-real-key-from-before\n")
}

func TestAtATerminalThePlanIsShownAndAsked(t *testing.T) {
	p := atTerminal(t)
	cmd := p.rotor("rotate", "api-token")
	x := newTerminal(t, cmd)
	x.expect("Go on? [y/N]", "n\n")
	if seen := x.rest(cmd, 0); !strings.Contains(seen, "Plan: 1 to rotate") || !strings.Contains(seen, "Nothing was done") {
		t.Errorf("%s", seen)
	}
	if p.variable("API_TOKEN") != "old-value-0123456789" {
		t.Error("it was done all the same")
	}
	cmd = p.rotor("rotate", "api-token")
	x = newTerminal(t, cmd)
	x.expect("Go on? [y/N]", "y\n")
	seen := x.rest(cmd, 5)
	for _, want := range []string{"\r\x1b[K", "■ Generate", "■ Monitor", "□ Revoke", "Done:"} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in\n%q", want, seen)
		}
	}
	if strings.Contains(seen, "preflight: ok") {
		t.Error("lines and a bar")
	}
}

func TestAtATerminalAValueIsAskedForAndNotShown(t *testing.T) {
	p := atTerminal(t)
	cmd := p.rotor("rotate", "stripe", "--yes")
	x := newTerminal(t, cmd)
	x.expect("New value of stripe (not shown): ", "not-a-real-key-typed-in\n")
	seen := x.rest(cmd, 5)
	if !strings.Contains(seen, "https://dashboard.example.test") || strings.Contains(seen, "typed-in") {
		t.Errorf("%q", seen)
	}
	if p.variable("STRIPE_KEY") != "not-a-real-key-typed-in" {
		t.Error("not taken")
	}
}

// A wrong paste is refused at once, and asked for again.
func TestAtATerminalAWrongPasteIsAskedForAgain(t *testing.T) {
	p := atTerminal(t)
	cmd := p.rotor("rotate", "stripe", "--yes")
	x := newTerminal(t, cmd)
	x.expect("New value of stripe (not shown): ", "cut\n")
	x.expect("fewer than 8", "not-a-real-key-typed-in\n")
	if seen := x.rest(cmd, 5); strings.Count(seen, "New value of stripe") != 2 {
		t.Errorf("%q", seen)
	}
	if p.variable("STRIPE_KEY") != "not-a-real-key-typed-in" {
		t.Error("not taken")
	}
}

func TestAtATerminalTrustIsAskedFor(t *testing.T) {
	p := atTerminal(t)
	p.env = append(p.env, "ROTOR_CONFIG=")
	cmd := p.rotor("plan")
	x := newTerminal(t, cmd)
	x.expect("Do you trust it? [y/N]", "\n")
	if seen := x.rest(cmd, 3); !strings.Contains(seen, "write   credential stripe -> dotenv:#STRIPE_KEY") {
		t.Errorf("%s", seen)
	}
	cmd = p.rotor("plan")
	x = newTerminal(t, cmd)
	x.expect("Do you trust it? [y/N]", "yes\n")
	x.rest(cmd, 0)
	p.want(0, "plan") // remembered
}

func TestAbandonWantsTheName(t *testing.T) {
	p := atTerminal(t)
	p.want(5, "rotate", "stripe")
	cmd := p.rotor("abandon", "stripe")
	x := newTerminal(t, cmd)
	x.expect("Type stripe to go on: ", "strip\n")
	x.rest(cmd, 1)
	p.want(5, "resume", "stripe")
	cmd = p.rotor("abandon", "stripe")
	x = newTerminal(t, cmd)
	x.expect("Type stripe to go on: ", "stripe\n")
	x.rest(cmd, 0)
}

func TestNobodyIsAsked(t *testing.T) {
	for name, change := range map[string]func(*exec.Cmd){
		"no-input": func(c *exec.Cmd) { c.Args = append(c.Args, "--no-input") },
		"CI":       func(c *exec.Cmd) { c.Env = append(c.Env, "CI=true") },
	} {
		t.Run(name, func(t *testing.T) {
			p := atTerminal(t)
			cmd := p.rotor("rotate", "stripe")
			change(cmd)
			x := newTerminal(t, cmd)
			if seen := x.rest(cmd, 5); strings.Contains(seen, "[y/N]") || strings.Contains(seen, "not shown") {
				t.Errorf("asked:\n%s", seen)
			}
		})
	}
	t.Run("plain", func(t *testing.T) {
		p := atTerminal(t)
		cmd := p.rotor("rotate", "api-token", "--yes")
		cmd.Env = append(cmd.Env, "ACCESSIBLE=1")
		x := newTerminal(t, cmd)
		if seen := x.rest(cmd, 5); strings.Contains(seen, "\x1b[K") || !strings.Contains(seen, "preflight: ") {
			t.Errorf("%q", seen)
		}
	})
}

func TestInterruptedAtAPrompt(t *testing.T) {
	p := atTerminal(t)
	cmd := p.rotor("rotate", "api-token")
	x := newTerminal(t, cmd)
	x.expect("Go on? [y/N]", "\x03")
	x.rest(cmd, 130)
	cmd = p.rotor("rotate", "stripe", "--yes")
	x = newTerminal(t, cmd)
	x.expect("(not shown): ", "\x03")
	if seen := x.rest(cmd, 130); !strings.Contains(seen, "rotor resume stripe") {
		t.Errorf("%s", seen)
	}
	cmd = p.rotor("set", "stripe")
	x = newTerminal(t, cmd)
	x.expect("(not shown): ", "")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	x.rest(cmd, 143)
}
