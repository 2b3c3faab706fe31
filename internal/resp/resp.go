// Package resp speaks RESP2, the protocol of Redis and Valkey, on one connection:
// one command, one answer.
//
// What surprises: nothing is ever sent that was not asked for. No greeting, no
// repeated login, no retry, no client name: a refused login is counted once in the
// server's ACL LOG, and a lost answer is reported, not repaired.
package resp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Error is an answer that begins with "-". It prints as its code alone, because the
// text repeats arguments; Text is for recognising, not for showing.
type Error struct {
	Code string // "WRONGPASS", "NOPERM", "ERR"
	Text string
}

func (e *Error) Error() string { return "the server answers " + e.Code }

var (
	// ErrNotSent: not one byte of the command has left.
	ErrNotSent = errors.New("nothing was sent")
	// ErrNonsense: the answer is not RESP2; the connection cannot be used any more.
	ErrNonsense = errors.New("the answer is not that of a Redis server")
)

// The largest answers that are read: a list of all clients has about 300 bytes each.
const (
	maxBulk  = 64 << 20
	maxItems = 1 << 20
	maxDepth = 8
	maxLine  = 64 << 10
)

// Conn is one connection. It is not safe for concurrent use.
type Conn struct {
	net    net.Conn
	in     *bufio.Reader
	broken error
}

// New takes over a connection, with TLS around it if there is any.
func New(c net.Conn) *Conn { return &Conn{net: c, in: bufio.NewReader(c)} }

// Close hangs up.
func (c *Conn) Close() error { return c.net.Close() }

// LocalAddr is our own end of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.net.LocalAddr() }

// Do sends a command and waits for its answer: a string, an int64, nil, or a []any of
// these (an *Error may stand in it). A *Error as error is the server's answer, and the
// connection goes on; after any other error it is broken.
func (c *Conn) Do(ctx context.Context, args ...string) (any, error) {
	if err := errors.Join(c.broken, ctx.Err()); err != nil {
		return nil, errors.Join(ErrNotSent, err)
	}
	deadline, _ := ctx.Deadline() // the zero time is none
	_ = c.net.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if n, err := io.WriteString(c.net, encode(args)); err != nil {
		if n == 0 {
			err = errors.Join(ErrNotSent, err)
		}
		return nil, c.fail(ctx, err)
	}
	answer, err := read(c.in, 0)
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	if refusal, ok := answer.(*Error); ok {
		return nil, refusal
	}
	return answer, nil
}

// fail remembers why the connection is broken; an ended context comes first.
func (c *Conn) fail(ctx context.Context, err error) error {
	c.broken = errors.Join(ctx.Err(), err)
	return c.broken
}

func encode(args []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// read parses one answer.
func read(in *bufio.Reader, depth int) (any, error) {
	line, err := readLine(in)
	if err != nil {
		return nil, err
	}
	switch line[0] {
	case '+':
		return line[1:], nil
	case '-':
		code, _, _ := strings.Cut(line[1:], " ")
		return &Error{Code: code, Text: line[1:]}, nil
	case ':':
		n, err := strconv.ParseInt(line[1:], 10, 64)
		if err != nil {
			return nil, ErrNonsense
		}
		return n, nil
	case '$':
		return readBulk(in, line[1:])
	case '*':
		return readArray(in, line[1:], depth)
	}
	return nil, ErrNonsense
}

// readLine gives a line of one byte at least, without its end.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if len(line) > maxLine {
			return "", ErrNonsense
		}
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok || text == "" {
		return "", ErrNonsense
	}
	return text, nil
}

func readBulk(in *bufio.Reader, size string) (any, error) {
	n, err := strconv.Atoi(size)
	switch {
	case err != nil || n < -1 || n > maxBulk:
		return nil, ErrNonsense
	case n == -1:
		return nil, nil
	}
	// read in parts: a stranger who claims 64 MB must also send them
	var b strings.Builder
	if _, err := io.CopyN(&b, in, int64(n)+2); err != nil {
		return nil, err
	}
	text, ok := strings.CutSuffix(b.String(), "\r\n")
	if !ok {
		return nil, ErrNonsense
	}
	return text, nil
}

func readArray(in *bufio.Reader, size string, depth int) (any, error) {
	n, err := strconv.Atoi(size)
	switch {
	case err != nil || n < -1 || n > maxItems || depth >= maxDepth:
		return nil, ErrNonsense
	case n == -1:
		return nil, nil
	}
	out := make([]any, 0, min(n, 1024))
	for range n {
		item, err := read(in, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}
