package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/audit"
	"github.com/agenticverz/rotor/journal/journaltest"
	"github.com/agenticverz/rotor/journal/sqlite"
	"github.com/agenticverz/rotor/rotation"
)

// children are what this binary does when a test starts it again.
var children = map[string]func(dir string){"append": appendForEver}

func child() bool {
	run := children[os.Getenv("ROTOR_TEST_CHILD")]
	if run != nil {
		run(os.Getenv("ROTOR_TEST_DIR"))
	}
	return run != nil
}

func startChild(t *testing.T, what, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "ROTOR_TEST_CHILD="+what, "ROTOR_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

const childWorkers = 8

// appendForEver prints a line for each append that was acknowledged.
func appendForEver(dir string) {
	ctx := context.Background()
	j, err := sqlite.Open(ctx, sqlite.Options{Dir: dir, MAC: journaltest.MAC})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var all sync.WaitGroup
	for w := range childWorkers {
		all.Go(func() {
			id := fmt.Sprintf("r%d", w)
			f, err := j.Take(ctx, "c"+id)
			for err == nil {
				var events []rotation.Event
				if _, events, err = j.Load(ctx, id); err != nil {
					break
				}
				n := len(events) + 1
				e := rotation.Event{At: benchNow, Type: rotation.Intent, Note: fmt.Sprint(n),
					Sealed: []rotation.Sealed{{Generation: n, Slot: "values", Blob: []byte(id)}}}
				if err = j.Append(ctx, id, f, e); err == nil {
					fmt.Println("ack", id, n) // one write: whole lines
				}
			}
			fmt.Println("error", err)
		})
	}
	all.Wait()
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := open(t, dir)
	for w := range childWorkers {
		id := fmt.Sprintf("r%d", w)
		if _, err := j.Create(t.Context(), benchRecord(id, "c"+id)); err != nil {
			t.Fatal(err)
		}
	}
	_ = j.Close()
	acknowledged := map[string]int{}
	for round := range 6 {
		cmd, lines := startChild(t, "append", dir)
		for heard := 0; heard < 40+37*round && lines.Scan(); heard++ {
			hear(t, lines.Text(), acknowledged)
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it still said before it died
			hear(t, lines.Text(), acknowledged)
		}
		_ = cmd.Wait()
		checkAcknowledged(t, dir, acknowledged)
	}
	if len(acknowledged) != childWorkers {
		t.Errorf("only %d workers were heard", len(acknowledged))
	}
}

func hear(t *testing.T, said string, acknowledged map[string]int) {
	t.Helper()
	var id string
	var n int
	if strings.HasPrefix(said, "error") {
		t.Fatal(said)
	}
	if _, err := fmt.Sscanf(said, "ack %s %d", &id, &n); err == nil && n > acknowledged[id] {
		acknowledged[id] = n
	}
}

func checkAcknowledged(t *testing.T, dir string, acknowledged map[string]int) {
	t.Helper()
	j := open(t, dir)
	defer func() { _ = j.Close() }()
	if err := j.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for w := range childWorkers {
		id := fmt.Sprintf("r%d", w)
		_, events, err := j.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) < acknowledged[id] || len(events) > acknowledged[id]+1 {
			t.Errorf("%s has %d events, %d were acknowledged", id, len(events), acknowledged[id])
		}
		for i := range events {
			if blob, err := j.Sealed(t.Context(), "c"+id, i+1, "values"); err != nil || string(blob) != id {
				t.Errorf("%s: sealed value of event %d: %q %v", id, i+1, blob, err)
			}
		}
		total += len(events)
	}
	head, err := audit.Verify(journaltest.MAC, j.Audit(t.Context(), 1))
	if err != nil || head.Seq != int64(total+childWorkers) {
		t.Errorf("the chain ends at %d, want %d, %v", head.Seq, total+childWorkers, err)
	}
}
