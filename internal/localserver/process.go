package localserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second
	pollEvery    = 20 * time.Millisecond
)

// command describes a server process. logPath receives its standard output and error.
type command struct {
	path    string
	args    []string
	env     []string
	dir     string
	logPath string
	runAs   *account       // nil: as ourselves
	stop    syscall.Signal // asks it to end, quickly and in good order
	orphan  syscall.Signal // what the kernel sends it when we die (Linux)
	grace   time.Duration  // how long stop may take before it is killed; 0: 10 s
}

// process is a running child. done is closed once it has ended and been reaped.
type process struct {
	command
	pid  int
	done chan struct{}
}

// start runs the command. The goroutine it leaves behind ends with the child.
//
// The goroutine keeps its operating system thread to itself for the child's whole life,
// because Linux sends the "parent died" signal when the THREAD that forked ends: without
// the lock a thread that Go happens to retire would take the server with it.
func start(c command) (*process, error) {
	log, err := os.OpenFile(c.logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(c.path, c.args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env, c.dir, log, log
	cmd.SysProcAttr = childAttr(c.runAs, c.orphan)
	p := &process{command: c, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.path, err)
	}
	return p, nil
}

// errExited: the server ended by itself while we waited for it to become ready.
var errExited = errors.New("the server ended by itself")

// waitReady calls probe until it succeeds, the process ends, or the time is up. The
// error carries the end of the log.
func (p *process) waitReady(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		last := probe(ctx)
		if last == nil {
			return p.alive()
		}
		select {
		case <-p.done:
			return p.alive()
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w (last try: %v)%s", p.path, ctx.Err(), last, p.logTail())
		case <-tick.C:
		}
	}
}

// alive guards against a stranger on our port that answered in place of our dead child.
func (p *process) alive() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w%s", p.path, errExited, p.logTail())
	default:
		return nil
	}
}

// logTail is the end of the server's log, indented, for an error message.
func (p *process) logTail() string {
	text, err := os.ReadFile(p.logPath)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-5):]
	return "; its log ends with:\n\t" + strings.Join(lines, "\n\t")
}

// end stops the process and waits until it is gone: first politely, then with SIGKILL.
func (p *process) end() error {
	proc, err := os.FindProcess(p.pid)
	if err != nil {
		return nil // already reaped
	}
	grace := p.grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	for _, signal := range []os.Signal{p.stop, os.Kill} {
		select {
		case <-p.done: // never signal a reaped pid: it may be somebody else's by now
			return nil
		default:
		}
		_ = proc.Signal(signal) // fails only for a process that is just ending
		select {
		case <-p.done:
			return nil
		case <-time.After(grace):
		}
	}
	return fmt.Errorf("%s (pid %d) does not end", p.path, p.pid)
}

// server is what all servers have in common: a process and its directory.
type server struct {
	proc *process // nil: the server is not ours
	room *room
	once sync.Once
	err  error
}

// Pid is the process id of the server's main process, 0 if the server is not ours.
func (s *server) Pid() int {
	if s.proc == nil {
		return 0
	}
	return s.proc.pid
}

// LogPath is the file with everything the server prints; "" if the server is not ours.
func (s *server) LogPath() string {
	if s.proc == nil {
		return ""
	}
	return s.proc.logPath
}

// Stop ends the server, waits until it is gone, and removes its directory unless the
// caller named one. It may be called again.
func (s *server) Stop() error {
	s.once.Do(func() {
		if s.proc != nil {
			s.err = s.proc.end()
		}
		s.err = errors.Join(s.err, s.room.remove())
	})
	return s.err
}
