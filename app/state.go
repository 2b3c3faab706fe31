package app

import (
	"os"
	"path/filepath"

	"github.com/agenticverz/rotor/fault"
)

// stateDir finds the state directory, makes it, and refuses one that is somebody
// else's: --state, ROTOR_STATE, systemd's STATE_DIRECTORY, /var/lib/rotor for
// root, XDG_STATE_HOME.
func stateDir(flag string) (string, error) {
	dir, err := findStateDir(flag)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fault.Wrap(fault.BadConfig, "state: directory", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", &fault.Error{Kind: fault.Denied, Op: "state: make the directory", Err: err,
			Hint: "name another with --state or ROTOR_STATE"}
	}
	at, err := os.Stat(dir)
	if err != nil {
		return "", fault.Wrap(fault.Denied, "state: look at the directory", err)
	}
	if uid, ok := owner(at); ok && uid != os.Geteuid() {
		return "", fault.New(fault.Denied, "state: %s belongs to uid %d, this process runs as uid %d", dir, uid, os.Geteuid()).
			WithHint("run rotor as the user that the state belongs to")
	}
	if at.Mode().Perm()&0o077 != 0 {
		return "", fault.New(fault.BadConfig, "state: others can look into %s (%v)", dir, at.Mode().Perm()).
			WithHint("chmod 700 %s", dir)
	}
	return dir, nil
}

// StateDir says where the state is, or would be; nothing is made.
func StateDir(flag string) (string, error) { return findStateDir(flag) }

func findStateDir(flag string) (string, error) {
	for _, dir := range []string{flag, os.Getenv("ROTOR_STATE"), os.Getenv("STATE_DIRECTORY")} {
		if dir != "" {
			return dir, nil
		}
	}
	if os.Geteuid() == 0 {
		return "/var/lib/rotor", nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "rotor"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fault.New(fault.BadConfig, "state: no home folder").WithHint("name a directory with --state or ROTOR_STATE")
	}
	return filepath.Join(home, ".local", "state", "rotor"), nil
}
