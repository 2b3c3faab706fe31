package unit

import (
	"context"
	"sync"
)

// Reader is a unit that need not be started again: it reads its .env file when it
// is told to, as a program does that reloads on SIGHUP. The demo's client is one;
// it presents the token that the services check.
type Reader struct {
	file, name string

	mu    sync.Mutex
	value string
}

// NewReader has no value before the first Deploy.
func NewReader(file, name string) *Reader { return &Reader{file: file, name: name} }

// Value is what it presents now.
func (r *Reader) Value() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value
}

// Deploy reads the file.
func (r *Reader) Deploy(context.Context) error {
	values, err := ReadEnv(r.file)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.value = values[r.name]
	return nil
}

// Confirm compares with the file.
func (r *Reader) Confirm(context.Context) (bool, error) {
	values, err := ReadEnv(r.file)
	if err != nil {
		return false, err
	}
	return values[r.name] == r.Value(), nil
}
