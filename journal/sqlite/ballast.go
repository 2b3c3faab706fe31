package sqlite

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"

	"github.com/agenticverz/rotor/fault"
)

// ballast is disk space in reserve: a file that is deleted when the disk is
// full, so that what is under way can finish. It holds random bytes, for a
// sparse or compressed file would reserve nothing.
type ballast struct {
	path string
	mu   sync.Mutex
}

const ballastSize = 1 << 20

// release gives the space up; false if there was none.
func (b *ballast) release() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return os.Remove(b.path) == nil
}

// restore makes the file unless it is there; nil means that it is. It leaves
// room for the state to grow, or the space just given up would be taken again.
func (b *ballast) restore() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if info, err := os.Stat(b.path); err == nil && info.Size() == ballastSize {
		return nil
	}
	free, err := room(filepath.Dir(b.path))
	if err != nil {
		return denied("look at the disk's room", err)
	}
	if free < 2*ballastSize {
		return fault.New(fault.Transient, "state: the disk is nearly full, and the room in reserve is gone").WithHint(hintFull)
	}
	if err := b.fill(); err != nil {
		_ = os.Remove(b.path + ".new")
		return denied("make the ballast", err)
	}
	return nil
}

func (b *ballast) fill() error {
	f, err := os.OpenFile(b.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	noise := make([]byte, ballastSize)
	_, _ = rand.Read(noise) // never fails
	if _, err := f.Write(noise); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), b.path)
}
