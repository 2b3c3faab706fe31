//go:build !linux

package localserver

import "syscall"

// childAttr: outside Linux servers run as ourselves, and one whose parent crashed stays.
func childAttr(*account, syscall.Signal) *syscall.SysProcAttr { return nil }

func detachMounts(string) {}
