package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
)

func TestCheckProgram(t *testing.T) {
	write := func(dir, name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/true\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sub := func(mode os.FileMode) string {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	link := func(dir, target string) string {
		path := filepath.Join(dir, "link")
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write(sub(0o755), "good", 0o755)
	bad := map[string]string{
		"relative":                 "hook",
		"missing":                  filepath.Join(t.TempDir(), "none"),
		"directory":                t.TempDir(),
		"not executable":           write(sub(0o755), "x", 0o644),
		"group may write":          write(sub(0o755), "x", 0o775),
		"others may write":         write(sub(0o755), "x", 0o757),
		"directory of others":      write(sub(0o777), "x", 0o755),
		"directory of the group":   write(sub(0o775), "x", 0o755),
		"link to a bad one":        link(sub(0o755), write(sub(0o755), "x", 0o775)),
		"link that can be swapped": link(sub(0o777), good),
	}
	if os.Geteuid() == 0 {
		path := write(sub(0o755), "x", 0o755)
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		bad["owned by somebody else"] = path
	}
	for name, path := range bad {
		err := CheckProgram(path)
		if fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, path := range map[string]string{"good": good, "sticky": write(sub(0o777|os.ModeSticky), "x", 0o755), "link": link(sub(0o755), good)} {
		if err := CheckProgram(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The rule holds at each run, not only when the configuration is read.
func TestHookIsExaminedBeforeEachRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 4\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := NewHook("deploy", []string{path}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := h.Run(t.Context(), nil); err != nil || res.Code != 4 {
		t.Fatalf("%d %v", res.Code, err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Run(t.Context(), nil); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
		t.Errorf("a program that others can write was run: %v", err)
	}
}

func TestNewHookRefuses(t *testing.T) {
	for name, argv := range map[string][]string{"nothing": nil, "empty": {""}, "relative": {"bin/x"}, "shell line": {"echo hi"}, "nul": {"/bin/x", "a\x00b"}} {
		if _, err := NewHook("deploy", argv, 0); fault.KindOf(err) != fault.BadConfig || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewHook("deploy", []string{"/bin/x"}, -time.Second); err == nil {
		t.Error("a negative timeout passed")
	}
}

func TestMayName(t *testing.T) {
	for name, want := range map[string]bool{"API_KEY": true, "DATABASE_URL": true, "_x1": true, "PATH": false, "HOME": false, "LD_PRELOAD": false,
		"DOCKER_HOST": false, "DOCKER_AUTH_CONFIG": false, "COMPOSE_FILE": false, "api-key": false, "1X": false, "": false, "A=B": false, "BASH_ENV": false} {
		if MayName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

// TestSpeak: what the program reads and what it answers, both raw.
func TestSpeak(t *testing.T) {
	path := filepath.Join(t.TempDir(), "speaker")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nread word\necho \"$1 $word\"\necho noise >&2\nexit 4\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := NewHook("program", []string{path, "heard:"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	// more than a pipe holds, which the program does not read
	code, err := h.Speak(t.Context(), strings.NewReader(marker+"\n"+strings.Repeat("x", 1<<20)), &out)
	if err != nil || code != 4 || out.String() != "heard: "+marker+"\n" {
		t.Errorf("%d, %v, %q", code, err, out.String())
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Speak(t.Context(), nil, &out); fault.KindOf(err) != fault.BadConfig {
		t.Errorf("a program that others can write was run: %v", err)
	}
}
