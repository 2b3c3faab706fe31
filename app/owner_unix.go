//go:build unix

package app

import (
	"io/fs"
	"syscall"
)

func owner(at fs.FileInfo) (uid int, ok bool) {
	st, ok := at.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
