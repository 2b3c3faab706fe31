// Package userlist is the store of PgBouncer's auth_file: one file is one path,
// user names are the keys, passwords or SCRAM secrets the values.
//
// What surprises: PgBouncer forgives nothing in this file and says nothing. At
// the first line that it does not understand it stops reading, and everybody
// below is locked out, the admin's console included; a line that was added to a
// file without a final newline changes the password of the user above it. So a
// file in which anything of that kind stands is refused, with the line's number,
// before it is touched. Comments (they begin with ;), the order, further fields
// behind the password, line ends, owner and mode stay as they are.
//
// A user that stands several times is read as PgBouncer does, the last line
// wins. Setting it sets every line: the old value is nowhere left. PgBouncer
// reads the file when it starts and on RELOAD or SIGHUP, so writing it alone
// changes nothing: that is what the consumer pgbouncer is for.
package userlist

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

// Options configure a store of PgBouncer's users.
type Options struct {
	// Path is PgBouncer's auth_file. The path of a target names another file in
	// the same folder or below it.
	Path string `yaml:"path" json:"path"`
}

// Store edits auth_files.
type Store struct{ path string }

var (
	_ store.Store       = (*Store)(nil)
	_ store.Preflighter = (*Store)(nil)
)

// New checks the options; the file itself is looked at when it is used.
func New(o Options) (*Store, error) {
	if o.Path == "" || strings.ContainsRune(o.Path, 0) {
		return nil, fault.New(fault.BadConfig, "userlist: path is missing").
			WithHint("write path: /etc/pgbouncer/userlist.txt, the auth_file of pgbouncer.ini")
	}
	if strings.HasSuffix(o.Path, "/") {
		return nil, fault.New(fault.BadConfig, "userlist: path %q is a folder", o.Path).
			WithHint("name the file: path: %suserlist.txt", o.Path)
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fault.Wrap(fault.BadConfig, "userlist: path", err)
	}
	return &Store{path: abs}, nil
}

// Traits implements store.Store. CAS holds among programs that take the folder's
// lock, as Rotor does; see store dotenv.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "userlist", Readable: true, CAS: true}
}

func (s *Store) file(path string) (string, error) {
	switch {
	case path == "":
		return s.path, nil
	case !filepath.IsLocal(path) || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/"):
		return "", fault.New(fault.BadConfig, "userlist: path %q is not a file below %s", path, filepath.Dir(s.path)).
			WithHint("paths of targets are relative to the store's folder; declare another store for another folder")
	}
	return filepath.Join(filepath.Dir(s.path), path), nil
}

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, path string) (secret.Set, store.Revision, error) {
	doc, revision, err := s.read(ctx, path)
	if err != nil {
		return nil, "", fault.Wrap(fault.KindOf(err), "userlist: read", err)
	}
	set := secret.Set{}
	for _, e := range doc.entries {
		if e.user != "" {
			set[e.user] = secret.New(e.value)
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
	doc, err := parse(file, string(snap.Content))
	return doc, store.Revision(snap.Revision), err
}

// Put implements store.Store. An auth_file has no place for a mark. A file that
// does not exist is made 0600 and Rotor's user's own.
func (s *Store) Put(ctx context.Context, path string, edit store.Edit, prev store.Revision, _ store.Mark) (store.Revision, error) {
	file, err := s.file(path)
	if err != nil {
		return "", err
	}
	revision, err := atomicfile.Update(ctx, file, string(prev), atomicfile.Writer{}, func(old atomicfile.Snapshot) ([]byte, error) {
		doc, err := parse(file, string(old.Content))
		if err != nil {
			return nil, err
		}
		return doc.apply(edit)
	})
	if errors.Is(err, atomicfile.ErrMoved) {
		return "", fault.Wrap(fault.Transient, "userlist: write "+file, store.ErrConflict)
	}
	if err != nil {
		return "", fault.Wrap(fault.KindOf(err), "userlist: write", err)
	}
	return store.Revision(revision), nil
}

// Preflight implements store.Preflighter: the file can be read and PgBouncer
// understands all of it, and a file of its size with its owner can be written
// beside it.
func (s *Store) Preflight(ctx context.Context, path string) error {
	doc, _, err := s.read(ctx, path)
	if err == nil {
		var file string
		if file, err = s.file(path); err == nil {
			err = atomicfile.Preflight(ctx, file, len(doc.src)+4096, atomicfile.Writer{})
		}
	}
	return fault.Wrap(fault.KindOf(err), "userlist: preflight", err)
}

// Doc is the store's page in the documents.
const Doc = `
The file that ` + "`auth_file`" + ` of pgbouncer.ini names. Keys are user names; a value is a password or a SCRAM
secret (the postgres provider's field ` + "`verifier`" + `). It is written beside the old one and renamed over it; owner,
mode, comments, order and everybody else's lines stay. PgBouncer does not notice: the consumer pgbouncer
makes it read the file and proves that it did.

**Password or SCRAM secret.** With passwords PgBouncer can always log in to the server. With SCRAM secrets it
can only after that user has logged in to PgBouncer itself, the secret must be the very one that PostgreSQL
holds, and a forced ` + "`user=`" + ` in ` + "`[databases]`" + ` does not work; the file then holds nothing that logs in anywhere.
The form of a user's value never changes here: PgBouncer keeps keys of the one form in memory and goes on
using them after the other was read. Change it once by hand and restart PgBouncer.

**Refused, and left alone**: a file with a line that is not ` + "`\"user\" \"password\"`" + ` or a comment that begins with ;
(PgBouncer stops reading there), with a quote that is never closed, with two lines in one.

**Rights**: Rotor writes the folder and keeps the file's owner, so it runs as that owner or as root. Let the file
exist, readable by PgBouncer, before the first rotation; one that Rotor makes belongs to Rotor's user.
A file that is mounted into a container by itself cannot be replaced: mount its folder.
`
