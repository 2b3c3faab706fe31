//go:build unix && !linux

package unit

import "syscall"

// childAttr: outside Linux a process whose supervisor was killed lives on.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
