package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/agenticverz/rotor/fault"
)

// mayAsk says whether a person sits there to answer.
func (s *shell) mayAsk() bool {
	return s.inTTY && s.errTTY && !s.noInput && os.Getenv("CI") == ""
}

// confirm asks for a yes; the answer is no unless it is y or yes.
func (s *shell) confirm(ctx context.Context, question string) (bool, error) {
	line, err := s.ask(ctx, question+" [y/N] ")
	return oneOf(strings.ToLower(strings.TrimSpace(line)), "y", "yes"), err
}

// typed asks for a name to be typed, for what cannot be taken back.
func (s *shell) typed(ctx context.Context, warning, name string) (bool, error) {
	line, err := s.ask(ctx, warning+"\nType "+name+" to go on: ")
	return strings.TrimSpace(line) == name, err
}

// ask reads one line; a signal ends the wait for it.
func (s *shell) ask(ctx context.Context, prompt string) (string, error) {
	in, ok := s.in.(*bufio.Reader)
	if !ok {
		in = bufio.NewReader(s.in)
		s.in = in
	}
	s.tell("%s", prompt)
	line, err := interruptible(ctx, func() (string, error) { return in.ReadString('\n') })
	if errors.Is(err, io.EOF) {
		s.tell("\n")
		err = nil
	}
	return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), err
}

// askHidden reads one line that is not shown. The terminal is silent before the
// prompt appears: whoever pastes early is not shown either.
func (s *shell) askHidden(ctx context.Context, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fault.Wrap(fault.BadConfig, "the terminal", err)
	}
	defer func() { _ = term.Restore(fd, before) }()
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, s.err}, "")
	text, err := interruptible(ctx, func() (string, error) { return screen.ReadPassword(prompt) })
	if errors.Is(err, io.EOF) { // Ctrl-C and Ctrl-D: the terminal made no signal of it
		err = context.Canceled
	}
	return text, err
}

// interruptible gives up waiting for a read when ctx ends; the read itself cannot
// be ended, and the program is about to.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
