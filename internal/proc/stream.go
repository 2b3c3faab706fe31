package proc

import (
	"context"
	"io"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
)

// Stream starts the program and gives both its output streams, mixed, raw and
// unbounded, as they come. Reading ends with io.EOF only if the program ended
// with status 0; any other end is an error, so that a log which could not be
// read is not taken for a silent one. Close ends the program if it still runs.
func Stream(ctx context.Context, c Command) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	ch, err := c.build(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	r, w := io.Pipe()
	// the same writer for both: os/exec then writes from one goroutine
	ch.cmd.Stdout, ch.cmd.Stderr = w, w
	if err := ch.cmd.Start(); err != nil {
		cancel()
		return nil, c.startError(ctx, err)
	}
	s := &stream{PipeReader: r, cancel: cancel, done: make(chan struct{})}
	go s.wait(ctx, ch, filepath.Base(c.Path), w)
	return s, nil
}

type stream struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   chan struct{}
}

// wait ends with the child, which ends by itself or by Close.
func (s *stream) wait(ctx context.Context, ch *child, name string, w *io.PipeWriter) {
	defer close(s.done)
	defer s.cancel()
	code, err := ch.wait(ctx, name)
	if err == nil && code != 0 {
		err = fault.New(fault.Unknown, "run %s: exit status %d", name, code)
	}
	_ = w.CloseWithError(err) // nil: io.EOF
}

// Close ends the program and waits for its end.
func (s *stream) Close() error {
	_ = s.PipeReader.Close()
	s.cancel()
	<-s.done
	return nil
}
