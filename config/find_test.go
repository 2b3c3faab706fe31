package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

// tree makes files (and folders, ending in /) below a fresh folder.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			name = ""
		} else {
			path = filepath.Dir(path)
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "" {
			if err := os.WriteFile(filepath.Join(root, name), []byte("version: 1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string
		flag   string
		env    map[string]string // values are below the root
		dir    string
		want   string // "" = nothing is found
		walked bool
	}{
		{"flag before all", []string{"a.yaml", "b.yaml", "repo/rotor.yaml"}, "../a.yaml", map[string]string{"ROTOR_CONFIG": "b.yaml"}, "repo", "a.yaml", false},
		{"environment before walking", []string{"b.yaml", "repo/rotor.yaml"}, "", map[string]string{"ROTOR_CONFIG": "b.yaml"}, "repo", "b.yaml", false},
		{"here", []string{"repo/rotor.yaml"}, "", nil, "repo", "repo/rotor.yaml", true},
		{"above", []string{"repo/rotor.yaml", "repo/.git/", "repo/a/b/"}, "", nil, "repo/a/b", "repo/rotor.yaml", true},
		{"not above a repository", []string{"rotor.yaml", "repo/.git/", "repo/a/"}, "", nil, "repo/a", "", false},
		{"a worktree's .git is a file", []string{"rotor.yaml", "repo/.git", "repo/a/"}, "", nil, "repo/a", "", false},
		{"in the home folder", []string{"home/rotor.yaml", "home/a/"}, "", nil, "home/a", "home/rotor.yaml", true},
		{"not above the home folder", []string{"rotor.yaml", "home/a/"}, "", nil, "home/a", "", false},
		{"a folder of that name is passed", []string{"home/rotor.yaml", "home/a/rotor.yaml/"}, "", nil, "home/a", "home/rotor.yaml", true},
		{"XDG", []string{"xdg/rotor/rotor.yaml", "home/.config/rotor/rotor.yaml", "home/a/"}, "", map[string]string{"XDG_CONFIG_HOME": "xdg"}, "home/a", "xdg/rotor/rotor.yaml", false},
		{"XDG's default", []string{"home/.config/rotor/rotor.yaml", "etc/rotor.yaml", "home/a/"}, "", nil, "home/a", "home/.config/rotor/rotor.yaml", false},
		{"the system's", []string{"etc/rotor.yaml", "home/a/"}, "", nil, "home/a", "etc/rotor.yaml", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t, c.files...)
			getenv := func(name string) string {
				if v := c.env[name]; v != "" {
					return filepath.Join(root, v)
				}
				return ""
			}
			got, err := Find(Search{Flag: c.flag, Getenv: getenv, Dir: filepath.Join(root, c.dir), Home: filepath.Join(root, "home"), System: filepath.Join(root, "etc")})
			if c.want == "" {
				if err == nil || fault.KindOf(err) != fault.BadConfig || fault.HintOf(err) == "" {
					t.Fatalf("found %+v, %v", got, err)
				}
				return
			}
			if err != nil || filepath.Clean(got.Path) != filepath.Join(root, c.want) || got.Walked != c.walked {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestFindSaysWhatIsWrong(t *testing.T) {
	root := tree(t, "repo/.git/", "repo/rotor.yml", "home/.config/rotor/rotor.yaml")
	s := Search{Dir: filepath.Join(root, "repo"), System: filepath.Join(root, "etc")}
	if _, err := Find(s); err == nil || !strings.Contains(fault.HintOf(err), "rename it to rotor.yaml") {
		t.Errorf("rotor.yml: %v", err)
	}
	s.Flag, s.Home = "missing.yaml", filepath.Join(root, "home")
	if _, err := Find(s); err == nil || !strings.Contains(err.Error(), "--config names") {
		t.Errorf("a missing --config falls through: %v", err)
	}
}
