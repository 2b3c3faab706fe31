// Package pidfile finds the one process that a pid file names, so that it can be
// signalled: never by a name, never a group, never somebody whose number was given
// away meanwhile.
//
// What surprises: the process is opened before it is looked at (a pidfd where the
// kernel has it), and a process that does not catch the signal is refused, because
// the signal would end it. Linux only.
package pidfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// Target is what is to be signalled.
type Target struct {
	Path   string         // of the pid file
	Name   string         // of the program, as /proc/PID/comm says
	Signal syscall.Signal // what it must catch
}

// Find opens the process; the caller releases it.
func (t Target) Find() (*os.Process, error) {
	pid, owner, err := t.read()
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, t.gone(pid)
	}
	if err := t.examine(p, owner); err != nil {
		_ = p.Release()
		return nil, err
	}
	return p, nil
}

// Send finds the process and signals it.
func (t Target) Send() error {
	p, err := t.Find()
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	err = p.Signal(t.Signal)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Denied, "no permission to signal process %d", p.Pid).WithHint("run Rotor as the same user or as root")
	}
	return t.gone(p.Pid)
}

func (t Target) gone(pid int) error {
	return fault.New(fault.Transient, "process %d of %s does not run", pid, t.Path).WithHint("start the program")
}

// read gives the process id, and who wrote it.
func (t Target) read() (pid, owner int, err error) {
	f, err := os.OpenFile(t.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, 0, fault.New(fault.Transient, "%s does not exist", t.Path).WithHint("is the program running? does it write this pid file?")
	case errors.Is(err, fs.ErrPermission):
		return 0, 0, fault.New(fault.Denied, "no permission to read %s", t.Path).WithHint("let Rotor's user read it")
	case err != nil:
		return 0, 0, fault.New(fault.BadConfig, "%s cannot be opened", t.Path).WithHint("look at pid-file")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0, 0, fault.New(fault.BadConfig, "%s is not a file", t.Path).WithHint("look at pid-file")
	}
	if info.Mode()&0o022 != 0 {
		return 0, 0, fault.New(fault.BadConfig, "%s can be written by its group or by others", t.Path).
			WithHint("chmod go-w: whoever writes it chooses whom Rotor signals")
	}
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	text, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return 0, 0, fault.New(fault.Transient, "%s cannot be read", t.Path)
	}
	pid, err = parse(text)
	return pid, owner, fault.Wrap(fault.KindOf(err), t.Path, err)
}

// parse takes the first line. Zero, one and negative numbers mean whole groups of
// processes, or init: never.
func parse(text []byte) (int, error) {
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
func (t Target) examine(p *os.Process, owner int) error {
	if p.Pid == os.Getpid() {
		return fault.New(fault.BadConfig, "%s names Rotor itself", t.Path).WithHint("look at pid-file")
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", p.Pid))
	if err != nil || zombie(p.Pid) {
		return t.gone(p.Pid)
	}
	uid := int(info.Sys().(*syscall.Stat_t).Uid)
	if !slices.Contains([]int{0, os.Geteuid(), uid}, owner) {
		return fault.New(fault.BadConfig, "%s belongs neither to root nor to the user of process %d", t.Path, p.Pid).
			WithHint("whoever writes it chooses whom Rotor signals; look at pid-file")
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.Pid))
	if err != nil {
		return t.gone(p.Pid)
	}
	if strings.TrimSpace(string(name)) != t.Name {
		return fault.New(fault.Transient, "process %d of %s is not %s", p.Pid, t.Path, t.Name).
			WithHint("the pid file is stale, or of another container: its number belongs to another program; start the program again")
	}
	return t.catches(p.Pid)
}

// catches reads the signal masks. A program that waits for the signal (signalfd,
// sigwait) blocks it.
func (t Target) catches(pid int) error {
	masks, err := readMasks(pid)
	if err != nil {
		return t.gone(pid)
	}
	bit := uint64(1) << (uint(t.Signal) - 1)
	if (masks["SigCgt"]|masks["SigBlk"])&bit != 0 {
		return nil
	}
	return fault.New(fault.BadConfig, "process %d does not catch the signal", pid).
		WithHint("it would end it or do nothing; is this the right pid file?")
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
