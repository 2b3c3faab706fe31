package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
)

// prepareDir makes the state directory, or refuses one that others could look
// into or that is somebody else's: root writing there would lock its owner out.
func prepareDir(dir string) (string, error) {
	if dir == "" {
		return "", fault.New(fault.BadConfig, "state: no directory")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fault.Wrap(fault.BadConfig, "state: directory", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", denied("make the state directory", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", denied("look at the state directory", err)
	}
	if !info.IsDir() {
		return "", fault.New(fault.BadConfig, "state: %s is not a directory", dir)
	}
	if err := owned(dir, info); err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fault.New(fault.BadConfig, "state: others can look into %s (%v)", dir, info.Mode().Perm()).
			WithHint("chmod 700 %s", dir)
	}
	return dir, nil
}

// prepareFile makes the empty state file with its mode before SQLite sees it;
// SQLite gives the files beside it the same mode. An existing file is looked at
// and never opened here: closing it would drop SQLite's POSIX locks.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return denied("make the state file", f.Close())
	}
	if !errors.Is(err, fs.ErrExist) {
		return denied("make the state file", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return denied("look at the state file", err)
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.BadConfig, "state: %s is not a regular file", path)
	}
	if err := owned(path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault.New(fault.BadConfig, "state: others can read %s (%v)", path, info.Mode().Perm()).
			WithHint("chmod 600 %s", path)
	}
	return nil
}

func denied(what string, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.Denied
	if full(err) {
		kind = fault.Transient
	}
	return &fault.Error{Kind: kind, Op: "state: " + what, Err: err,
		Hint: "the state directory must be on a disk with room and belong to the user who runs rotor"}
}

// lockDir keeps two processes from making or migrating the state at once.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, denied("open the state directory", err)
	}
	if err := flock(ctx, f); err != nil {
		_ = f.Close()
		return nil, fault.Wrap(fault.Transient, "state: wait for another process that opens it", err)
	}
	return func() { _ = f.Close() }, nil
}
