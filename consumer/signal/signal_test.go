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
	return fmt.Sprint(p.cmd.Process.Pid, zombie(p.cmd.Process.Pid), runs["API_KEY"].Reveal()), err
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
		if zombie(pid) {
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

func TestRefusesWhatIsNotTheProcess(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, p *plant, o *Options)
		want    fault.Kind
	}{
		"no file":          {func(t *testing.T, p *plant, o *Options) { o.PIDFile += "x" }, fault.Transient},
		"empty":            {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "") }, fault.Transient},
		"text":             {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "nginx") }, fault.BadConfig},
		"init":             {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "1") }, fault.BadConfig},
		"our group":        {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "0") }, fault.BadConfig},
		"everybody":        {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "-1") }, fault.BadConfig},
		"ourselves":        {func(t *testing.T, p *plant, _ *Options) { p.pid(t, strconv.Itoa(os.Getpid())) }, fault.BadConfig},
		"nobody":           {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "2147483646") }, fault.Transient},
		"too large":        {func(t *testing.T, p *plant, _ *Options) { p.pid(t, "4294967298") }, fault.BadConfig},
		"folder":           {func(t *testing.T, p *plant, o *Options) { o.PIDFile = p.dir }, fault.BadConfig},
		"others can write": {func(t *testing.T, p *plant, o *Options) { chmod(t, o.PIDFile, 0o666) }, fault.BadConfig},
		"other program":    {func(t *testing.T, p *plant, o *Options) { o.ExpectExe = "/usr/sbin/nginx" }, fault.Transient},
		"not caught":       {func(t *testing.T, p *plant, o *Options) { o.Signal = "USR2"; sleeper(t, p) }, fault.BadConfig},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "good")
			o := p.options()
			tc.prepare(t, p, &o)
			c, err := New(o, "")
			if err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{"Preflight": c.Preflight(t.Context()), "Deploy": c.Deploy(t.Context(), unit, consumer.Change{Values: keys(newKey)})} {
				if err == nil || fault.KindOf(err) != tc.want || fault.HintOf(err) == "" {
					t.Errorf("%s: %v (%v), hint %q", what, err, fault.KindOf(err), fault.HintOf(err))
				}
			}
			if zombie(p.cmd.Process.Pid) {
				t.Error("the process was ended")
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// sleeper is a program that catches nothing.
func sleeper(t *testing.T, p *plant) {
	t.Helper()
	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("needs sleep")
	}
	cmd := exec.Command(path, "3600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p.pid(t, strconv.Itoa(cmd.Process.Pid))
}

// A process that ignores the signal would be confirmed by nobody.
func TestADeafProcessIsNotSignalled(t *testing.T) {
	p := start(t, "deaf")
	c, err := New(p.options(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Preflight(t.Context()); fault.KindOf(err) != fault.BadConfig || !strings.Contains(err.Error(), "ignores SIGHUP") {
		t.Errorf("%v", err)
	}
}

func TestExpectedProgramIsAccepted(t *testing.T) {
	p := start(t, "good")
	o := p.options()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(p.dir, "link")
	if err := os.Symlink(exe, link); err != nil {
		t.Fatal(err)
	}
	for _, o.ExpectExe = range []string{exe, link} {
		c, err := New(o, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Preflight(t.Context()); err != nil {
			t.Errorf("%s: %v", o.ExpectExe, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no file":          {},
		"nul":              {PIDFile: "/run/\x00"},
		"KILL":             {PIDFile: "/run/x", Signal: "KILL"},
		"TERM":             {PIDFile: "/run/x", Signal: "SIGTERM"},
		"number":           {PIDFile: "/run/x", Signal: "1"},
		"relative exe":     {PIDFile: "/run/x", ExpectExe: "nginx"},
		"negative":         {PIDFile: "/run/x", Wait: -1},
		"relative confirm": {PIDFile: "/run/x", Confirm: []string{"ok.sh"}},
	} {
		if _, err := New(o, "/"); err == nil || fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := Type().New(&Options{PIDFile: "x.pid", Signal: "SIGUSR1"}, consumer.Context{Dir: "/srv"})
	if err != nil || c.(*T).o.PIDFile != "/srv/x.pid" || c.(*T).signal != syscall.SIGUSR1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzParsePID(f *testing.F) {
	for _, s := range []string{"77\n", " 77 \n/var/lib/x\n", "0", "-1", "+7", "1", "", "99999999999", "7x", "0x7"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		pid, err := parsePID(text)
		if (err == nil) != (pid > 1) {
			t.Errorf("%q: %d, %v", text, pid, err)
		}
	})
}
