//go:build unix

package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Acquire implements Lock.
func (l FileLock) Acquire(ctx context.Context, credential string) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock of %s: %w", credential, err)
	}
	path := filepath.Join(l.Dir, fileName(credential))
	for range 100 { // more than once only if somebody removes lock files
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock of %s: %w", credential, err)
		}
		if err := flock(f); err != nil {
			defer f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, &HeldError{Credential: credential, Pid: readPid(f)}
			}
			return nil, fmt.Errorf("lock of %s: %w", credential, err)
		}
		if !still(f, path) {
			f.Close()
			continue
		}
		writePid(f)
		return sync.OnceFunc(func() { f.Close() }), nil
	}
	return nil, fmt.Errorf("lock of %s: %s is being removed again and again", credential, path)
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			return err
		}
	}
}

// still says whether the file that was locked is the one that others would find.
func still(f *os.File, path string) bool {
	mine, err1 := f.Stat()
	found, err2 := os.Lstat(path)
	return err1 == nil && err2 == nil && os.SameFile(mine, found)
}

// writePid is for messages only; that it failed changes nothing. The text has
// always the same length and stays when the lock is free: a file that grows and
// shrinks would make the journal's next fsync twice as slow.
func writePid(f *os.File) {
	text := fmt.Appendf(nil, "%19d\n", os.Getpid())
	have := make([]byte, len(text))
	if _, err := f.ReadAt(have, 0); err != nil || string(have) != string(text) {
		_, _ = f.WriteAt(text, 0)
	}
}

func readPid(f *os.File) int {
	text, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}
