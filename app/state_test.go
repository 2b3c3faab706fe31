package app_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/app"
	"github.com/agenticverz/rotor/fault"
)

func TestManyAtOnceOnTheFirstUse(t *testing.T) {
	folder(t, map[string]string{"rotor.yaml": plain})
	var wg sync.WaitGroup
	apps := make([]*app.App, 8)
	for i := range apps {
		wg.Go(func() {
			a, err := app.New(t.Context(), app.Options{StateDir: "state", ConfigPath: "rotor.yaml"})
			if err != nil {
				t.Error(err)
				return
			}
			apps[i] = a
		})
	}
	wg.Wait()
	var print string
	for _, a := range apps {
		if a == nil {
			continue
		}
		mac, err := a.Keys.AuditMAC([]byte("x"))
		if err != nil || print != "" && print != string(mac) {
			t.Errorf("different keys (%v)", err)
		}
		print = string(mac)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	at, err := os.Stat("state/key")
	if err != nil || at.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", at, err)
	}
	if left, _ := filepath.Glob("state/.new-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheKey(t *testing.T) {
	folder(t, map[string]string{"rotor.yaml": plain})
	o := app.Options{StateDir: "state", ConfigPath: "rotor.yaml"}
	a := open(t, o)
	key, err := os.ReadFile("state/key")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func() error
		words string
	}{
		"gone":    {func() error { return os.Remove("state/key") }, "restore the key"},
		"open":    {func() error { return os.Chmod("state/key", 0o640) }, "chmod 600"},
		"garbled": {func() error { return os.WriteFile("state/key", key[:len(key)/2], 0o600) }, "backup"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.spoil(); err != nil {
				t.Fatal(err)
			}
			_, err := app.New(t.Context(), o)
			wantFault(t, err, fault.BadConfig, c.words)
			_ = os.Remove("state/key")
			if err := os.WriteFile("state/key", key, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		if err := os.Rename("state/key", "elsewhere"); err != nil {
			t.Fatal(err)
		}
		t.Setenv("ROTOR_KEY_FILE", "elsewhere")
		b := open(t, o)
		x, _ := a.Keys.AuditMAC([]byte("x"))
		y, _ := b.Keys.AuditMAC([]byte("x"))
		if string(x) != string(y) {
			t.Error("another key")
		}
		t.Setenv("ROTOR_KEY_FILE", "")
		credentials := t.TempDir()
		if err := os.Rename("elsewhere", filepath.Join(credentials, "rotor-key")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CREDENTIALS_DIRECTORY", credentials)
		open(t, o)
	})
}

func TestTheStateDirectory(t *testing.T) {
	folder(t, map[string]string{"rotor.yaml": plain, "file": ""})
	if err := os.Mkdir("open", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod("open", 0o750); err != nil {
		t.Fatal(err)
	}
	_, err := app.New(t.Context(), app.Options{StateDir: "open", ConfigPath: "rotor.yaml"})
	wantFault(t, err, fault.BadConfig, "chmod 700")
	_, err = app.New(t.Context(), app.Options{StateDir: "file/below", ConfigPath: "rotor.yaml"})
	wantFault(t, err, fault.Denied, "ROTOR_STATE")
	if os.Geteuid() == 0 {
		if err := os.Mkdir("theirs", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown("theirs", 65534, 65534); err != nil {
			t.Fatal(err)
		}
		_, err = app.New(t.Context(), app.Options{StateDir: "theirs", ConfigPath: "rotor.yaml"})
		wantFault(t, err, fault.Denied, "belongs to uid 65534")
		if left, _ := os.ReadDir("theirs"); len(left) > 0 {
			t.Errorf("wrote into somebody else's: %v", left)
		}
	}
}

func TestWhereTheStateIs(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/xdg")
	want := "/xdg/rotor"
	if os.Geteuid() == 0 {
		want = "/var/lib/rotor"
	}
	for _, c := range []struct{ flag, env, want string }{{"", "", want}, {"", "/env", "/env"}, {"/flag", "/env", "/flag"}} {
		t.Setenv("ROTOR_STATE", c.env)
		if got, err := app.StateDir(c.flag); err != nil || got != c.want {
			t.Errorf("flag %q, env %q: %q %v, want %q", c.flag, c.env, got, err, c.want)
		}
	}
}
