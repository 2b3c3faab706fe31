package atomicfile

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func changeTime(st *syscall.Stat_t) int64 { return st.Ctim.Nano() }

// reserve takes disk space for size bytes without changing the text. A file
// system that cannot is left to fail when written.
func reserve(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

// copyAccess copies access list and SELinux label. Without them the new file is
// readable by fewer, never by more, so failing is no error.
func copyAccess(f *os.File, from string) {
	for _, name := range []string{"system.posix_acl_access", "security.selinux"} {
		buf := make([]byte, 4096)
		if n, err := unix.Getxattr(from, name, buf); err == nil && n > 0 {
			_ = unix.Fsetxattr(int(f.Fd()), name, buf[:n], 0)
		}
	}
}
