// Package atomicfile reads whole small files and replaces them so that a reader
// sees the old text or the new one, never a mixture, whatever dies in between.
//
// What surprises: a file is replaced by renaming another one over it, which by
// itself would change its owner, its mode and its access list, and would turn a
// symbolic link into a file. Replace keeps the first three and writes through
// the link. Where even the inode must stay (a file bind-mounted into a
// container), Overwrite writes in place and is then not atomic.
package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
)

// Limit is the size up to which files are read when the caller has no opinion.
const Limit = 1 << 20

// Snapshot is a file's text at one instant. The zero Snapshot but for Revision
// is a file that does not exist.
type Snapshot struct {
	Exists   bool
	Content  []byte
	Revision string // see Same
}

// Read reads the regular file at path, symbolic links followed, up to limit
// bytes. A file that does not exist is no error. A file that is being written
// while we read is read again, and is fault.Transient if that does not end.
func Read(path string, limit int64) (Snapshot, error) {
	for range 5 {
		snap, stable, err := readOnce(path, limit)
		if err != nil || stable {
			return snap, err
		}
	}
	return Snapshot{}, fault.New(fault.Transient, "read %s: it changes while it is read", path)
}

func readOnce(path string, limit int64) (Snapshot, bool, error) {
	// Stat before open: opening a named pipe would block until a writer comes.
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Snapshot{Revision: absent}, true, nil
	} else if err == nil && !info.Mode().IsRegular() {
		return Snapshot{}, true, notRegular(path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Snapshot{Revision: absent}, true, nil
	}
	if err != nil {
		return Snapshot{}, true, classify("read "+path, err)
	}
	defer func() { _ = f.Close() }()
	before, err := f.Stat()
	if err != nil {
		return Snapshot{}, true, classify("read "+path, err)
	}
	if !before.Mode().IsRegular() {
		return Snapshot{}, true, notRegular(path)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return Snapshot{}, true, classify("read "+path, err)
	}
	if int64(len(content)) > limit {
		return Snapshot{}, true, fault.New(fault.BadConfig, "read %s: more than %d bytes", path, limit).
			WithHint("is this the right file? files of secrets are small")
	}
	after, err := f.Stat()
	if err != nil {
		return Snapshot{}, true, classify("read "+path, err)
	}
	stable := before.ModTime().Equal(after.ModTime()) && after.Size() == int64(len(content))
	return Snapshot{Exists: true, Content: bytes.Clone(content), Revision: revision(after, content)}, stable, nil
}

func notRegular(path string) error {
	return fault.New(fault.BadConfig, "%s is not a regular file", path).
		WithHint("name a plain file, or a link to one; devices, pipes and folders hold no secrets")
}

// resolve follows symbolic links by hand, because the file at their end may not
// exist yet.
func resolve(path string) (string, error) {
	for range 40 {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		if err != nil {
			return "", classify("find "+path, err)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", classify("find "+path, err)
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fault.New(fault.BadConfig, "find %s: too many symbolic links", path)
}
