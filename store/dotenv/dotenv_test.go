package dotenv_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/secret"
	"github.com/agenticverz/rotor/store"
	"github.com/agenticverz/rotor/store/dotenv"
	"github.com/agenticverz/rotor/store/storetest"
)

// open returns a store whose file holds text; "" means that there is no file.
func open(t testing.TB, text string) (*dotenv.Store, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	if text != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dotenv.New(dotenv.Options{Path: file})
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

func edit(t testing.TB, s *dotenv.Store, e store.Edit) error {
	t.Helper()
	_, revision, err := s.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "", e, revision, store.Mark{})
	return err
}

func TestExam(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Subject {
		s, file := open(t, "")
		return storetest.Subject{Store: s, Path: "app.env", Break: func() {
			// a torn file: the quote of a long value is never closed
			file := filepath.Join(filepath.Dir(file), "app.env")
			if err := os.WriteFile(file, []byte("A=1\nB='"+read(t, file)+"\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

func TestExamDefaultFile(t *testing.T) {
	s, _ := open(t, "# mine\nOTHER=1\n")
	set, _, err := s.Get(t.Context(), "")
	if err != nil || set["OTHER"].Reveal() != "1" || len(set) != 1 {
		t.Fatalf("Get(\"\") = %v, %v", set, err)
	}
}

func TestEdit(t *testing.T) {
	set := func(kv ...string) store.Edit {
		e := store.Edit{Set: secret.Set{}}
		for i := 0; i < len(kv); i += 2 {
			e.Set[kv[i]] = secret.New(kv[i+1])
		}
		return e
	}
	del := func(keys ...string) store.Edit { return store.Edit{Delete: keys} }
	for _, c := range []struct {
		name, before string
		edit         store.Edit
		after        string
	}{
		{"new file", "", set("B", "2", "A", "x y"), "A='x y'\nB='2'\n"},
		{"plain value keeps its quoting", "A=1\nB=\"2\"\nC='3'\n", set("A", "x", "B", "y", "C", "z"), "A=x\nB=\"y\"\nC='z'\n"},
		{"special value gets single quotes", "A=1\nB=\"2\"\n", set("A", "pa$$word$x#y", "B", `a\b "c" #d`), "A='pa$$word$x#y'\nB='a\\b \"c\" #d'\n"},
		{"apostrophe gets double quotes", "A=1\n", set("A", `it's $5 "\n`), `A="it's \$5 \"\\n"` + "\n"},
		{"final backslash", "A=1\n", set("A", `C:\`), `A="C:\\"` + "\n"},
		{"several lines", "A=1\nB=2\n", set("A", "x\ny\n"), "A='x\ny\n'\nB=2\n"},
		{"comments and blanks stay", "# head\n\nA=1 # why\n  B = 2\n\n# tail", set("A", "9"), "# head\n\nA=9 # why\n  B = 2\n\n# tail"},
		{"export, colon, spaces", "export A=1\nB: 2\nC =  3\n", set("A", "x", "B", "y", "C", "z"), "export A=x\nB: y\nC =  z\n"},
		{"CRLF", "A=1\r\nB=\r\nC='3'\r\n", set("A", "9", "B", "8", "D", "7"), "A=9\r\nB='8'\r\nC='3'\r\nD='7'\r\n"},
		{"no final newline", "A=1", set("B", "2"), "A=1\nB='2'\n"},
		{"no final newline, edited", "A=1", set("A", "2"), "A=2"},
		{"BOM", "\ufeffA=1\n", set("A", "2"), "\ufeffA=2\n"},
		{"BOM alone", "\ufeff", set("A", "2"), "\ufeffA='2'\n"},
		{"BOM, delete", "\ufeffA=1\nB=2\n", del("A"), "\ufeffB=2\n"},
		{"every duplicate", "A=1\nB=${A}\nA='2'\n", set("A", "new"), "A=new\nB=${A}\nA='new'\n"},
		{"delete every duplicate", "A=1\nB=2\nA=3", del("A"), "B=2\n"},
		{"delete with comment", "A=1\nB=2 # two\nC=3\n", del("B"), "A=1\nC=3\n"},
		{"delete one of two on a line", "A='1' B='2'\n", del("A"), " B='2'\n"},
		{"delete several lines", "A='1\n2'\nB=3\n", del("A"), "B=3\n"},
		{"set several lines to one", "A=\"1\n2\" # c\nB=3\n", set("A", "x"), "A=\"x\" # c\nB=3\n"},
		{"name that ends alike", "MY_API_KEY=1\nAPI_KEY=2\nAPI_KEY_ID=3\n", set("API_KEY", "9"), "MY_API_KEY=1\nAPI_KEY=9\nAPI_KEY_ID=3\n"},
		{"commented-out twin", "#A=1\nA=2\n", set("A", "9"), "#A=1\nA=9\n"},
		{"bare name", "A\nB=1\n", set("A", "9"), "A\nB=1\nA='9'\n"},
		{"reference becomes a value", "U=me\nURL=x://${U}@h\n", set("URL", "x://you@h"), "U=me\nURL=x://you@h\n"},
		{"same value changes nothing", "A=\"1\" # c\n", set("A", "1"), "A=\"1\" # c\n"},
		{"empty", "A=1\nB=\n", set("A", "", "B", "x"), "A=''\nB='x'\n"},
		{"hash begins a value", "A=#1 2 #c\n", set("A", "9"), "A=9 #c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, file := open(t, c.before)
			if err := edit(t, s, c.edit); err != nil {
				t.Fatal(err)
			}
			if got := read(t, file); got != c.after {
				t.Errorf("\n got %q\nwant %q", got, c.after)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const shown = "hunter-mark-3f9a"
	set := func(v string) store.Edit { return store.Edit{Set: secret.Set{"A": secret.New(v)}} }
	for _, c := range []struct {
		name, before string
		edit         store.Edit
		kind         fault.Kind
		says         string
	}{
		{"open quote", "X=1\nA='" + shown + "\n", set("x"), fault.BadConfig, ".env:2: "},
		{"no variable", "X=1\n\n" + shown + " is here\nA=1\n", set("x"), fault.BadConfig, ".env:3: "},
		{"spilled value", "A=1\n+" + shown + "/\n", set("x"), fault.BadConfig, ".env:2: "},
		{"not UTF-8", "X=1\nB=" + shown + "\xff\n", set("x"), fault.BadConfig, ".env:2: "},
		{"zero byte", "X=" + shown + "\x00\n", set("x"), fault.BadConfig, ".env:1: "},
		{"foreign reference", "X=1\nA=" + shown + "${HOME}\n", set("x"), fault.BadConfig, ".env:2: A "},
		{"default operator", "A=${X:-" + shown + "}\n", set("x"), fault.BadConfig, ".env:1: A "},
		{"quote and backtick", "A=1\n", set("'`" + shown), fault.Rejected, "variable A"},
		{"binary value", "A=1\n", set("\x00" + shown), fault.Rejected, "variable A"},
		{"bad name", "A=1\n", store.Edit{Set: secret.Set{"A B": secret.New(shown)}}, fault.BadConfig, `"A B"`},
		{"set and delete", "A=1\n", store.Edit{Set: secret.Set{"A": secret.New(shown)}, Delete: []string{"A"}}, fault.BadConfig, "variable A"},
		{"too long", "A=1\n", set(strings.Repeat(shown, 100_000)), fault.Rejected, "more than"},
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
			if fault.HintOf(err) == "" && c.name != "set and delete" && c.name != "too long" {
				t.Error("no hint")
			}
			if leak := storetest.NoLeak(err, shown); leak != nil {
				t.Error(leak)
			}
			now, err := os.Stat(file)
			if err != nil || !os.SameFile(info, now) || read(t, file) != c.before {
				t.Errorf("the file was touched (%v)", err)
			}
			if left, err := filepath.Glob(filepath.Dir(file) + "/.*rotor*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestNoFileForNothing(t *testing.T) {
	s, file := open(t, "")
	for _, e := range []store.Edit{{}, {Delete: []string{"A"}}} {
		if err := edit(t, s, e); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file was made: %v", err)
		}
	}
}

func TestHandEditIsNoticed(t *testing.T) {
	s, file := open(t, "A=1\n")
	_, revision, err := s.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0) // in place, same length
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("A=2\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "", store.Edit{Set: secret.Set{"A": secret.New("9")}}, revision, store.Mark{})
	if !errors.Is(err, store.ErrConflict) || fault.KindOf(err) != fault.Transient {
		t.Fatalf("want ErrConflict, got %v", err)
	}
	if read(t, file) != "A=2\n" {
		t.Error("the hand edit is gone")
	}
}

func TestRevisionSaysNothingOfTheValue(t *testing.T) {
	a, _ := open(t, "PIN=1234\n")
	b, _ := open(t, "PIN=1234\n")
	_, ra, err := a.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, rb, err := b.Get(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if ra == rb {
		t.Error("two files with the same text have the same revision")
	}
}

func TestKeepsModeOwnerAndLink(t *testing.T) {
	s, file := open(t, "A=1\n")
	real := filepath.Join(filepath.Dir(file), "shared", "real.env")
	if err := os.Mkdir(filepath.Dir(real), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, real); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("shared/real.env", file); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(real, 0o640); err != nil {
		t.Fatal(err)
	}
	uid := os.Getuid()
	if uid == 0 {
		uid = 12345
		if err := os.Chown(real, uid, 23456); err != nil {
			t.Fatal(err)
		}
	}
	if err := edit(t, s, store.Edit{Set: secret.Set{"A": secret.New("2")}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(real)
	if err != nil {
		t.Fatal(err)
	}
	if st, _ := info.Sys().(*syscall.Stat_t); info.Mode() != 0o640 || int(st.Uid) != uid {
		t.Errorf("mode %v, uid %d", info.Mode(), st.Uid)
	}
	if link, err := os.Readlink(file); err != nil || link != "shared/real.env" {
		t.Errorf("the link became %q, %v", link, err)
	}
	if read(t, real) != "A=2\n" {
		t.Errorf("got %q", read(t, real))
	}
}

func TestPaths(t *testing.T) {
	s, _ := open(t, "A=1\n")
	for _, path := range []string{"../x", "/etc/passwd", "a/../../x", "x\x00", "dir/"} {
		if _, _, err := s.Get(t.Context(), path); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("Get(%q): %v", path, err)
		}
	}
	for _, path := range []string{"", "x/", "\x00"} {
		if _, err := dotenv.New(dotenv.Options{Path: path}); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
			t.Errorf("New(%q): %v", path, err)
		}
	}
	if err := s.Preflight(t.Context(), "no/such/folder.env"); fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
		t.Errorf("a folder that is not there: %v", err)
	}
}
