package runner

import (
	"context"
	"time"
)

// After starts a timer: fired is closed once d has passed, stop frees it. The
// runner has no other clock but Engine.Now.
type After func(d time.Duration) (fired <-chan struct{}, stop func())

// GoTimer is an After on Go's own clock, which stands still while the machine
// sleeps; it is right on virtual time and where there is nothing better.
func GoTimer(d time.Duration) (<-chan struct{}, func()) {
	fired := make(chan struct{})
	t := time.AfterFunc(d, func() { close(fired) })
	return fired, func() { t.Stop() }
}

// sleep waits for d, for wake (nil: never) or for ctx, whose error it returns.
// d <= 0 means no end.
func sleep(ctx context.Context, after After, d time.Duration, wake <-chan struct{}) error {
	var fired <-chan struct{}
	if d > 0 {
		var stop func()
		fired, stop = after(d)
		defer stop()
	}
	select {
	case <-fired:
	case <-wake:
	case <-ctx.Done():
	}
	return ctx.Err()
}
