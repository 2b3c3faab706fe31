package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// stopped says whether a process was stopped by SIGSTOP.
func stopped(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(rest, "T")
}

// TestStopAndSecondWorker: a worker that hangs in the middle keeps its
// credential; a second one is told who has it, and does nothing.
func TestStopAndSecondWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plan{light: true, short: true})
	for _, at := range []string{ // before an effect, and between it and its receipt
		"before append outcome:generate", "after append outcome:verify", "before append outcome:deploy",
	} {
		t.Run(strings.ReplaceAll(at, " ", "_"), func(t *testing.T) {
			_, version := w.vault.get("database")
			before := len(w.generations("database"))
			first := w.stops([]string{"ROTOR_TEST_STOP_AT=" + at}, "rotate", "database", "--yes", "--wait")
			pid := first.cmd.Process.Pid
			eventually(t, "the first worker stops", func() bool { return stopped(pid) })
			state, roles, running := w.vault.state(), w.db.all(t), w.app.identity()
			for _, args := range [][]string{{"rotate", "database", "--yes"}, {"resume", "database"}} {
				w.rotor(args...).want(t, 6).says(t, fmt.Sprint(pid))
			}
			if w.vault.state() != state || w.db.all(t) != roles || w.app.identity() != running {
				t.Error("the second worker changed something")
			}
			if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			first.wait().want(t, 0)
			w.settled()
			if now := len(w.generations("database")); now != max(before, 1)+1 {
				t.Errorf("there were %d generations and there are %d", before, now)
			}
			if _, now := w.vault.get("database"); now != version+1 {
				t.Errorf("the store was at version %d and is at %d", version, now)
			}
		})
	}
	w.calm()
}
