package runner

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// BootTimer is an After on the boot-time clock: a machine that slept through the
// end of a wait goes on as soon as it wakes.
func BootTimer(d time.Duration) (<-chan struct{}, func()) {
	if d < time.Second { // too short to sleep through
		return GoTimer(d)
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return GoTimer(d)
	}
	f := os.NewFile(uintptr(fd), "timer") // nonblocking: read by the poller, no thread waits
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if err := unix.TimerfdSettime(fd, 0, &spec, nil); err != nil {
		f.Close()
		return GoTimer(d)
	}
	fired, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var count [8]byte
		if _, err := f.Read(count[:]); err == nil {
			close(fired)
		}
	}()
	return fired, func() {
		f.Close()
		<-ended
	}
}
