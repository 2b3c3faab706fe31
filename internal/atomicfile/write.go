package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// Replace makes content the whole text of the file at path: a temporary file in
// the same folder, fsync, rename, fsync of the folder. Owner, mode and access
// list of an existing file are kept; a new file is 0600. A symbolic link stays
// and its target is replaced. An error leaves the old file whole and no
// temporary file behind; fault.Unknown means that the new text is there but may
// not survive a power cut.
func Replace(path string, content []byte) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	old, err := existing(target)
	if err != nil {
		return err
	}
	sweep(target)
	temp, err := writeTemp(target, old, content)
	if err != nil {
		return classify("write "+path, err)
	}
	if err := os.Rename(temp, target); err != nil {
		_ = os.Remove(temp)
		return classify("write "+path, err)
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return fault.Wrap(fault.Unknown, "write "+path+": sync its folder", err)
	}
	return nil
}

// Overwrite writes content into the existing inode, for files that are
// bind-mounted by themselves. It takes the space it needs before it touches the
// text; a crash in the middle can still leave a mixture, and an error after the
// first byte is fault.Unknown.
func Overwrite(path string, content []byte) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	old, err := existing(target)
	if err != nil {
		return err
	}
	if old == nil {
		return Replace(path, content)
	}
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return classify("write "+path, err)
	}
	defer func() { _ = f.Close() }()
	if err := reserve(f, int64(max(len(content), 1))); err != nil {
		return classify("write "+path, err)
	}
	_, err = f.WriteAt(content, 0)
	err = errors.Join(err, f.Truncate(int64(len(content))), f.Sync())
	return fault.Wrap(fault.Unknown, "write "+path+" in place", err)
}

// Probe asks whether Replace could put size bytes at path: it writes as many
// zeroes into a temporary file with the owner and mode the real one would get,
// and removes it.
func Probe(path string, size int) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	old, err := existing(target)
	if err != nil {
		return err
	}
	temp, err := writeTemp(target, old, make([]byte, size))
	if err != nil {
		return classify("try to write beside "+path, err)
	}
	return classify("try to write beside "+path, os.Remove(temp))
}

// ProbeInPlace asks whether Overwrite could open the file at path.
func ProbeInPlace(path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	if _, err := existing(target); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return classify("try to write "+path, err)
	}
	return classify("try to write "+path, f.Close())
}

// existing is nil if there is no file.
func existing(target string) (fs.FileInfo, error) {
	info, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, classify("find "+target, err)
	case !info.Mode().IsRegular():
		return nil, notRegular(target)
	}
	return info, nil
}

// tempName is easy to recognise, so that sweep never removes a file of somebody
// else's.
func tempName(target string) string {
	var random [8]byte
	_, _ = rand.Read(random[:])
	return tempPrefix(target) + hex.EncodeToString(random[:]) + ".tmp"
}

func tempPrefix(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".rotor-")
}

// sweep removes temporary files that a killed process left: they hold secrets.
// Callers that share a file hold Lock, so nobody is using them.
func sweep(target string) {
	dir, prefix := filepath.Dir(target), filepath.Base(tempPrefix(target))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // Replace itself will say what is wrong with the folder
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), prefix)
		if ours && len(rest) == len("0123456789abcdef.tmp") && strings.HasSuffix(rest, ".tmp") {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// writeTemp leaves nothing behind when it fails.
func writeTemp(target string, old fs.FileInfo, content []byte) (string, error) {
	name := tempName(target)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err == nil && old != nil {
		err = keepAttributes(f, target, old)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(name)
		return "", err
	}
	return name, nil
}

// keepAttributes gives f the owner, access list and mode of the file it will
// replace, in the order in which none of them undoes another.
func keepAttributes(f *os.File, target string, old fs.FileInfo) error {
	st, ok := old.Sys().(*syscall.Stat_t)
	if ok {
		mine, err := f.Stat()
		if err != nil {
			return err
		}
		now, _ := mine.Sys().(*syscall.Stat_t)
		if now == nil || now.Uid != st.Uid || now.Gid != st.Gid {
			if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
				return err
			}
		}
	}
	copyAccess(f, target)
	return f.Chmod(old.Mode().Perm())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// classify gives an error of the file system its kind. All of them come before
// the rename: nothing has changed.
func classify(op string, err error) error {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return withHint(fault.Transient, op, err, "free some space on that file system; nothing was changed")
	case errors.Is(err, syscall.EROFS):
		return withHint(fault.Denied, op, err, "that file system is mounted read-only")
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return withHint(fault.Denied, op, err, "Rotor must be able to write the folder and to keep the file's owner: run it as that owner, or give the file to it")
	case errors.Is(err, syscall.EBUSY):
		return withHint(fault.BadConfig, op, err, "the file is a mount point by itself: mount its folder, or use a store of type file with in-place: true")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return withHint(fault.BadConfig, op, err, "check the path; Rotor creates files, not folders")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EINTR), errors.Is(err, syscall.EAGAIN):
		return fault.Wrap(fault.Transient, op, err)
	}
	return fault.Wrap(fault.NeedsPerson, op, err)
}

func withHint(k fault.Kind, op string, err error, hint string) error {
	return &fault.Error{Kind: k, Op: op, Err: err, Hint: hint}
}
