package signal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// find opens the process and looks whether it is the right one. The process is
// opened before it is looked at (a pidfd where the kernel has it): should it end
// and its number be given away meanwhile, the signal goes nowhere.
func (t *T) find() (*os.Process, error) {
	pid, owner, err := t.readPID()
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, t.notRunning(pid)
	}
	if err := t.examine(p, owner); err != nil {
		_ = p.Release()
		return nil, err
	}
	return p, nil
}

// readPID reads the file, and who owns it.
func (t *T) readPID() (pid, owner int, err error) {
	f, err := os.OpenFile(t.o.PIDFile, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, 0, fault.New(fault.Transient, "signal: %s does not exist", t.o.PIDFile).
			WithHint("is the program running? does it write this pid file?")
	case errors.Is(err, fs.ErrPermission):
		return 0, 0, fault.New(fault.Denied, "signal: no permission to read %s", t.o.PIDFile).WithHint("let Rotor's user read it")
	case err != nil:
		return 0, 0, fault.New(fault.BadConfig, "signal: %s cannot be opened", t.o.PIDFile).WithHint("look at pid-file")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, 0, bad("%s is not a file", "look at pid-file", t.o.PIDFile)
	}
	if info.Mode()&0o022 != 0 {
		return 0, 0, bad("%s can be written by its group or by others", "chmod go-w: whoever writes it chooses whom Rotor signals", t.o.PIDFile)
	}
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return 0, 0, fault.New(fault.Transient, "signal: %s cannot be read", t.o.PIDFile)
	}
	if pid, err = parsePID(text); err != nil {
		return 0, 0, fault.Wrap(fault.KindOf(err), "signal: "+t.o.PIDFile, err)
	}
	return pid, owner, nil
}

// parsePID takes the first line (postmaster.pid has more). Zero, one and
// negative numbers mean whole groups of processes, or init: never.
func parsePID(text []byte) (int, error) {
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return 0, fault.New(fault.Transient, "the pid file is empty").WithHint("the program may be starting")
	}
	pid, err := strconv.ParseInt(line, 10, 32)
	if err != nil || pid <= 1 || line[0] == '+' {
		return 0, fault.New(fault.BadConfig, "the pid file holds no process id").WithHint("look at pid-file")
	}
	return int(pid), nil
}

// examine: alive, the pid file's owner may speak for it, the right program, and
// the signal is caught.
func (t *T) examine(p *os.Process, owner int) error {
	if p.Pid == os.Getpid() {
		return bad("%s names Rotor itself", "look at pid-file", t.o.PIDFile)
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", p.Pid))
	if err != nil || zombie(p.Pid) {
		return t.notRunning(p.Pid)
	}
	uid := int(info.Sys().(*syscall.Stat_t).Uid)
	if !slices.Contains([]int{0, os.Geteuid(), uid}, owner) {
		return bad("%s belongs neither to root nor to the user of process %d", "whoever writes it chooses whom Rotor signals; look at pid-file", t.o.PIDFile, p.Pid)
	}
	if err := t.program(p.Pid); err != nil {
		return err
	}
	return t.catches(p.Pid)
}

// program compares what the process runs. After an upgrade of the program the
// kernel adds " (deleted)" to the old one's path.
func (t *T) program(pid int) error {
	if t.o.ExpectExe == "" {
		return nil
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.Denied, "signal: no permission to see what process %d runs", pid).WithHint("run Rotor as root or as the same user, or leave out expect-exe")
	}
	if err != nil {
		return t.notRunning(pid)
	}
	exe = strings.TrimSuffix(exe, " (deleted)")
	want := t.o.ExpectExe
	if resolved, err := filepath.EvalSymlinks(want); err == nil {
		want = resolved
	}
	if exe != want && exe != t.o.ExpectExe {
		return fault.New(fault.Transient, "signal: process %d of %s is not %s", pid, t.o.PIDFile, t.o.ExpectExe).
			WithHint("the pid file is stale: its number was given to another program; start the program again")
	}
	return nil
}

// catches reads the signal masks. A program that waits for the signal (signalfd,
// sigwait) blocks it.
func (t *T) catches(pid int) error {
	masks, err := readMasks(pid)
	if err != nil {
		return t.notRunning(pid)
	}
	bit := uint64(1) << (uint(t.signal) - 1)
	switch {
	case (masks["SigCgt"]|masks["SigBlk"])&bit != 0:
		return nil
	case masks["SigIgn"]&bit != 0:
		return bad("process %d ignores SIG%s", "choose the signal on which the program reads its secret again; was it started with nohup?", pid, strings.TrimPrefix(t.o.Signal, "SIG"))
	}
	return bad("process %d does not catch SIG%s", "the signal would end it or do nothing; choose the one on which the program reads its secret again", pid, strings.TrimPrefix(t.o.Signal, "SIG"))
}

func readMasks(pid int) (map[string]uint64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	masks := map[string]uint64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err == nil && strings.HasPrefix(name, "Sig") {
			masks[name] = n
		}
	}
	if len(masks) == 0 {
		return nil, fs.ErrNotExist
	}
	return masks, nil
}

// zombie: ended, but its parent has not asked for the exit status yet.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := strings.LastIndexByte(string(stat), ')')
	return i >= 0 && strings.HasPrefix(string(stat[i+1:]), " Z")
}
