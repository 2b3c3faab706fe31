package localserver

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain also is the process that TestOrphan kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ROTOR_ORPHAN_DIR"); dir != "" {
		p, err := StartPostgres(context.Background(), PostgresOptions{Dir: dir, NoFsync: true})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.Pid())
		select {} // until killed
	}
	os.Exit(m.Run())
}

// TestOrphan: a server does not outlive a process that gets SIGKILL.
func TestOrphan(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: the kernel's signal to orphans")
	}
	_, err := postgresBinaries("")
	need(t, err)
	dir, err := os.MkdirTemp("", "rotor-orphan-") // not t.TempDir: see the package comment
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROTOR_ORPHAN_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the server did not start: %s", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	poll, deadline := time.NewTicker(pollEvery), time.After(20*time.Second)
	defer poll.Stop()
	for running(pid) {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("process %d lives on", pid)
		}
	}
}

// running: neither gone nor a zombie, which is what a container without an init makes of
// an orphan that has ended.
func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && syscall.Kill(pid, 0) == nil
}
