package userlist_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/storetest"
	"github.com/agenticverz/rotor/store/userlist"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// open returns a store whose file holds text; "" means that there is no file.
func open(t testing.TB, text string) (*userlist.Store, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "userlist.txt")
	if text != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := userlist.New(userlist.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	return s, file
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func edit(t testing.TB, s *userlist.Store, e store.Edit) error {
	t.Helper()
	_, revision, err := s.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "", e, revision, store.Mark{})
	return err
}

func set(kv ...string) store.Edit {
	e := store.Edit{Set: secret.Set{}}
	for i := 0; i < len(kv); i += 2 {
		e.Set[kv[i]] = secret.New(kv[i+1])
	}
	return e
}

func del(users ...string) store.Edit { return store.Edit{Delete: users} }

func TestExam(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Subject {
		s, file := open(t, "")
		return storetest.Subject{Store: s, Path: "users.txt", Break: func() {
			file := filepath.Join(filepath.Dir(file), "users.txt")
			if err := os.WriteFile(file, []byte(read(t, file)+`"torn" "`), 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

const secretA = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

var secretB = strings.Replace(secretA, "4096:c2", "8192:d2", 1)

func TestEdit(t *testing.T) {
	for _, c := range []struct {
		name, before string
		edit         store.Edit
		after        string
	}{
		{"new file", "", set("b", "2", "a", "1"), "\"a\" \"1\"\n\"b\" \"2\"\n"},
		{"quotes are doubled", "\"a\" \"1\"\n", set("a", `x"y`, `o"k`, `"`), "\"a\" \"x\"\"y\"\n\"o\"\"k\" \"\"\"\"\n"},
		{"comments, blanks and the order stay", "; head\n\n\"b\" \"2\" ; why\n\t\"a\"  \"1\"\n; \"a\" \"0\"\n", set("a", "9"), "; head\n\n\"b\" \"2\" ; why\n\t\"a\"  \"9\"\n; \"a\" \"0\"\n"},
		{"further fields stay", "\"a\" \"1\" \"2030-01-01\" x\n", set("a", "9"), "\"a\" \"9\" \"2030-01-01\" x\n"},
		{"no final newline", `"a" "1"`, set("b", "2"), "\"a\" \"1\"\n\"b\" \"2\"\n"},
		{"no final newline, edited", `"a" "1"`, set("a", "2"), `"a" "2"`},
		{"no final newline, deleted", "\"a\" \"1\"\n\"b\" \"2\"", del("b"), "\"a\" \"1\"\n"},
		{"CRLF", "\"a\" \"1\"\r\n", set("a", "9", "b", "2"), "\"a\" \"9\"\r\n\"b\" \"2\"\r\n"},
		{"every duplicate is set", "\"a\" \"1\"\n\"b\" \"2\"\n\"a\" \"3\"\n", set("a", "9"), "\"a\" \"9\"\n\"b\" \"2\"\n\"a\" \"9\"\n"},
		{"every duplicate is deleted", "\"a\" \"1\"\n\"b\" \"2\"\n\"a\" \"3\"\n", del("a"), "\"b\" \"2\"\n"},
		{"names that begin alike", "\"nova\" \"1\"\n\"nova_a\" \"2\"\n", set("nova", "9"), "\"nova\" \"9\"\n\"nova_a\" \"2\"\n"},
		{"nothing between", `"a""b"`, store.Edit{}, ""},
		{"a last line without users stays last", "\"a\" \"1\"\n# edited by hand\n", set("b", "2"), "\"a\" \"1\"\n\"b\" \"2\"\n# edited by hand\n"},
		{"secret to secret", `"a" "` + secretA + "\"\n", set("a", secretB), `"a" "` + secretB + "\"\n"},
		{"empty to password", "\"a\" \"\"\n", set("a", "1"), "\"a\" \"1\"\n"},
		{"same value changes nothing", "\"a\"   \"1\"\n", set("a", "1"), "\"a\"   \"1\"\n"},
		{"several at once", "\"a\" \"1\"\n\"b\" \"2\"\n\"c\" \"3\"\n", store.Edit{Set: secret.Set{"c": secret.New("9"), "d": secret.New("8")}, Delete: []string{"a"}},
			"\"b\" \"2\"\n\"c\" \"9\"\n\"d\" \"8\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, file := open(t, c.before)
			if c.after == "" { // not a user with a password
				if _, _, err := s.Get(t.Context(), ""); fault.KindOf(err) != fault.BadConfig {
					t.Fatal(err)
				}
				return
			}
			if err := edit(t, s, c.edit); err != nil {
				t.Fatal(err)
			}
			if got := read(t, file); got != c.after {
				t.Errorf("\n got %q\nwant %q", got, c.after)
			}
		})
	}
}

func TestGet(t *testing.T) {
	s, _ := open(t, ";c\n\"a\" \"1\"\n\"\" \"x\"\n\"b\"\"\" \"p\"\"w\" z\n\"a\" \"2\"\n")
	got, _, err := s.Get(t.Context(), "")
	if err != nil || !got.Equal(secret.Set{"a": secret.New("2"), `b"`: secret.New(`p"w`)}) {
		t.Errorf("%v, %v", got.Names(), err)
	}
}

func TestRefusals(t *testing.T) {
	const shown = "hunter-mark-3f9a"
	for _, c := range []struct {
		name, before string
		edit         store.Edit
		kind         fault.Kind
		says         string
	}{
		{"cut off in a password", "\"a\" \"1\"\n\"b\" \"" + shown, set("a", "x"), fault.BadConfig, ".txt:2: a quote"},
		{"cut off in a name", "\"a\" \"1\"\n\"" + shown, set("a", "x"), fault.BadConfig, ".txt:2: a quote"},
		{"cut off between", "\"a\" \"1\"\n\"" + shown + "\"", set("a", "x"), fault.BadConfig, ".txt:2: a user without"},
		{"password on the next line", "\"a\"\n\"" + shown + "\" \"1\"\n", set("a", "x"), fault.BadConfig, ".txt:1: a user without"},
		{"quote closed on the next line", "\"a\" \"" + shown + "\n\"b\" \"1\"\n", set("a", "x"), fault.BadConfig, ".txt:1: a quote"},
		{"echo >> without a newline", "\"a\" \"" + shown + "\"\"b\" \"1\"\n", set("a", "x"), fault.BadConfig, ".txt:1: two lines"},
		{"lines parted by CR alone", "\"a\" \"" + shown + "\"\r\"b\" \"1\"\r", set("a", "x"), fault.BadConfig, ".txt:1: two lines"},
		{"a comment of another kind", "\"a\" \"1\"\n# " + shown + "\n\"b\" \"2\"\n", set("a", "x"), fault.BadConfig, ".txt:2: a comment"},
		{"no quotes", shown + " 1\n\"b\" \"2\"\n", set("a", "x"), fault.BadConfig, ".txt:1: a line"},
		{"byte order mark", "\ufeff\"a\" \"" + shown + "\"\n", set("a", "x"), fault.BadConfig, ".txt:1: begins"},
		{"zero byte", "\"a\" \"" + shown + "\x00\"\n", set("a", "x"), fault.BadConfig, ".txt:1: holds"},
		{"not UTF-8", "\"a\" \"" + shown + "\xff\"\n", set("a", "x"), fault.BadConfig, ".txt:1: a user or"},
		{"password for a secret", `"a" "` + secretA + "\"\n", set("a", shown), fault.BadConfig, `user "a" has a SCRAM secret and would get a password`},
		{"secret for a password", "\"a\" \"" + shown + "\"\n", set("a", secretA), fault.BadConfig, `user "a" has a password and would get a SCRAM secret`},
		{"password for a hash", "\"a\" \"md5" + strings.Repeat("0a", 16) + "\"\n", set("a", shown), fault.BadConfig, "MD5"},
		{"the last line decides the form", "\"a\" \"" + secretA + "\"\n\"a\" \"" + shown + "\"\n", set("a", secretA), fault.BadConfig, "has a password"},
		{"half a secret", `"a" "` + secretA + "\"\n", set("a", secretA[:90]), fault.Rejected, `user "a"`},
		{"a line break", "\"a\" \"1\"\n", set("a", shown+"\n"), fault.Rejected, `user "a"`},
		{"too long for PgBouncer", "\"a\" \"1\"\n", set("a", strings.Repeat(shown, 128)), fault.Rejected, "too long"},
		{"too long once quotes are doubled", "\"a\" \"1\"\n", set("a", strings.Repeat(`"`, 1024)), fault.Rejected, "too long"},
		{"no name", "\"a\" \"1\"\n", set("", shown), fault.BadConfig, "without a name"},
		{"a long name", "\"a\" \"1\"\n", set(strings.Repeat("n", 128), shown), fault.BadConfig, "nnn"},
		{"a quote before further fields", "\"a\" \"1\" \"2030\"\n", set("a", `x"`+shown), fault.Rejected, "not be readable"},
		{"set and delete", "\"a\" \"1\"\n", store.Edit{Set: secret.Set{"a": secret.New(shown)}, Delete: []string{"a"}}, fault.BadConfig, `user "a"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, file := open(t, c.before)
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			_, revision, err := s.Get(t.Context(), "")
			if err == nil {
				_, err = s.Put(t.Context(), "", c.edit, revision, store.Mark{})
			} else if p := s.Preflight(t.Context(), ""); fault.KindOf(p) != fault.BadConfig {
				t.Errorf("Preflight of a malformed file: %v", p)
			}
			if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%s: %v", fault.KindOf(err), err)
			}
			if fault.HintOf(err) == "" && c.name != "set and delete" {
				t.Error("no hint")
			}
			if leak := storetest.NoLeak(err, shown, secretA); leak != nil {
				t.Error(leak)
			}
			now, err := os.Stat(file)
			if err != nil || !os.SameFile(info, now) || read(t, file) != c.before {
				t.Errorf("the file was touched (%v)", err)
			}
		})
	}
}

func TestNoFileForNothing(t *testing.T) {
	s, file := open(t, "")
	for _, e := range []store.Edit{{}, del("a")} {
		if err := edit(t, s, e); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file was made: %v", err)
		}
	}
}

// TestOwnerAndMode: PgBouncer runs as somebody else and must go on reading the file,
// which is often a link into a configuration that is kept elsewhere.
func TestOwnerAndMode(t *testing.T) {
	s, file := open(t, "\"a\" \"1\"\n")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	owner := os.Getuid()
	if owner == 0 {
		owner = 65534
		if err := os.Chown(file, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	real := filepath.Join(t.TempDir(), "real.txt")
	if err := os.Rename(file, real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, file); err != nil {
		t.Fatal(err)
	}
	if err := edit(t, s, set("b", "2")); err != nil {
		t.Fatal(err)
	}
	link, err := os.Lstat(file)
	if err != nil || link.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != owner || info.Mode().Perm() != 0o640 {
		t.Errorf("owner %d, mode %v", st.Uid, info.Mode())
	}
	if got := read(t, real); got != "\"a\" \"1\"\n\"b\" \"2\"\n" {
		t.Errorf("%q", got)
	}
}

func TestRevisionIsSilent(t *testing.T) {
	for _, text := range []string{"\"a\" \"hunter2\"\n", "\"a\" \"hunter3\"\n"} {
		s, _ := open(t, text)
		_, revision, err := s.Get(t.Context(), "")
		if err != nil || strings.Contains(string(revision), "hunter") {
			t.Errorf("%q, %v", revision, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, path := range []string{"", "a\x00b", "/etc/pgbouncer/"} {
		if _, err := userlist.New(userlist.Options{Path: path}); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("%q: %v", path, err)
		}
	}
}
