package compose

import (
	"context"
	"io"
	"time"

	"github.com/agenticverz/rotor/internal/proc"
)

// Logs reads the log lines of containers since a time, one container after the
// other, each line beginning with its RFC 3339 time. The caller closes it. The
// read ends with io.EOF only if every log could be read to its end.
func (p *Project) Logs(ctx context.Context, containers []Container, since time.Time) (io.ReadCloser, error) {
	path, err := p.look()
	if err != nil {
		return nil, err
	}
	l := &logs{}
	for _, c := range containers {
		l.open = append(l.open, func() (io.ReadCloser, error) {
			return proc.Stream(ctx, proc.Command{Path: path, Dir: p.o.Dir,
				Args: []string{"logs", "--timestamps", "--since", since.UTC().Format(time.RFC3339Nano), c.ID}})
		})
	}
	return l, nil
}

// logs reads its sources in turn; each is opened when the one before has ended.
type logs struct {
	open    []func() (io.ReadCloser, error)
	current io.ReadCloser
}

func (l *logs) Read(p []byte) (int, error) {
	for {
		if l.current == nil {
			if len(l.open) == 0 {
				return 0, io.EOF
			}
			next, err := l.open[0]()
			if err != nil {
				return 0, err
			}
			l.open, l.current = l.open[1:], next
		}
		n, err := l.current.Read(p)
		if err == io.EOF {
			_ = l.current.Close()
			l.current, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (l *logs) Close() error {
	l.open = nil
	if l.current == nil {
		return nil
	}
	current := l.current
	l.current = nil
	return current.Close()
}
