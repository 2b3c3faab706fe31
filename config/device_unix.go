//go:build unix

package config

import (
	"os"
	"syscall"
)

// device tells file systems apart; 0 if it cannot be told.
func device(dir string) uint64 {
	at, err := os.Stat(dir)
	if err != nil {
		return 0
	}
	if s, ok := at.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev)
	}
	return 0
}
