package signal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/consumer"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/pidfile"
)

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
			if pidfile.Zombie(p.cmd.Process.Pid) {
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
	if err != nil || c.(*T).o.PIDFile != "/srv/x.pid" || c.(*T).target.Signal != syscall.SIGUSR1 {
		t.Errorf("%+v, %v", c, err)
	}
}
