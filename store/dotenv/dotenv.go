// Package dotenv is the store of .env files as docker compose reads them: one
// file is one path, each variable a key.
//
// What surprises: the file belongs to people. Comments, order, blank lines,
// quotes, `export`, line ends, owner and mode stay as they are; only the text of
// the variables that are set changes. What is written reads the same in docker
// compose and, where any form exists that both read alike, in a shell; a value
// that has no such form is refused before anything is written.
//
// A variable that stands several times is read as compose does, the last one
// wins. Setting it sets every occurrence: then a reader that takes the first
// (grep, sed) agrees with one that takes the last, a reference between the two
// sees the new value, and the old value is nowhere left in the file.
package dotenv

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/atomicfile"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
)

// Options configure a store of .env files.
type Options struct {
	// Path is the file that targets without a path of their own mean. The path of
	// a target names another file in the same folder or below it.
	Path string `yaml:"path" json:"path"`
}

// Store edits .env files.
type Store struct{ path string }

var (
	_ store.Store       = (*Store)(nil)
	_ store.Preflighter = (*Store)(nil)
)

// New checks the options; the file itself is looked at when it is used.
func New(o Options) (*Store, error) {
	if o.Path == "" || strings.ContainsRune(o.Path, 0) {
		return nil, fault.New(fault.BadConfig, "dotenv: path is missing").WithHint("write path: .env")
	}
	if strings.HasSuffix(o.Path, "/") {
		return nil, fault.New(fault.BadConfig, "dotenv: path %q is a folder", o.Path).WithHint("name the file: path: %s.env", o.Path)
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "dotenv: path", err)
	}
	return &Store{path: abs}, nil
}

// Traits implements store.Store. CAS holds among programs that take the folder's
// lock, as Rotor does; an editor that saves within the microseconds between
// comparison and rename is not noticed.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "dotenv", Readable: true, CAS: true}
}

func (s *Store) file(path string) (string, error) {
	switch {
	case path == "":
		return s.path, nil
	case !filepath.IsLocal(path) || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/"):
		return "", fault.New(fault.BadConfig, "dotenv: path %q is not a file below %s", path, filepath.Dir(s.path)).
			WithHint("paths of targets are relative to the store's folder; declare another store for another folder")
	}
	return filepath.Join(filepath.Dir(s.path), path), nil
}

// Get implements store.Store. Values are what compose reads, references to
// variables above them in the file included; a value that refers to anything
// else is given as it is written.
func (s *Store) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	doc, revision, err := s.read(ctx, path)
	if err != nil {
		return nil, "", fault.Wrap(fault.KindOf(err), "dotenv: read", err)
	}
	set := secret.Set{}
	for _, e := range doc.entries {
		if !e.bare {
			set[e.key] = secret.New(e.value)
		}
	}
	return set, revision, nil
}

func (s *Store) read(ctx context.Context, path string) (*document, store.Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", fault.Wrap(fault.Transient, "", err)
	}
	file, err := s.file(path)
	if err != nil {
		return nil, "", err
	}
	snap, err := atomicfile.Read(file, atomicfile.Limit)
	if err != nil {
		return nil, "", err
	}
	doc, err := parse(file, snap.Content)
	return doc, store.Revision(snap.Revision), err
}

// Put implements store.Store. .env files have no place for a mark.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, _ store.Mark) (store.Revision, error) {
	file, err := s.file(path)
	if err != nil {
		return "", err
	}
	revision, err := atomicfile.Update(ctx, file, string(prev), atomicfile.Writer{}, func(old atomicfile.Snapshot) ([]byte, error) {
		doc, err := parse(file, old.Content)
		if err != nil {
			return nil, err
		}
		return doc.apply(edit)
	})
	if errors.Is(err, atomicfile.ErrMoved) {
		return "", fault.Wrap(fault.Transient, "dotenv: write "+file, store.ErrConflict)
	}
	if err != nil {
		return "", fault.Wrap(fault.KindOf(err), "dotenv: write", err)
	}
	return store.Revision(revision), nil
}

// Preflight implements store.Preflighter: the file can be read and understood,
// and a file of its size with its owner can be written beside it.
func (s *Store) Preflight(ctx context.Context, path string) error {
	doc, _, err := s.read(ctx, path)
	if err == nil {
		var file string
		if file, err = s.file(path); err == nil {
			err = atomicfile.Preflight(ctx, file, len(doc.src)+4096, atomicfile.Writer{})
		}
	}
	return fault.Wrap(fault.KindOf(err), "dotenv: preflight", err)
}
