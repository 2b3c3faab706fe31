// Package file is the store in which one file holds one value: docker secrets,
// TLS keys, tokens that a daemon reads from a path.
//
// What surprises: a path has one value, and its key is "value" or nothing; Get
// lists it under both. A final newline is the file's, not the value's: one is
// cut off when reading and put back when writing, if the file had it.
package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/atomicfile"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Key is the name of the value in a file; the empty key means the same.
const Key = "value"

// Options configure a store of single-value files.
type Options struct {
	// Path is a file, or an existing folder in which each target names its file.
	Path string `yaml:"path" json:"path"`
	// InPlace writes into the existing file instead of replacing it. Needed where
	// the file itself is mounted into a container (compose secrets): a mount holds
	// on to the old file after a replacement. Not atomic: a reader, or a crash at
	// the wrong moment, can see a mixture of old and new.
	InPlace bool `yaml:"in-place,omitempty" json:"in-place,omitempty"`
}

// Store reads and writes single-value files.
type Store struct {
	path   string
	writer atomicfile.Writer
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.Preflighter = (*Store)(nil)
)

// New checks the options; files are looked at when they are used.
func New(o Options) (*Store, error) {
	if o.Path == "" || strings.ContainsRune(o.Path, 0) {
		return nil, fault.New(fault.BadConfig, "file: path is missing").WithHint("write path: FILE, or path: FOLDER")
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "file: path", err)
	}
	return &Store{path: abs, writer: atomicfile.Writer{InPlace: o.InPlace}}, nil
}

// Traits implements store.Store. CAS holds among programs that take the folder's
// lock, as Rotor does.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "file", Readable: true, CAS: true}
}

// file finds out at each use whether path is a folder, so that a folder that is
// missing is an error and never a file of its name.
func (s *Store) file(path string) (string, error) {
	info, err := os.Stat(s.path)
	folder := err == nil && info.IsDir()
	switch {
	case path == "" && folder:
		return "", fault.New(fault.BadConfig, "file: %s is a folder", s.path).WithHint("give the target a path: the name of a file in it")
	case path == "":
		return s.path, nil
	case !folder:
		return "", fault.New(fault.BadConfig, "file: path %q in %s, which is not a folder", path, s.path).
			WithHint("create the folder first, or leave the target's path out if the store is one file")
	case !filepath.IsLocal(path) || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/"):
		return "", fault.New(fault.BadConfig, "file: path %q is not a file below %s", path, s.path).
			WithHint("paths of targets are relative to the store's folder; declare another store for another folder")
	}
	return filepath.Join(s.path, path), nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fault.Wrap(fault.Transient, "file: read", err)
	}
	file, err := s.file(path)
	if err != nil {
		return nil, "", err
	}
	snap, err := atomicfile.Read(file, atomicfile.Limit)
	if err != nil {
		return nil, "", fault.Wrap(fault.KindOf(err), "file", err)
	}
	set := secret.Set{}
	if snap.Exists {
		value, _ := split(string(snap.Content))
		set[Key], set[""] = secret.New(value), secret.New(value)
	}
	return set, store.Revision(snap.Revision), nil
}

// Put implements store.Store. Deleting the value removes the file; the engine
// does so only when it rolls back to a file that was not there.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, _ store.Mark) (store.Revision, error) {
	file, err := s.file(path)
	if err != nil {
		return "", err
	}
	value, set, remove, err := single(edit)
	if err != nil {
		return "", err
	}
	if remove {
		return s.remove(ctx, file, prev)
	}
	revision, err := atomicfile.Update(ctx, file, string(prev), s.writer, func(old atomicfile.Snapshot) ([]byte, error) {
		if !set {
			return nil, nil
		}
		return []byte(join(value.Reveal(), string(old.Content))), nil
	})
	return store.Revision(revision), failed(file, err)
}

func failed(file string, err error) error {
	if errors.Is(err, atomicfile.ErrMoved) {
		return fault.Wrap(fault.Transient, "file: write "+file, store.ErrConflict)
	}
	return fault.Wrap(fault.KindOf(err), "file", err)
}

func (s *Store) remove(ctx context.Context, file string, prev store.Revision) (store.Revision, error) {
	revision, err := atomicfile.Remove(ctx, file, string(prev))
	return store.Revision(revision), failed(file, err)
}

// single reads an edit that can only mean one value.
func single(edit store.Edit) (value secret.Value, set, remove bool, err error) {
	for key, v := range edit.Set {
		if key != Key && key != "" {
			return value, false, false, fault.New(fault.BadConfig, "file: a file has no key %q", key).WithHint("leave the target's key out, or write key: %s", Key)
		}
		if set && !v.Equal(value) {
			return value, false, false, fault.New(fault.BadConfig, "file: two values for one file").WithHint("one file holds one value: use two targets with two paths")
		}
		value, set = v, true
	}
	remove = slices.Contains(edit.Delete, Key) || slices.Contains(edit.Delete, "")
	if set && remove {
		err = fault.New(fault.BadConfig, "file: the value is to be set and deleted at once")
	}
	return value, set, remove, err
}

// split cuts one line end off the text.
func split(text string) (value, eol string) {
	value = strings.TrimSuffix(text, "\n")
	if len(value) < len(text) {
		value = strings.TrimSuffix(value, "\r")
	}
	return value, text[len(value):]
}

// join gives value the old text's line end. A value that itself ends in one
// needs another, or reading would cut it off.
func join(value, old string) string {
	_, eol := split(old)
	if eol == "" && strings.HasSuffix(value, "\n") {
		eol = "\n"
	}
	if eol == "\n" && strings.HasSuffix(value, "\r") {
		eol = "\r\n"
	}
	return value + eol
}

// Preflight implements store.Preflighter.
func (s *Store) Preflight(ctx context.Context, path string) error {
	set, _, err := s.Get(ctx, path)
	if err != nil {
		return err
	}
	file, err := s.file(path)
	if err != nil {
		return err
	}
	err = atomicfile.Preflight(ctx, file, set[Key].Len()+4096, s.writer)
	return fault.Wrap(fault.KindOf(err), "file: preflight", err)
}
