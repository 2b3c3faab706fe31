// Package seeded tests the tests: every safety rule is broken on purpose, one at
// a time, and some test must fail.
package seeded

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bugs lists each seeded bug with the test that must catch it. What each one breaks is
// written where it is called: seeded.Bug("NAME"). Other tests may notice it too.
var bugs = map[string]witness{
	"find-then-revoke":          {"test/sim", "TestOlderState"},
	"act-after-takeover":        {"test/sim", "TestEverySingleFault"},
	"act-before-intent":         {"test/sim", "TestAcceptedDriftInTheSameSlot"},
	"rollback-to-dead":          {"test/sim", "TestNoWayBackToWhatIsGone"},
	"no-wait-for-late-requests": {"test/sim", "TestLateRequest"},
	"revoke-without-evidence":   {"test/sim", "TestBoundBelievesTheWallClock"},
	"one-look-is-silence":       {"test/sim", "TestOneLookIsNoSilence"},
	"trust-old-memory":          {"test/sim", "TestAnotherProcessRotatedMeanwhile"},
	"revoke-by-slot":            {"test/sim", "TestSlotTakenMeanwhile"},
	"regenerate-on-timeout":     {"test/sim", "TestNobodyStandsStillForAnAnswerThatIsLost"},
	"mint-again":                {"test/sim", "TestHiddenValueIsResetAgain"},
	"unknown-is-ours":           {"test/sim", "TestConsumers"},
	"saw-off-the-branch":        {"test/sim", "TestRotorsOwnKey"},
	"late-is-ours":              {"test/sim", "TestAStrangerInTheGrace"},
	"alone-in-the-account":      {"test/sim", "TestASweepBesideAnotherCredential"},
	"journal-before-list":       {"test/sim", "TestAnAnswerDuringASweep"},
	"end-what-others-use":       {"test/sim", "TestTwoCredentialsWithOneValue"},
	"gone-with-the-rollback":    {"test/sim", "TestARollbackLeavesTimeToo"},
	"back-for-a-sweep":          {"test/sim", "TestASweepThatFails"},
	"whatever-is-shown":         {"test/sim", "TestALostRequestWithoutEffectIsNoNewValue"},
	"any-value-is-gone":         {"test/sim", "TestTheValueIsOfAnotherAccount"},
	"full-is-refused":           {"test/sim", "TestEverySingleFault"},
	"once-is-enough":            {"test/sim", "TestEverySingleFault"},
	"forget-sweep":              {"test/sim", "TestRefusedAfterACrash"},
	"back-to-the-dying":         {"test/sim", "TestConsumers"},
	"prove-before-its-time":     {"test/sim", "TestTheOldOneEndsByATimer"},
	"trust-2xx":                 {"test/sim", "TestRollbackDuringGrace"},
	"trust-the-restart":         {"test/sim", "TestConsumers"},
	"trust-wall-clock":          {"test/sim", "TestEverySingleFault"},
	"error-is-proof":            {"test/sim", "TestDeathNeedsProof"},
	"blind-is-pass":             {"test/sim", "TestBlindCheck"},
	"restore-whole-path":        {"test/sim", "TestRollbackDuringGrace"},
	"retire-the-current":        {"test/sim", "TestRollbackDuringGrace"},
	"hold-for-ever":             {"test/sim", "TestNobodyStandsStillForAnAnswerThatIsLost"},
	"late-write":                {"journal/memory", "TestExam"},
	"forget-cas":                {"store/memory", "TestExam"},
	"skip-fsync":                {"journal/sqlite", "TestCommitsWaitForTheDisk"},
}

type witness struct{ pkg, test string }

func TestEveryBugIsCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("seeded bugs: not in -short")
	}
	dir := t.TempDir()
	built, sound := map[string]string{}, map[witness]bool{}
	caught := 0
	for bug, w := range bugs {
		if built[w.pkg] == "" {
			built[w.pkg] = build(t, dir, w.pkg)
		}
		if !sound[w] {
			if out, passes := try(t, built[w.pkg], w, ""); !passes || !strings.Contains(out, "--- PASS: "+w.test) {
				t.Fatalf("%s of %s fails without any bug, or is not there, so it proves nothing\n%s", w.test, w.pkg, out)
			}
			sound[w] = true
		}
		if out, survived := try(t, built[w.pkg], w, bug); survived {
			t.Errorf("%s: %s of %s does not notice\n%s", bug, w.test, w.pkg, out)
			continue
		}
		t.Logf("%-26s caught by %s of %s", bug, w.test, w.pkg)
		caught++
	}
	t.Logf("seeded bugs caught: %d of %d", caught, len(bugs))
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

// try runs the test with one bug switched on, or none.
func try(t *testing.T, program string, w witness, bug string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.failfast", "-test.v", "-test.run", "^"+w.test+"$")
	cmd.Dir = filepath.Join("..", "..", w.pkg)
	cmd.Env = append(os.Environ(), "ROTOR_SEEDED_BUG="+bug)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s: %s of %s does not end", bug, w.test, w.pkg)
	}
	return string(out), err == nil
}
