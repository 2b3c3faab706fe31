package proc

import (
	"strings"

	"github.com/agenticverz/rotor/secret"
)

// tail keeps the end of a stream: Limit bytes and slack more, so that a value
// which straddles the cut is dropped with the slack instead of escaping the
// scrubber half. Not safe for concurrent use; os/exec writes from one goroutine.
type tail struct {
	buf   []byte
	slack int
	cut   bool
}

func newTail(slack int) *tail { return &tail{slack: slack} }

func (t *tail) Write(p []byte) (int, error) {
	n, keep := len(p), Limit+t.slack
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*keep {
		t.trim(keep)
	}
	return n, nil
}

func (t *tail) trim(keep int) {
	if len(t.buf) > keep {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-keep:]...)
		t.cut = true
	}
}

// text is the kept end without known values. After a cut it starts at the first
// whole line behind the slack.
func (t *tail) text(s *secret.Scrubber) string {
	t.trim(Limit + t.slack)
	clean := s.Scrub(string(t.buf))
	if !t.cut {
		return clean
	}
	clean = clean[min(t.slack, len(clean)):]
	if _, after, ok := strings.Cut(clean, "\n"); ok {
		return after
	}
	return clean
}
