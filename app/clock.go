package app

import (
	"os"
	"strings"
	"time"

	"github.com/agenticverz/rotor/rotation"
)

// Clock reads both clocks of this machine. Where there is no boot-time clock each
// process counts as a boot of its own: waits then need an outside clock.
func Clock() func() rotation.Instant {
	id := bootID()
	if id == "" {
		id = "process-" + randomText(12)
		start := time.Now()
		return func() rotation.Instant {
			return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: time.Since(start), BootID: id}
		}
	}
	return func() rotation.Instant {
		return rotation.Instant{Wall: time.Now().UTC().Round(0), Boot: bootTime(), BootID: id}
	}
}

func bootID() string {
	if bootTime() == 0 {
		return ""
	}
	text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(text))
}
