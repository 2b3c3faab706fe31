package resp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	for text, want := range map[string]any{
		"+OK\r\n":                                "OK",
		"+\r\n":                                  "",
		":-42\r\n":                               int64(-42),
		"$-1\r\n":                                nil,
		"*-1\r\n":                                nil,
		"$0\r\n\r\n":                             "",
		"$4\r\na\r\nb\r\n":                       "a\r\nb",
		"*2\r\n$1\r\nx\r\n*1\r\n:1\r\n":          []any{"x", []any{int64(1)}},
		"-NOPERM no\r\n":                         &Error{"NOPERM", "NOPERM no"},
		"*1\r\n-ERR x\r\n":                       []any{&Error{"ERR", "ERR x"}},
		"*0\r\n":                                 []any{},
		"+" + strings.Repeat("x", 9000) + "\r\n": strings.Repeat("x", 9000),
		"$5000\r\n" + strings.Repeat("y", 5000) + "\r\n": strings.Repeat("y", 5000),
	} {
		got, err := read(bufio.NewReader(strings.NewReader(text)), 0)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.40q: %v, %v", text, got, err)
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, text := range []string{
		"\r\n", "\n", "HTTP/1.1 400 Bad Request\r\n", "+OK\n", ":x\r\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n", "*-2\r\n", "*9999999\r\n",
		"$1\r\nabc\r\n", strings.Repeat("*1\r\n", 20) + ":1\r\n", "%1\r\n", "+" + strings.Repeat("x", 1<<20),
	} {
		if got, err := read(bufio.NewReader(strings.NewReader(text)), 0); !errors.Is(err, ErrNonsense) && !errors.Is(err, io.EOF) {
			t.Errorf("%.40q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "+OK", "$5\r\nab", "*2\r\n:1\r\n"} {
		if got, err := read(bufio.NewReader(strings.NewReader(text)), 0); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%.40q: %v, %v", text, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "*2\r\n$1\r\nx\r\n:1\r\n", "-ERR a b\r\n", "$-1\r\n", "*1\r\n*1\r\n*0\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read(bufio.NewReader(strings.NewReader(text)), 0)
		if err != nil && got != nil {
			t.Errorf("%v together with %v", got, err)
		}
	})
}

// pair is a connection and what stands at its other end.
func pair(t *testing.T, answer string) (*Conn, <-chan string) {
	t.Helper()
	ours, theirs := net.Pipe()
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 4096)
		n, _ := theirs.Read(buf)
		got <- string(buf[:n])
		_, _ = io.WriteString(theirs, answer)
	}()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return New(ours), got
}

func TestDo(t *testing.T) {
	c, got := pair(t, "+PONG\r\n")
	answer, err := c.Do(t.Context(), "AUTH", "a b", "")
	if answer != "PONG" || err != nil {
		t.Errorf("%v, %v", answer, err)
	}
	if sent := <-got; sent != "*3\r\n$4\r\nAUTH\r\n$3\r\na b\r\n$0\r\n\r\n" {
		t.Errorf("sent %q", sent)
	}
}

func TestARefusalShowsItsCodeAlone(t *testing.T) {
	c, _ := pair(t, "-ERR modifier '>canary'\r\n")
	_, err := c.Do(t.Context(), "X")
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Code != "ERR" || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}

func TestAnEndedContextComesBackAndBreaksTheConnection(t *testing.T) {
	c, got := pair(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	if _, err := c.Do(ctx, "PING"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotSent) {
		t.Errorf("cancelled while waiting: %v", err)
	}
	if _, err := c.Do(t.Context(), "PING"); !errors.Is(err, ErrNotSent) {
		t.Errorf("on the broken connection: %v", err)
	}
}

func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	c, got := pair(t, "+OK\r\n")
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := c.Do(ctx, "PING"); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	select {
	case sent := <-got:
		t.Errorf("sent %q", sent)
	default:
	}
}
