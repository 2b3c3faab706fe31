//go:build rotorkill && linux

package app

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/agenticverz/rotor/journal"
	"github.com/agenticverz/rotor/rotation"
)

// hooked lets the end-to-end tests kill or stop this process right before and
// right after each durable write: every moment between an effect and its
// receipt is one of them. ROTOR_TEST_KILL_AT kills it, ROTOR_TEST_STOP_AT stops
// it (SIGSTOP) at the point of that number (from 1), or at the first one that
// begins with that text; ROTOR_TEST_POINTS=FILE receives one line for each point
// that was reached.
func hooked(j journal.Journal) journal.Journal {
	return &knife{Journal: j, kill: os.Getenv("ROTOR_TEST_KILL_AT"), stop: os.Getenv("ROTOR_TEST_STOP_AT"), trace: os.Getenv("ROTOR_TEST_POINTS")}
}

type knife struct {
	journal.Journal
	kill, stop, trace string

	mu sync.Mutex
	n  int
}

func (k *knife) is(at, words string) bool {
	return at != "" && (at == strconv.Itoa(k.n) || strings.HasPrefix(words, at))
}

// point counts; the line is written before the end.
func (k *knife) point(words string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.n++
	if k.trace != "" {
		if f, err := os.OpenFile(k.trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			_, _ = fmt.Fprintf(f, "%d %s\n", k.n, words)
			_ = f.Close()
		}
	}
	switch {
	case k.is(k.kill, words):
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		select {}
	case k.is(k.stop, words):
		k.stop = "" // once
		// to this thread: sent to the process, another one might take it, and this
		// one would go on a little
		runtime.LockOSThread()
		_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
		runtime.UnlockOSThread()
	}
}

func words(events []rotation.Event) string {
	text := ""
	for _, e := range events {
		text += fmt.Sprintf(" %s:%s:%s", e.Type, e.Action, e.Part)
	}
	return text
}

func (k *knife) Create(ctx context.Context, r rotation.Record, events ...rotation.Event) (rotation.Fence, error) {
	k.point("before create " + string(r.Kind))
	f, err := k.Journal.Create(ctx, r, events...)
	k.point("after create " + string(r.Kind))
	return f, err
}

func (k *knife) Take(ctx context.Context, credential string) (rotation.Fence, error) {
	k.point("before take")
	f, err := k.Journal.Take(ctx, credential)
	k.point("after take")
	return f, err
}

func (k *knife) Append(ctx context.Context, id string, f rotation.Fence, events ...rotation.Event) error {
	k.point("before append" + words(events))
	err := k.Journal.Append(ctx, id, f, events...)
	k.point("after append" + words(events))
	return err
}
