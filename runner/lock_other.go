//go:build !unix

package runner

import (
	"context"
	"errors"
)

// Acquire implements Lock: without a lock that dies with its process nothing is
// promised, so nothing is done.
func (l FileLock) Acquire(context.Context, string) (func(), error) {
	return nil, errors.New("this system has no file locks that Rotor could rely on")
}
