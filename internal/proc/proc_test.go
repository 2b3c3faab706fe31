package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
)

// TestMain lets this binary play the child: "child WORD ...".
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(child0(os.Args[2], os.Args[3:]))
	}
	killAfter = 300 * time.Millisecond
	os.Exit(m.Run())
}

func child0(word string, args []string) int {
	switch word {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "environ":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "argv":
		line, _ := os.ReadFile("/proc/self/cmdline")
		fmt.Printf("%q", line)
	case "print": // KEY: the variable's text, then many lines
		fmt.Println("first", os.Getenv("API_KEY"))
		fmt.Fprintln(os.Stderr, "failed with", os.Getenv("API_KEY"))
	case "flood": // a long line, the value again and again
		for range 40_000 {
			fmt.Print(os.Getenv("API_KEY"), ".")
		}
	case "hang":
		if len(args) > 0 && args[0] == "deaf" {
			signal.Ignore(syscall.SIGTERM)
		}
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "polite": // ends with 0 when it is told to end
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		_ = os.WriteFile(args[0], []byte("up"), 0o600)
		<-stop
	case "parent": // starts a child that outlives it unless the group is ended
		c := exec.Command(os.Args[0], "child", "hang", args[1])
		_ = c.Start()
		_ = os.WriteFile(args[0], []byte(strconv.Itoa(c.Process.Pid)), 0o600)
		_ = c.Wait()
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	}
	return 0
}

func self(t *testing.T, args ...string) Command {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{Path: path, Args: append([]string{"child"}, args...), Timeout: 20 * time.Second}
}

const marker = "Rt7-proc-marker/value+1"

func TestRunReportsTheExitStatus(t *testing.T) {
	for _, code := range []int{0, 1, 3, 255} {
		res, err := Run(t.Context(), self(t, "exit", strconv.Itoa(code)))
		if err != nil || res.Code != code {
			t.Errorf("exit %d: got %d, %v", code, res.Code, err)
		}
	}
}

func TestRunGivesACleanEnvironment(t *testing.T) {
	for name, value := range map[string]string{"VAULT_TOKEN": marker, "ROTOR_TOKEN": marker, "AWS_SECRET_ACCESS_KEY": marker,
		"DOCKER_AUTH_CONFIG": marker, "DOCKER_HOST": "unix:///run/x.sock", "COMPOSE_PROJECT_NAME": "p", "LANG": "C.UTF-8"} {
		t.Setenv(name, value)
	}
	c := self(t, "environ")
	c.Env = secret.Set{"GIVEN": secret.Public("yes")}
	res, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(res.Stdout, marker) {
		t.Error("a secret of ours reached the child")
	}
	for _, want := range []string{"GIVEN=yes", "DOCKER_HOST=unix:///run/x.sock", "COMPOSE_PROJECT_NAME=p", "LANG=C.UTF-8", "PATH="} {
		if !strings.Contains(res.Stdout, want) {
			t.Errorf("the child lacks %s", want)
		}
	}
}

func TestRunKeepsValuesOutOfArgvAndOutput(t *testing.T) {
	env := secret.Set{"API_KEY": secret.New(marker)}
	c := self(t, "print")
	c.Env = env
	res, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if res.Stdout != "first [redacted]\n" || res.Stderr != "failed with [redacted]\n" {
		t.Errorf("output not scrubbed: %q %q", res.Stdout, res.Stderr)
	}
	c = self(t, "argv")
	c.Env = env
	if res, err = Run(t.Context(), c); err != nil || !strings.Contains(res.Stdout, "child") || strings.Contains(res.Stdout, marker) {
		t.Errorf("argv %s, %v", res.Stdout, err)
	}
}

func TestOutputIsBoundedAndCutCleanly(t *testing.T) {
	c := self(t, "flood")
	c.Env = secret.Set{"API_KEY": secret.New(marker)}
	res, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Stdout) == 0 || len(res.Stdout) > Limit {
		t.Errorf("kept %d bytes", len(res.Stdout))
	}
	if rest := strings.Trim(strings.ReplaceAll(res.Stdout, "[redacted]", ""), "."); len(rest) > len("redacted]") {
		t.Errorf("a piece of the value survived the cut: %d bytes", len(rest))
	}
}

func TestTailDropsAHalfValue(t *testing.T) {
	v := secret.New(marker)
	for shift := range 2 * len(marker) {
		out := newTail(6 * v.Len())
		_, _ = io.WriteString(out, strings.Repeat("-", 100+shift)+marker+strings.Repeat("-", Limit+6*v.Len()-len(marker)+shift/2))
		text := out.text(secret.NewScrubber(v))
		for i := range len(marker) - 6 {
			if strings.Contains(text, marker[i:i+6]) {
				t.Fatalf("shift %d: six bytes of the value survived", shift)
			}
		}
	}
}

func TestDeadlineEndsTheWholeGroup(t *testing.T) {
	for _, how := range []string{"polite", "deaf"} {
		file := filepath.Join(t.TempDir(), "pid")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			waitFor(t, func() bool { return readPID(file) > 0 })
			cancel(errors.New("told to stop"))
		}()
		_, err := Run(ctx, self(t, "parent", file, how))
		if fault.KindOf(err) != fault.Unknown || !strings.Contains(err.Error(), "told to stop") {
			t.Errorf("%s: %v", how, err)
		}
		waitFor(t, func() bool { return gone(readPID(file)) })
	}
}

// A program that answers SIGTERM with exit status 0 was interrupted all the same.
func TestAnInterruptedProgramIsNotDone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "up")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		waitFor(t, func() bool { _, err := os.Stat(file); return err == nil })
		cancel()
	}()
	if _, err := Run(ctx, self(t, "polite", file)); fault.KindOf(err) != fault.Unknown || err == nil {
		t.Errorf("got %v", err)
	}
}

func TestRunErrorsHaveTheirKind(t *testing.T) {
	script := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(script, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		ctx  context.Context
		c    Command
		want fault.Kind
	}{
		"relative":   {t.Context(), Command{Path: "true"}, fault.BadConfig},
		"missing":    {t.Context(), Command{Path: "/does/not/exist"}, fault.BadConfig},
		"no program": {t.Context(), Command{Path: script}, fault.BadConfig},
		"signal":     {t.Context(), self(t, "signal"), fault.Unknown},
		"cancelled":  {done, self(t, "exit", "0"), fault.Transient},
		"nul":        {t.Context(), Command{Path: "/bin/true", Env: secret.Set{"A": secret.New("x\x00" + marker)}}, fault.BadConfig},
		"preload":    {t.Context(), Command{Path: "/bin/true", Env: secret.Set{"LD_PRELOAD": secret.New("x")}}, fault.BadConfig},
		"path":       {t.Context(), Command{Path: "/bin/true", Env: secret.Set{"PATH": secret.New("x")}}, fault.BadConfig},
	} {
		_, err := Run(tc.ctx, tc.c)
		if err == nil || fault.KindOf(err) != tc.want {
			t.Errorf("%s: %v (%v), want %v", name, err, fault.KindOf(err), tc.want)
		} else if strings.Contains(err.Error(), marker) {
			t.Errorf("%s: the error holds the value", name)
		}
	}
}

func TestStreamTellsASilentLogFromAnUnreadableOne(t *testing.T) {
	for code, want := range map[string]bool{"0": true, "2": false} {
		r, err := Stream(t.Context(), self(t, "exit", code))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if len(text) != 0 || (err == nil) != want {
			t.Errorf("exit %s: %q, %v", code, text, err)
		}
		_ = r.Close()
	}
}

func TestStreamCloseEndsTheProgram(t *testing.T) {
	r, err := Stream(t.Context(), self(t, "hang"))
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 6)
	if _, err := io.ReadFull(r, line); err != nil || string(line) != "ready\n" {
		t.Fatalf("%q %v", line, err)
	}
	closed := make(chan struct{})
	go func() { defer close(closed); _ = r.Close() }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close does not return")
	}
}

func readPID(file string) int {
	text, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(string(text))
	return pid
}

// gone also counts a zombie: the orphan's new parent may not reap it.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z")
}

func waitFor(t *testing.T, done func() bool) {
	deadline := time.Now().Add(15 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Error("waited in vain")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
