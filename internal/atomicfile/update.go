package atomicfile

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agenticverz/rotor/fault"
)

// ErrMoved: the file is not in the state that the caller has seen. Nothing
// changed.
var ErrMoved = errors.New("the file was changed meanwhile")

// Update is compare-and-swap on a file: if its revision still is prev, change is
// given its text and the answer replaces it. The folder is locked meanwhile, so
// of several Rotors exactly one wins; a program that writes the file without
// that lock, an editor say, can still slip between the comparison and the
// rename, some microseconds. If change returns the same text, or nil, nothing is
// written.
func Update(ctx context.Context, path, prev string, w Writer, change func(old Snapshot) ([]byte, error)) (string, error) {
	unlock, err := Lock(ctx, path)
	if err != nil {
		return "", err
	}
	defer unlock()
	old, err := Read(path, w.limit())
	if err != nil {
		return "", err
	}
	if !Same(old.Revision, prev) {
		return "", ErrMoved
	}
	content, err := change(old)
	if err != nil {
		return "", err
	}
	if content == nil || old.Exists && bytes.Equal(content, old.Content) {
		return old.Revision, nil
	}
	if int64(len(content)) > w.limit() {
		return "", fault.New(fault.Rejected, "write %s: it would have more than %d bytes", path, w.limit())
	}
	if err := ctx.Err(); err != nil { // the last moment at which nothing has happened
		return "", fault.Wrap(fault.Transient, "write "+path, err)
	}
	write := Replace
	if w.InPlace {
		write = Overwrite
	}
	if err := write(path, content); err != nil {
		return "", err
	}
	return Stamp(path, content)
}

// Writer says how Update reads and writes.
type Writer struct {
	InPlace bool  // Overwrite instead of Replace
	Limit   int64 // 0 = Limit
}

func (w Writer) limit() int64 {
	if w.Limit > 0 {
		return w.Limit
	}
	return Limit
}

// Preflight asks, without a trace, whether Update could write size bytes at path.
func Preflight(ctx context.Context, path string, size int, w Writer) error {
	unlock, err := Lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if w.InPlace {
		if snap, err := Read(path, w.limit()); err != nil || snap.Exists {
			if err == nil {
				err = ProbeInPlace(path)
			}
			return err
		}
	}
	return Probe(path, size)
}

// Stamp is the revision of the file at path given that its text is content.
func Stamp(path string, content []byte) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fault.Wrap(fault.Unknown, "look at "+path+" after writing it", err)
	}
	return revision(info, content), nil
}

// Lock takes the advisory lock of the folder that holds the file at path,
// waiting for at most ten seconds. It leaves nothing behind. The process's death
// frees it.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(target)
	d, err := os.Open(dir)
	if err != nil {
		return nil, classify("lock "+dir, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if err := ctx.Err(); err != nil {
			_ = d.Close()
			return nil, fault.Wrap(fault.Transient, "lock "+dir, err)
		}
		err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = d.Close() }, nil
		case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, unix.EINTR):
			wait(ctx)
		default:
			_ = d.Close()
			return nil, withHint(fault.BadConfig, "lock "+dir, err, "that file system cannot lock folders (NFS cannot): keep files that Rotor writes on a local one")
		}
	}
}

func wait(ctx context.Context) {
	t := time.NewTimer(2 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Remove deletes the file at path if its revision still is prev; of a symbolic
// link the target. A file that is not there is fine.
func Remove(ctx context.Context, path, prev string) (string, error) {
	unlock, err := Lock(ctx, path)
	if err != nil {
		return "", err
	}
	defer unlock()
	old, err := Read(path, Limit)
	if err != nil {
		return "", err
	}
	if !Same(old.Revision, prev) {
		return "", ErrMoved
	}
	if !old.Exists {
		return absent, nil
	}
	target, err := resolve(path)
	if err != nil {
		return "", err
	}
	if err := os.Remove(target); err != nil {
		return "", classify("remove "+path, err)
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return "", fault.Wrap(fault.Unknown, "remove "+path+": sync its folder", err)
	}
	return absent, nil
}
