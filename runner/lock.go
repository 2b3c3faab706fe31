package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Lock makes one worker of many: whoever calls Engine.Advance or Engine.Start
// holds the credential's lock.
type Lock interface {
	// Acquire never waits: held by somebody else is *HeldError. release may be
	// called more than once.
	Acquire(ctx context.Context, credential string) (release func(), err error)
}

// HeldError says who works on a credential at this moment.
type HeldError struct {
	Credential string
	Pid        int // 0 = not known
}

func (e *HeldError) Error() string {
	if e.Pid == 0 {
		return e.Credential + " is being worked on by another process"
	}
	return fmt.Sprintf("%s is being worked on by process %d", e.Credential, e.Pid)
}

// FileLock keeps one lock file for each credential, locked by the operating
// system, so that a killed process frees it. The files stay: removing one would
// let two workers lock two files of one name.
type FileLock struct{ Dir string }

// fileName is a safe name for any credential; different credentials have
// different ones.
func fileName(credential string) string {
	var b strings.Builder
	for _, c := range []byte(credential) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default: // upper case too: a file system may fold it
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > 120 {
		sum := sha256.Sum256([]byte(credential))
		name = name[:60] + "%%" + hex.EncodeToString(sum[:16])
	}
	return name + ".lock"
}

// patience is how long Patient tries, and how often.
const (
	patience      = 2 * time.Second
	patienceEvery = 50 * time.Millisecond
)

// Patient acquires a lock that is expected to be free in a moment: a running
// `rotor serve` holds it only while it works.
func Patient(ctx context.Context, l Lock, after After, credential string) (func(), error) {
	for tries := 0; ; tries++ {
		release, err := l.Acquire(ctx, credential)
		if _, held := err.(*HeldError); !held || tries >= int(patience/patienceEvery) {
			return release, err
		}
		if err := sleep(ctx, after, patienceEvery, nil); err != nil {
			return nil, err
		}
	}
}
