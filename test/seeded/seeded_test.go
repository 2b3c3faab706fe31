// Package seeded tests the tests: every safety rule is broken on purpose, one at
// a time, and some test must fail.
package seeded

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// bugs lists each seeded bug with the package whose tests must catch it. What
// each one breaks is written where it is called: seeded.Bug("NAME").
var bugs = map[string]string{
	"find-then-revoke":          "test/sim",
	"act-after-takeover":        "test/sim",
	"act-before-intent":         "test/sim",
	"rollback-to-dead":          "test/sim",
	"no-wait-for-late-requests": "test/sim",
	"revoke-without-evidence":   "test/sim",
	"one-look-is-silence":       "test/sim",
	"trust-old-memory":          "test/sim",
	"revoke-by-slot":            "test/sim",
	"regenerate-on-timeout":     "test/sim",
	"mint-again":                "test/sim",
	"unknown-is-ours":           "test/sim",
	"saw-off-the-branch":        "test/sim",
	"late-is-ours":              "test/sim",
	"alone-in-the-account":      "test/sim",
	"journal-before-list":       "test/sim",
	"any-value-is-gone":         "test/sim",
	"full-is-refused":           "test/sim",
	"once-is-enough":            "test/sim",
	"forget-sweep":              "test/sim",
	"back-to-the-dying":         "test/sim",
	"prove-before-its-time":     "test/sim",
	"trust-2xx":                 "test/sim",
	"trust-the-restart":         "test/sim",
	"trust-wall-clock":          "test/sim",
	"error-is-proof":            "test/sim",
	"blind-is-pass":             "test/sim",
	"restore-whole-path":        "test/sim",
	"retire-the-current":        "test/sim",
	"hold-for-ever":             "test/sim",
	"late-write":                "journal/memory",
	"forget-cas":                "store/memory",
	"skip-fsync":                "journal/sqlite",
}

func TestEveryBugIsCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("seeded bugs: not in -short")
	}
	dir := t.TempDir()
	built := map[string]string{}
	caught, proven := 0, map[string]bool{}
	for bug, pkg := range bugs {
		if built[pkg] == "" {
			built[pkg] = build(t, dir, pkg)
		}
		begun := time.Now()
		out, survived := try(t, built[pkg], pkg, bug, "")
		witness := firstFailure(out)
		if survived || witness == "" {
			t.Errorf("%s: no test of %s noticed\n%s", bug, pkg, out)
			continue
		}
		if !proven[pkg+witness] {
			if out, passes := try(t, built[pkg], pkg, "", witness); !passes {
				t.Fatalf("%s of %s fails without any bug, so it proves nothing\n%s", witness, pkg, out)
			}
			proven[pkg+witness] = true
		}
		t.Logf("%-26s caught by %s of %s in %s", bug, witness, pkg, time.Since(begun).Round(time.Second))
		caught++
	}
	t.Logf("seeded bugs caught: %d of %d", caught, len(bugs))
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// firstFailure is the name of the test that noticed, "" for a program that ended in
// another way.
func firstFailure(out string) string {
	if m := failedTest.FindStringSubmatch(out); m != nil {
		return m[1]
	}
	return ""
}

// build compiles a package's tests once with all bugs built in, none switched on.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	program := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	out, err := exec.Command("go", "test", "-c", "-tags", "seededbugs", "-o", program, "../../"+pkg).CombinedOutput()
	if err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return program
}

// try runs the tests with one bug switched on: all that are quick, or the one named.
func try(t *testing.T, program, pkg, bug, test string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args := []string{"-test.failfast", "-test.skip", "TestDoubleKill|TestSwarm|TestKill|TestFullDisk|Compare|Flip"}
	if test != "" {
		args = append(args, "-test.run", "^"+test+"$")
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join("..", "..", pkg)
	cmd.Env = append(os.Environ(), "ROTOR_SEEDED_BUG="+bug)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: the tests of %s did not end", bug, pkg)
	}
	return string(out), err == nil
}
