package unit

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/internal/demo/service"
)

// TestMain lets this binary play the unit's program and the client of the socket.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	switch {
	case len(os.Args) > 1 && os.Args[1] == "serve":
		os.Exit(service.ExitCode(service.Run(ctx, os.Getenv, nil)))
	case len(os.Args) > 1 && os.Args[1] == "deaf":
		<-ctx.Done() // never healthy
		os.Exit(0)
	case len(os.Args) > 1 && os.Args[1] == "unit":
		os.Exit(Command(ctx, os.Args[2:], os.Getenv, os.Stderr))
	}
	stop()
	goleak.VerifyTestMain(m)
}

const (
	token1 = "Rt7-unit-token-marker-000001"
	token2 = "Rt7-unit-token-marker-000002"
)

// place is a folder with a .env file and a process that reads it.
type place struct {
	t       *testing.T
	dir     string
	process *Process
	spec    Spec
}

func newPlace(t *testing.T, name string) *place {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	dir, err := os.MkdirTemp("", "rotor-unit-") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: dir, spec: Spec{
		Name: name, Argv: []string{exe, "serve"}, URL: "http://" + address, EnvFile: filepath.Join(dir, ".env"),
		Env: []string{"NAME=" + name, "LISTEN=" + address, "DRAIN=50"}, Log: filepath.Join(dir, name+".log"),
	}}
	p.process = NewProcess(p.spec)
	t.Cleanup(func() {
		p.process.Stop()
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *place) write(token string) {
	p.t.Helper()
	if err := os.WriteFile(p.spec.EnvFile, []byte("# the token\nMACHINE_SECRET_TOKEN='"+token+"'\nOTHER=1\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) works(token string) bool {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.spec.URL+"/work", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := p.process.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == 200
}

func (p *place) confirmed(want bool) {
	p.t.Helper()
	if ok, err := p.process.Confirm(p.t.Context()); err != nil || ok != want {
		p.t.Errorf("confirm: %v, %v; want %v", ok, err, want)
	}
}

func (p *place) deploy() {
	p.t.Helper()
	if err := p.process.Deploy(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

func TestDeployTakesWhatTheFileSays(t *testing.T) {
	p := newPlace(t, "one")
	p.write(token1)
	p.confirmed(false)
	p.deploy()
	p.confirmed(true)
	first := p.process.run.pid
	p.deploy()
	if p.process.run.pid != first {
		t.Error("deployed again although nothing changed")
	}
	p.write(token2)
	p.confirmed(false)
	if !p.works(token1) || p.works(token2) {
		t.Error("a changed file alone changed the instance")
	}
	p.deploy()
	p.confirmed(true)
	if p.works(token1) || !p.works(token2) {
		t.Error("the instance does not run with the new token")
	}
	second := p.process.run.pid
	if err := p.process.Restart(t.Context()); err != nil || p.process.run.pid == second {
		t.Errorf("restart: %v", err)
	}
	if logs, err := os.ReadFile(p.spec.Log); err != nil || strings.Contains(string(logs), "marker") || !strings.Contains(string(logs), "drains") {
		t.Errorf("log: %v\n%s", err, logs)
	}
}

func TestABadValueIsRefused(t *testing.T) {
	p := newPlace(t, "one")
	p.write(token1)
	p.deploy()
	p.write("short")
	err := p.process.Deploy(t.Context())
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != 3 {
		t.Fatalf("deploy: %v", err)
	}
	p.confirmed(false)
	p.write(token1)
	p.deploy()
	if !p.works(token1) {
		t.Error("not back")
	}
}

func TestACrashedInstanceIsNotConfirmed(t *testing.T) {
	p := newPlace(t, "one")
	p.write(token1)
	p.deploy()
	run := p.process.run
	if err := syscall.Kill(run.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-run.done
	p.confirmed(false)
	p.deploy()
	p.confirmed(true)
}

func TestAnUnreadableFileTouchesNothing(t *testing.T) {
	p := newPlace(t, "one")
	p.write(token1)
	p.deploy()
	if err := os.WriteFile(p.spec.EnvFile, []byte("MACHINE_SECRET_TOKEN=\""+token2+"\nhalf a line"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := p.process.Deploy(t.Context())
	if err == nil || strings.Contains(err.Error(), token2) {
		t.Errorf("deploy: %v", err)
	}
	if !p.works(token1) {
		t.Error("the instance was stopped")
	}
}

func TestOverTheSocket(t *testing.T) {
	p := newPlace(t, "one")
	p.write(token1)
	caller := NewReader(p.spec.EnvFile, "MACHINE_SECRET_TOKEN")
	deaf := p.spec
	deaf.Name, deaf.Argv, deaf.Log = "deaf", []string{p.spec.Argv[0], "deaf"}, filepath.Join(p.dir, "deaf.log")
	socket := filepath.Join(p.dir, "s")
	s, err := Serve(socket, map[string]Unit{"one": p.process, "caller": caller, "deaf": NewProcess(deaf)})
	if err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) (int, string) {
		var out strings.Builder
		env := func(name string) string { return map[string]string{"ROTOR_UNIT": "one"}[name] }
		return Command(t.Context(), args, env, &out), strings.TrimSpace(out.String())
	}
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"confirm", socket, "one"}, Failed, "one: not yet"},
		{[]string{"deploy", socket, "one"}, Done, "one: deployed"},
		{[]string{"confirm", socket, "one"}, Done, "one: proven"},
		{[]string{"confirm", socket}, Done, "one: proven"}, // ROTOR_UNIT
		{[]string{"deploy", socket}, Done, "one: deployed"},
		{[]string{"confirm", socket, "caller"}, Failed, "caller: not yet"},
		{[]string{"deploy", socket, "caller"}, Done, "caller: deployed"},
		{[]string{"confirm", socket, "caller"}, Done, "caller: proven"},
		{[]string{"confirm", socket, "../one"}, CannotTell, "../one: no such unit"},
		{[]string{"deploy", socket, "two"}, BadConfig, "two: no such unit"},
		{[]string{"deploy", socket + "x", "one"}, TryAgain, "the demo's supervisor does not answer: is the demo still running?"},
		{[]string{"confirm", socket + "x", "one"}, CannotTell, "the demo's supervisor does not answer: is the demo still running?"},
		{[]string{"destroy", socket, "one"}, BadConfig, "usage: rotor demo unit deploy|confirm SOCKET [NAME]"},
		{nil, BadConfig, "usage: rotor demo unit deploy|confirm SOCKET [NAME]"},
	} {
		if code, text := command(c.args...); code != c.code || text != c.text {
			t.Errorf("%v: exit %d, %q; want %d, %q", c.args, code, text, c.code, c.text)
		}
	}
	if caller.Value() != token1 {
		t.Error("the caller has another token")
	}
	p.write("short")
	if code, text := command("deploy", socket, "one"); code != Failed || text != "one: one does not come up: it ended with status 3" {
		t.Errorf("exit %d, %q", code, text)
	}
	if err := os.WriteFile(p.spec.EnvFile, []byte("half a line"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := command("deploy", socket, "one"); code != BadConfig {
		t.Errorf("an unreadable file: exit %d", code)
	}
	p.write(token1)
	ended := make(chan int)
	go func() { code, _ := command("deploy", socket, "deaf"); ended <- code }()
	waitFor(t, func() bool { _, err := os.Stat(deaf.Log); return err == nil })
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if code := <-ended; code != Failed {
		t.Errorf("a deploy that Stop cut off: exit %d", code)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not happen")
		}
	}
}

// TestTheClientMayDie: the restart goes on when the program that asked for it is
// killed in the middle.
func TestTheClientMayDie(t *testing.T) {
	p := newPlace(t, "one")
	p.spec.Env[2] = "DRAIN=500"
	p.write(token1)
	p.deploy()
	socket := filepath.Join(p.dir, "s")
	s, err := Serve(socket, map[string]Unit{"one": p.process})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	p.write(token2)
	client, err := os.StartProcess(p.spec.Argv[0], []string{p.spec.Argv[0], "unit", "deploy", socket, "one"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !p.process.healthy(t.Context()) }) // it drains
	if err := client.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = client.Wait()
	waitFor(t, func() bool { return p.works(token2) })
}
