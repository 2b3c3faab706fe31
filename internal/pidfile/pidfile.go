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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// Target is what is to be signalled.
type Target struct {
	Path   string         // of the pid file
	Name   string         // of the program, as /proc/PID/comm says; "": any
	Exe    string         // absolute path of the program; "": any. Another user's needs root to be seen
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
	return t.SendTo(p)
}

// SendTo signals a process that Find gave.
func (t Target) SendTo(p *os.Process) error {
	err := p.Signal(t.Signal)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Denied, "no permission to signal process %d", p.Pid).WithHint("run Rotor as the same user or as root")
	}
	return t.gone(p.Pid)
}

func (t Target) gone(pid int) error {
	return fault.New(fault.Transient, "process %d of %s does not run", pid, t.Path).WithHint("start the program; it reads the new value when it starts")
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
	if err != nil || Zombie(p.Pid) {
		return t.gone(p.Pid)
	}
	uid := int(info.Sys().(*syscall.Stat_t).Uid)
	if !slices.Contains([]int{0, os.Geteuid(), uid}, owner) {
		return fault.New(fault.BadConfig, "%s belongs neither to root nor to the user of process %d", t.Path, p.Pid).
			WithHint("whoever writes it chooses whom Rotor signals; look at pid-file")
	}
	if err := t.program(p.Pid); err != nil {
		return err
	}
	return t.catches(p.Pid)
}

// program compares what the process runs.
func (t Target) program(pid int) error {
	if t.Name != "" {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			return t.gone(pid)
		}
		if strings.TrimSpace(string(name)) != t.Name {
			return t.other(pid, t.Name)
		}
	}
	if t.Exe == "" {
		return nil
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if errors.Is(err, fs.ErrPermission) {
		return fault.New(fault.Denied, "no permission to see what process %d runs", pid).
			WithHint("run Rotor as root or as the same user, or do not ask for a program (expect-exe)")
	}
	if err != nil {
		return t.gone(pid)
	}
	exe = strings.TrimSuffix(exe, " (deleted)") // what the kernel adds after an upgrade of the program
	want := t.Exe
	if resolved, err := filepath.EvalSymlinks(want); err == nil {
		want = resolved
	}
	if exe != want && exe != t.Exe {
		return t.other(pid, t.Exe)
	}
	return nil
}

func (t Target) other(pid int, want string) error {
	return fault.New(fault.Transient, "process %d of %s is not %s", pid, t.Path, want).
		WithHint("the pid file is stale, or of another container: its number belongs to another program; start the program again")
}

// catches reads the signal masks. A program that waits for the signal (signalfd,
// sigwait) blocks it.
func (t Target) catches(pid int) error {
	masks, err := readMasks(pid)
	if err != nil {
		return t.gone(pid)
	}
	bit := uint64(1) << (uint(t.Signal) - 1)
	switch {
	case (masks["SigCgt"]|masks["SigBlk"])&bit != 0:
		return nil
	case masks["SigIgn"]&bit != 0:
		return fault.New(fault.BadConfig, "process %d ignores %s", pid, t.word()).
			WithHint("choose the signal on which the program reads its secret again; was it started with nohup?")
	}
	return fault.New(fault.BadConfig, "process %d does not catch %s", pid, t.word()).
		WithHint("it would end it or do nothing; is this the right pid file, and the signal on which the program reads its secret again?")
}

// word is the signal's name: SIGHUP.
func (t Target) word() string {
	for name, s := range Signals {
		if s == t.Signal {
			return "SIG" + name
		}
	}
	return "signal " + strconv.Itoa(int(t.Signal))
}

// Signals are those on which programs read their files again; none ends one that
// expects it.
var Signals = map[string]syscall.Signal{"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	"WINCH": syscall.SIGWINCH, "CONT": syscall.SIGCONT}

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

// Zombie: ended, but its parent has not asked for the exit status yet.
func Zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := strings.LastIndexByte(string(stat), ')')
	return i >= 0 && strings.HasPrefix(string(stat[i+1:]), " Z")
}
