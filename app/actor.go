package app

import (
	"os"
	"os/user"
	"strconv"
)

// actor names who runs this process, for the audit. The system's word counts,
// not the environment's; sudo's is added, because it says who is behind root.
func actor() string {
	uid := strconv.Itoa(os.Getuid())
	name := "uid " + uid
	if u, err := user.LookupId(uid); err == nil {
		name = u.Username
	}
	if behind := os.Getenv("SUDO_USER"); behind != "" && os.Getuid() == 0 {
		name += " (sudo " + behind + ")"
	}
	return name
}
