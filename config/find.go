package config

import (
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
)

// FileName is what is looked for.
const FileName = "rotor.yaml"

// Search says where to look for a configuration.
type Search struct {
	Flag   string                   // --config; "" = not given
	Getenv func(name string) string // nil = no environment
	Dir    string                   // where walking upward begins
	Home   string                   // not passed on the way up; "" = unknown
	System string                   // "" = /etc/rotor
}

// Found is a configuration's place.
type Found struct {
	Path string
	// Walked: it was met by walking upward, so it may be anybody's. Its
	// references are resolved and its commands run only once it is trusted.
	Walked bool
	From   string // "--config", "ROTOR_CONFIG", "walking upward", …: for people
}

// Find looks for the configuration: --config, ROTOR_CONFIG, upward from Dir to
// the root of the repository, $XDG_CONFIG_HOME/rotor, /etc/rotor. A file that is
// named explicitly must exist; nothing else is tried then.
func Find(s Search) (Found, error) {
	getenv := s.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	for _, named := range []Found{{Path: s.Flag, From: "--config"}, {Path: getenv("ROTOR_CONFIG"), From: "ROTOR_CONFIG"}} {
		if named.Path == "" {
			continue
		}
		if !filepath.IsAbs(named.Path) {
			named.Path = filepath.Join(s.Dir, named.Path)
		}
		if !isFile(named.Path) {
			return Found{}, fault.New(fault.BadConfig, "config: %s names %s, which is not a file", named.From, named.Path).
				WithHint("correct the path, or leave it out to search upward from the present folder")
		}
		return named, nil
	}
	if path, ok := s.walk(); ok {
		return Found{Path: path, Walked: true, From: "walking upward"}, nil
	}
	dirs := []Found{{Path: getenv("XDG_CONFIG_HOME"), From: "XDG_CONFIG_HOME"}, {Path: s.System, From: "the system's folder"}}
	if dirs[0].Path == "" && s.Home != "" {
		dirs[0] = Found{Path: filepath.Join(s.Home, ".config"), From: "the home folder"}
	}
	if dirs[0].Path != "" {
		dirs[0].Path = filepath.Join(dirs[0].Path, "rotor")
	}
	if dirs[1].Path == "" {
		dirs[1].Path = "/etc/rotor"
	}
	for _, d := range dirs {
		// a relative XDG_CONFIG_HOME is to be ignored, says the XDG specification
		if path := filepath.Join(d.Path, FileName); filepath.IsAbs(d.Path) && isFile(path) {
			return Found{Path: path, From: d.From}, nil
		}
	}
	return Found{}, s.missing()
}

// walk goes up until a repository's root, the home folder or the end of the
// file system; whatever lies above belongs to somebody else.
func (s Search) walk() (string, bool) {
	if s.Dir == "" || !filepath.IsAbs(s.Dir) {
		return "", false
	}
	begin := device(s.Dir)
	for dir := filepath.Clean(s.Dir); ; dir = filepath.Dir(dir) {
		if device(dir) != begin {
			return "", false
		}
		if path := filepath.Join(dir, FileName); isFile(path) {
			return path, true
		}
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		if err == nil || dir == filepath.Dir(dir) || s.Home != "" && dir == filepath.Clean(s.Home) {
			return "", false
		}
	}
}

func (s Search) missing() error {
	none := fault.New(fault.BadConfig, "config: no %s here, above, in ~/.config/rotor or in /etc/rotor", FileName)
	for _, near := range []string{"rotor.yml", "Rotor.yaml", ".rotor.yaml", "rotor.json"} {
		if path := filepath.Join(s.Dir, near); isFile(path) {
			return none.WithHint("%s is not looked for: rename it to %s", path, FileName)
		}
	}
	return none.WithHint("rotor init writes one; --config FILE names one")
}

func isFile(path string) bool {
	at, err := os.Stat(path)
	return err == nil && !at.IsDir()
}
