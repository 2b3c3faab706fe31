package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/file"
	"github.com/agenticverz/rotor/store/storetest"
)

func open(t testing.TB, o file.Options) *file.Store {
	t.Helper()
	s, err := file.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestExam(t *testing.T) {
	for _, key := range []string{file.Key, ""} {
		for name, inPlace := range map[string]bool{"replace": false, "in place": true} {
			t.Run(name+" "+key, func(t *testing.T) {
				storetest.Run(t, func(t testing.TB) storetest.Subject {
					dir := t.TempDir()
					s := open(t, file.Options{Path: dir, InPlace: inPlace})
					return storetest.Subject{Store: s, Path: "token", Keys: []string{key}, Break: func() {
						if err := os.RemoveAll(filepath.Join(dir, "token")); err != nil {
							t.Fatal(err)
						}
						if err := os.Mkdir(filepath.Join(dir, "token"), 0o700); err != nil {
							t.Fatal(err)
						}
					}}
				})
			})
		}
	}
}

func put(t testing.TB, s *file.Store, value string) error {
	t.Helper()
	_, revision, err := s.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "", store.Edit{Set: secret.Set{"": secret.New(value)}}, revision, store.Mark{})
	return err
}

func TestFinalNewlineIsTheFiles(t *testing.T) {
	for _, c := range []struct{ before, value, after string }{
		{"old", "new", "new"},
		{"old\n", "new", "new\n"},
		{"old\r\n", "new", "new\r\n"},
		{"old\n\n", "new", "new\n"},
		{"", "new", "new"},
		{"old", "new\n", "new\n\n"},
		{"-----BEGIN SAMPLE-----\nAAA\n-----END SAMPLE-----\n", "-----BEGIN SAMPLE-----\nBBB\n-----END SAMPLE-----", "-----BEGIN SAMPLE-----\nBBB\n-----END SAMPLE-----\n"},
	} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, file.Options{Path: path})
		if err := put(t, s, c.value); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.after {
			t.Errorf("%q set to %q: %q, want %q (%v)", c.before, c.value, got, c.after, err)
		}
		set, _, err := s.Get(t.Context(), "")
		if err != nil || set[""].Reveal() != c.value || set[file.Key].Reveal() != c.value {
			t.Errorf("%q set to %q reads as %q, %v", c.before, c.value, set[""].Reveal(), err)
		}
	}
}

func TestInodeStaysOnlyInPlace(t *testing.T) {
	for name, inPlace := range map[string]bool{"replace": false, "in place": true} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte("a longer old value\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, file.Options{Path: path, InPlace: inPlace})
		if err := s.Preflight(t.Context(), ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := put(t, s, "short"); err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if os.SameFile(before, after) != inPlace || after.Mode() != 0o640 || after.Size() != 6 {
			t.Errorf("%s: same inode %v, mode %v, %d bytes", name, os.SameFile(before, after), after.Mode(), after.Size())
		}
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := put(t, open(t, file.Options{Path: path}), "x"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestRefusals(t *testing.T) {
	const shown = "hunter-mark-3f9a"
	dir := t.TempDir()
	s := open(t, file.Options{Path: dir})
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, []byte(strings.Repeat("x", 2<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	put := func(path string, set secret.Set, deleted ...string) error {
		_, err := s.Put(t.Context(), path, store.Edit{Set: set, Delete: deleted}, "absent", store.Mark{})
		return err
	}
	_, _, bigErr := s.Get(t.Context(), "big")
	_, noPath := file.New(file.Options{})
	_, _, missing := open(t, file.Options{Path: filepath.Join(dir, "secrets")}).Get(t.Context(), "f")
	for name, err := range map[string]error{
		"no name in a folder": put("", secret.Set{"": secret.New(shown)}),
		"outside":             put("../x", secret.Set{"": secret.New(shown)}),
		"another key":         put("f", secret.Set{"password": secret.New(shown)}),
		"two values":          put("f", secret.Set{"": secret.New(shown), file.Key: secret.New("other")}),
		"set and delete":      put("f", secret.Set{"": secret.New(shown)}, file.Key),
		"no folder":           put("no/such/f", secret.Set{"": secret.New(shown)}),
		"big":                 bigErr,
		"no path":             noPath,
		"folder is missing":   missing,
	} {
		if fault.KindOf(err) != fault.BadConfig {
			t.Errorf("%s: %v", name, err)
		}
		if leak := storetest.NoLeak(err, shown); leak != nil {
			t.Errorf("%s: %v", name, leak)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "f")); err == nil {
		t.Error("a refused Put made a file")
	}
}
