package unit

import "syscall"

// childAttr: a process group of its own, so that Ctrl-C in a terminal reaches only
// us and we decide the order of the end; and SIGTERM from the kernel when we are
// gone.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
