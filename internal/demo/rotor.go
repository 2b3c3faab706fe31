package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const exitDone = 0 // of rotor

// rotor runs the program as a user would and shows what it prints. Its exit code
// is no error; what it means depends on the act.
func (d *demo) rotor(ctx context.Context, input string, args ...string) (int, error) {
	c, err := d.startRotor(ctx, input, args...)
	if err != nil {
		return 0, err
	}
	return c.wait()
}

// child is a running rotor.
type child struct {
	cmd  *exec.Cmd
	read chan struct{} // closed when all it printed has been read
}

func (d *demo) startRotor(ctx context.Context, input string, args ...string) (*child, error) {
	shown := "rotor " + strings.Join(args, " ")
	if input != "" {
		shown = "printf %s \"$VALUE\" | " + shown
	}
	d.story.command(shown)
	cmd := exec.CommandContext(ctx, d.Rotor, append([]string{"--config", "rotor.yaml", "--state", "state"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = d.dir, cleanEnv(), strings.NewReader(input)
	// Ctrl-C in a terminal is for us; we tell rotor
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run rotor: %w", err)
	}
	c := &child{cmd: cmd, read: make(chan struct{})}
	go func() {
		defer close(c.read)
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20)
		last := ""
		for lines.Scan() {
			d.values.heard(lines.Text())
			if lines.Text() != last { // a wait in several parts
				d.story.printed(lines.Text())
			}
			last = lines.Text()
		}
		_, _ = io.Copy(io.Discard, r) // after a line too long
	}()
	return c, nil
}

func (c *child) wait() (int, error) {
	err := c.cmd.Wait()
	_ = c.cmd.Stdout.(io.Closer).Close() // ends the reader
	<-c.read
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run rotor: %w", err)
	}
	return c.cmd.ProcessState.ExitCode(), nil
}

// kill is kill -9.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

// cleanEnv is our environment without settings for rotor, which would lead it to
// somebody's real state.
func cleanEnv() []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "ROTOR_") && !strings.HasPrefix(entry, "CREDENTIALS_DIRECTORY=") {
			env = append(env, entry)
		}
	}
	return env
}
