package localserver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MissingError says that a program a server needs is not on this machine.
type MissingError struct {
	Program string // what is missing, for a reader: "PostgreSQL"
	Hint    string // what to do about it
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s not found: %s", e.Program, e.Hint)
}

// CacheDir is where test/servers.sh keeps the programs that it builds:
// $ROTOR_TEST_CACHE, else rotor-test in the user's cache directory.
func CacheDir() string {
	if dir := os.Getenv("ROTOR_TEST_CACHE"); dir != "" {
		return dir
	}
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		base = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(base, "rotor-test")
}

// findProgram returns the absolute path of the first of names that is on the PATH.
func findProgram(names ...string) (string, bool) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path, true
			}
		}
	}
	return "", false
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// cleanEnv is the whole environment of a server. Nothing else is inherited: Vault prints
// the names of what it gets, and settings of the caller (PGDATA, VAULT_ADDR) would act.
func cleanEnv(home string, extra ...string) []string {
	path := os.Getenv("PATH") + ":/usr/sbin:/sbin" // root's PATH may lack them
	return append([]string{
		"PATH=" + strings.TrimPrefix(path, ":"), "HOME=" + home, "LC_ALL=C", "TZ=UTC",
	}, extra...)
}
