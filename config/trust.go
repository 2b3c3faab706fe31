package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/agenticverz/rotor/fault"
)

// Trusts remembers which files may be acted on, by path and hash, in trust.json
// of the state directory.
type Trusts struct{ path string }

// Trust is one decision.
type Trust struct {
	Path string    `json:"path"` // absolute, symbolic links resolved
	Hash string    `json:"hash"`
	When time.Time `json:"when"`
	Who  string    `json:"who"`
}

// TrustFile is the memory in a state directory; it need not exist yet.
func TrustFile(dir string) *Trusts { return &Trusts{path: filepath.Join(dir, "trust.json")} }

// Trusted says whether exactly this content of the file was trusted. A memory
// that is missing, damaged or open to others trusts nothing.
func (t *Trusts) Trusted(path, hash string) bool {
	all, err := t.List()
	if err != nil || hash == "" {
		return false
	}
	path = resolved(path)
	return slices.ContainsFunc(all, func(e Trust) bool { return e.Path == path && e.Hash == hash })
}

// List gives all decisions, oldest first.
func (t *Trusts) List() ([]Trust, error) {
	at, err := os.Lstat(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !at.Mode().IsRegular() || at.Mode().Perm()&0o022 != 0 {
		return nil, fault.New(fault.BadConfig, "trust: %s is not a file that only you can write", t.path).
			WithHint("look who changed it; then remove it, and trust the files again")
	}
	body, err := os.ReadFile(t.path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "trust: %s cannot be read: %s", t.path, reason(err))
	}
	var all []Trust
	if json.Unmarshal(body, &all) != nil {
		return nil, fault.New(fault.BadConfig, "trust: %s is damaged", t.path).WithHint("remove it, and trust the files again")
	}
	return all, nil
}

// Add trusts a file's content in place of what was trusted before. Two that add
// at the same time may lose one decision; it is asked for again.
func (t *Trusts) Add(e Trust) error {
	e.Path, e.When = resolved(e.Path), e.When.UTC().Truncate(time.Second)
	return t.change(e.Path, &e)
}

// Remove forgets a file; unknown files are fine.
func (t *Trusts) Remove(path string) error { return t.change(resolved(path), nil) }

func (t *Trusts) change(path string, add *Trust) error {
	all, err := t.List()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(e Trust) bool { return e.Path == path })
	if add != nil {
		all = append(all, *add)
	}
	body, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fault.Wrap(fault.BadConfig, "trust", err)
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
		return fault.Wrap(fault.BadConfig, "trust: make the state directory", err)
	}
	// IgnoreUmask: the mode is a promise, not a wish
	err = renameio.WriteFile(t.path, append(body, '\n'), 0o600, renameio.IgnoreUmask())
	return fault.Wrap(fault.BadConfig, "trust: write", err)
}

// resolved makes one name of a file's many.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
