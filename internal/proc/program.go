package proc

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/agenticverz/rotor/fault"
)

// Look finds a program of ours (docker) in PATH, once; the caller keeps the
// absolute path. A find in the current directory does not count.
func Look(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil || !filepath.IsAbs(path) {
		return "", fault.New(fault.BadConfig, "%s is not in PATH", name).WithHint("install %s, or set PATH for Rotor", name)
	}
	return path, nil
}

// CheckProgram refuses a program configured by a user that somebody else could
// replace: it must be an absolute path to an executable file, owned by root or
// by us and writable by nobody else, and so must every directory above it. A
// symbolic link is followed; the file it leads to counts.
func CheckProgram(path string) error {
	if !filepath.IsAbs(path) {
		return fault.New(fault.BadConfig, "program %q is not an absolute path", path).
			WithHint("write the whole path; Rotor does not search PATH for hooks and uses no shell")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fault.New(fault.BadConfig, "program %s does not exist or cannot be reached", path)
	}
	// both chains: whoever can write beside the link can exchange it
	for _, start := range []string{filepath.Clean(path), real} {
		if err := checkChain(start, start == real); err != nil {
			return err
		}
	}
	return nil
}

func checkChain(path string, withFile bool) error {
	if withFile {
		if err := checkFile(path); err != nil {
			return err
		}
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fault.New(fault.BadConfig, "directory %s cannot be examined", dir)
		}
		if why := foreign(info); why != "" {
			return fault.New(fault.BadConfig, "program %s: directory %s %s", path, dir, why).
				WithHint("make it belong to root or to Rotor's user, and take write permission from others")
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func checkFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fault.New(fault.BadConfig, "program %s cannot be examined", path)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return fault.New(fault.BadConfig, "program %s is not an executable file", path).WithHint("chmod +x %s", path)
	}
	if why := foreign(info); why != "" {
		return fault.New(fault.BadConfig, "program %s %s", path, why).
			WithHint("chown root %s && chmod go-w %s", path, path)
	}
	return nil
}

// foreign says why somebody else could change the file or what the directory
// holds; "" if nobody can. In a sticky directory (/tmp) others cannot exchange
// what is not theirs.
func foreign(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "has no owner that could be checked"
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return "belongs to another user"
	}
	if info.IsDir() && info.Mode()&fs.ModeSticky != 0 {
		return ""
	}
	if info.Mode()&0o022 != 0 {
		return "can be written by its group or by others"
	}
	return ""
}
