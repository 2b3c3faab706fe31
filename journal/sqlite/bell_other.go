//go:build !linux

package sqlite

// Elsewhere than on Linux only this process's own changes are noticed at once.
type watch struct{}

func newWatch(string, func()) *watch { return nil }

func (w *watch) stop() {}
