package main

import "golang.org/x/sys/unix"

// harden keeps values out of core files and away from other processes of the
// same user. That it failed is no reason not to run.
func harden() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
