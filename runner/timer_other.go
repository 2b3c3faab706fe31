//go:build !linux

package runner

import "time"

// BootTimer is GoTimer where there is no boot-time timer.
func BootTimer(d time.Duration) (<-chan struct{}, func()) { return GoTimer(d) }
