package sqlite

// bell wakes who waits on Changed, here and in other processes. The rope is the
// file "wake": every writer touches it, and who listens is told by the kernel.
// It may ring once too often, never too seldom.

import (
	"os"
	"sync"
)

type bell struct {
	changed chan struct{}
	rope    *os.File

	mu     sync.Mutex
	watch  *watch // nil until somebody listens
	closed bool
}

func newBell(path string) (*bell, error) {
	rope, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, denied("open the wake file", err)
	}
	return &bell{changed: make(chan struct{}, 1), rope: rope}, nil
}

// ring never blocks. A failing write wakes nobody elsewhere; they will look
// when their own next wait ends.
func (b *bell) ring() {
	b.here()
	_, _ = b.rope.WriteAt([]byte{'.'}, 0)
}

func (b *bell) here() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (b *bell) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watch == nil && !b.closed {
		b.watch = newWatch(b.rope.Name(), b.here)
	}
	return b.changed
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.watch.stop()
}

// drop closes the rope, once nobody rings any more.
func (b *bell) drop() { _ = b.rope.Close() }
