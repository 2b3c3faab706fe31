//go:build !linux

package app

import "time"

func bootTime() time.Duration { return 0 }
