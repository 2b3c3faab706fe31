package signal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/consumer/consumertest"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/pidfile"
	"github.com/agenticverz/rotor/secret"
)

// TestMain lets this binary play the process that is signalled.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "daemon" {
		daemon(os.Args[2], os.Args[3])
		return
	}
	os.Exit(m.Run())
}

// daemon reads dir/key at the start and on SIGHUP, and says in dir/runs what it
// runs with. A bad key ends it.
func daemon(how, dir string) {
	hup := make(chan os.Signal, 1)
	switch how {
	case "deaf":
		signal.Ignore(syscall.SIGHUP)
	default:
		signal.Notify(hup, syscall.SIGHUP)
	}
	for {
		key, _ := os.ReadFile(filepath.Join(dir, "key"))
		tmp := filepath.Join(dir, "runs.tmp")
		_ = os.WriteFile(tmp, key, 0o600)
		_ = os.Rename(tmp, filepath.Join(dir, "runs"))
		fmt.Println("ready")
		if strings.HasPrefix(string(key), "bad") {
			os.Exit(3)
		}
		<-hup
	}
}

const (
	oldKey = "old-key-9Yc2Lq7TnB4wXe"
	newKey = "new-key-5Rk8Vd3HsJ6mZa"
	badKey = "bad-key-1Pf4Gu0CtQ2yNo"
)

func keys(text string) secret.Set { return secret.Set{"API_KEY": secret.New(text)} }

type plant struct {
	dir string
	cmd *exec.Cmd
	out *bufio.Reader
}

// start runs the daemon with the old key and waits until it has read it.
func start(t testing.TB, how string) *plant {
	t.Helper()
	p := &plant{dir: t.TempDir()}
	if err := p.publish(keys(oldKey)); err != nil {
		t.Fatal(err)
	}
	confirm := fmt.Sprintf("#!/bin/sh\ncmp -s %[1]s/key %[1]s/runs && kill -0 $(cat %[1]s/pid) || exit 1\n", p.dir)
	if err := os.WriteFile(filepath.Join(p.dir, "confirm"), []byte(confirm), 0o700); err != nil {
		t.Fatal(err)
	}
	p.run(t, how)
	return p
}

func (p *plant) run(t testing.TB, how string) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0], "daemon", how, p.dir)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := p.cmd
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p.out = bufio.NewReader(out)
	if _, err := p.out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.pid(t, strconv.Itoa(p.cmd.Process.Pid))
}

func (p *plant) pid(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "pid"), []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *plant) publish(set secret.Set) error {
	return os.WriteFile(filepath.Join(p.dir, "key"), []byte(set["API_KEY"].Reveal()), 0o600)
}

func (p *plant) options() Options {
	return Options{PIDFile: filepath.Join(p.dir, "pid"), Wait: 300 * time.Millisecond, Timeout: 20 * time.Second,
		Confirm: []string{filepath.Join(p.dir, "confirm")}}
}

func (p *plant) running(string) (secret.Set, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "runs"))
	return keys(string(text)), err
}

func (p *plant) witness() (string, error) {
	runs, err := p.running("")
	return fmt.Sprint(p.cmd.Process.Pid, pidfile.Zombie(p.cmd.Process.Pid), runs["API_KEY"].Reveal()), err
}

func TestExam(t *testing.T) {
	consumertest.Run(t, func(t testing.TB) consumertest.World {
		p := start(t, "good")
		return consumertest.World{
			Open:   func() (consumer.Consumer, error) { return New(p.options(), "") },
			Before: keys(oldKey), After: keys(newKey), Publish: p.publish, Running: p.running, Witness: p.witness,
			Break: func() error { return os.Remove(filepath.Join(p.dir, "pid")) },
		}
	})
}

func TestExamWithoutConfirm(t *testing.T) {
	consumertest.Run(t, func(t testing.TB) consumertest.World {
		p := start(t, "good")
		o := p.options()
		o.Confirm = nil
		return consumertest.World{
			Open:   func() (consumer.Consumer, error) { return New(o, "") },
			Before: keys(oldKey), After: keys(newKey), Publish: p.publish, Running: p.running, Witness: p.witness, Blind: true,
			Break: func() error { _ = p.cmd.Process.Kill(); return waitDead(p.cmd.Process.Pid) },
		}
	})
}

func waitDead(pid int) error {
	for range 1000 {
		if pidfile.Zombie(pid) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("process %d lives on", pid)
}

// Ends on the new value: rejected. The value is put back, the program started
// again by its supervisor, and a signal brings no harm.
func TestAValueThatEndsTheProcessIsRejected(t *testing.T) {
	p := start(t, "good")
	c, err := New(p.options(), "")
	if err != nil {
		t.Fatal(err)
	}
	_ = p.publish(keys(badKey))
	ch := consumer.Change{Values: keys(badKey), Old: keys(oldKey)}
	if err := c.Deploy(t.Context(), unit, ch); err == nil || fault.KindOf(err) != fault.Rejected {
		t.Fatalf("%v", err)
	}
	_ = p.publish(keys(oldKey))
	p.run(t, "good")
	if err := c.Deploy(t.Context(), unit, consumer.Change{Values: keys(oldKey), Old: keys(badKey)}); err != nil {
		t.Error(err)
	}
}
