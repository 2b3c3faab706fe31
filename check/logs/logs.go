// Package logs is the check that counts log lines: "401", "password
// authentication failed".
//
// What surprises: a silent log is zero only if it could be read to its end. A
// container that is gone, a file that is missing and lines without a time are
// unknown, not zero.
package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/agenticverz/rotor/check"
	"github.com/agenticverz/rotor/fault"
)

// lineLimit is how much of a line is looked at.
const lineLimit = 64 << 10

// Measure implements check.Check: it counts the lines of the window that match.
// Value is that count, or for a window longer than Options.Per the count for that
// time: so samples of windows of different length can be compared. Shorter
// windows are not scaled up, one line in ten seconds is one line.
func (t *T) Measure(ctx context.Context, w check.Window) (check.Sample, error) {
	if w.To.IsZero() || !w.To.After(w.From) {
		return check.Sample{}, fault.New(fault.BadConfig, "log check: an empty window")
	}
	if err := ctx.Err(); err != nil {
		return check.Sample{}, fault.Wrap(fault.Transient, "log check", err)
	}
	r, err := t.source(ctx, w.From)
	if err != nil {
		return check.Sample{}, fault.Wrap(fault.KindOf(err), "log check: "+t.what(), err)
	}
	defer r.Close()
	n, err := t.count(ctx, r, w)
	if err != nil {
		return check.Sample{}, fault.Wrap(fault.KindOf(err), "log check: "+t.what(), err)
	}
	length := w.To.Sub(w.From)
	value := float64(n)
	if length > t.o.Per {
		value *= float64(t.o.Per) / float64(length)
	}
	lines := "lines"
	if n == 1 {
		lines = "line"
	}
	return check.Sample{Known: true, Value: value, Detail: fmt.Sprintf("%d %s in %s", n, lines, length.Round(time.Second))}, nil
}

func (t *T) what() string {
	if t.o.Consumer != "" {
		return "consumer " + t.o.Consumer
	}
	return t.o.File
}

// count reads r to its end. A line without a time belongs to the line before it
// (a stack trace); before any time it counts if the source itself keeps to the
// window's beginning.
func (t *T) count(ctx context.Context, r io.Reader, w check.Window) (int, error) {
	lines := bufio.NewReaderSize(r, lineLimit)
	inside, stamped, seen, n := t.o.File == "", false, 0, 0
	for {
		line, err := nextLine(lines)
		if len(line) > 0 {
			seen++
			if when, ok := stamp(line, w.To); ok {
				stamped = true
				inside = !when.Before(w.From) && when.Before(w.To)
			}
			if inside && t.match.Match(line) {
				n++
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if t.o.File != "" && seen > 0 && !stamped {
				return 0, fault.New(fault.BadConfig, "no line of the file begins with a time").
					WithHint("let the program write RFC 3339 times, or use the log of a consumer")
			}
			return n, nil
		case err != nil:
			return 0, unreadable(ctx, err)
		case seen%1024 == 0 && ctx.Err() != nil:
			return 0, unreadable(ctx, ctx.Err())
		}
	}
}

// unreadable keeps a kind that the source gave, else says transient: nothing was
// changed by reading.
func unreadable(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fault.Wrap(fault.Transient, "read", err)
}

// nextLine gives the first lineLimit bytes of a line; the rest of a longer one is
// skipped.
func nextLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	head := append([]byte(nil), line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return head, err
}

// Judge implements check.Check.
func (t *T) Judge(base, now check.Sample) check.Result {
	if !now.Known || math.IsNaN(now.Value) || math.IsInf(now.Value, 0) {
		return check.Result{Verdict: check.Unknown, Reason: "the log could not be read"}
	}
	before := 0.0
	reason := now.Detail
	if base.Known {
		before = base.Value
		reason += ", before the change " + base.Detail
	}
	if now.Value-before > t.o.MaxOverBaseline {
		return check.Result{Verdict: check.Fail, Reason: fmt.Sprintf("%s: more than %g over the baseline", reason, t.o.MaxOverBaseline)}
	}
	return check.Result{Verdict: check.Pass, Reason: reason}
}
