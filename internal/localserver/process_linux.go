package localserver

import (
	"os"
	"path/filepath"
	"syscall"
)

// childAttr: own process group, so that Ctrl-C in a terminal reaches only us and we
// decide the order of the end; and a signal from the kernel when we are gone.
func childAttr(runAs *account, orphan syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphan}
	if runAs != nil {
		attr.Credential = &syscall.Credential{Uid: runAs.uid, Gid: runAs.gid}
	}
	return attr
}

// detachMounts unmounts what matches pattern. dockerd leaves the mount of its own network
// namespace behind, and a directory with a mount in it cannot be removed.
func detachMounts(pattern string) {
	mounts, _ := filepath.Glob(pattern)
	for _, path := range mounts {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err == nil {
			_ = os.Remove(path)
		}
	}
}
