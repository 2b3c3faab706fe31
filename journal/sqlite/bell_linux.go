package sqlite

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watch calls a function whenever a file is written to.
type watch struct {
	events *os.File
	ended  sync.WaitGroup
}

// newWatch is nil if the kernel has no watch left: then only this process's own
// changes are noticed at once.
func newWatch(path string, written func()) *watch {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK) // non-blocking: Close ends a Read
	if err != nil {
		return nil
	}
	w := &watch{events: os.NewFile(uintptr(fd), "inotify")}
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
		_ = w.events.Close()
		return nil
	}
	w.ended.Go(func() {
		buf := make([]byte, 4096)
		for {
			if _, err := w.events.Read(buf); err != nil {
				return
			}
			written()
		}
	})
	return w
}

func (w *watch) stop() {
	if w == nil {
		return
	}
	_ = w.events.Close()
	w.ended.Wait()
}
