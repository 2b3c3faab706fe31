package localserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
)

// room is the directory of one server, and the account the server runs as.
type room struct {
	dir   string
	ours  bool     // we made it: remove it at the end
	runAs *account // nil: as ourselves
}

// account is an unprivileged user.
type account struct {
	name     string
	uid, gid uint32
}

// newRoom makes the directory, or a fresh one below the system's temporary directory if
// dir is empty. With unprivileged it looks for an account when we are root, and makes
// sure that the account can get into the directory.
func newRoom(dir, name string, unprivileged bool) (*room, error) {
	r := &room{dir: dir, ours: dir == ""}
	var err error
	if r.ours {
		r.dir, err = os.MkdirTemp("", "rotor-"+name+"-")
	} else if r.dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(r.dir, 0o700)
	}
	if err != nil {
		return nil, err
	}
	if unprivileged && runtime.GOOS == "linux" && os.Geteuid() == 0 {
		err = r.letIn()
	}
	if err != nil {
		return nil, errors.Join(err, r.remove())
	}
	return r, nil
}

// letIn chooses the account and opens the directory (to be entered, not listed) for it.
func (r *room) letIn() error {
	var err error
	if r.runAs, err = findAccount("postgres", "nobody"); err != nil {
		return err
	}
	if err := os.Chmod(r.dir, 0o711); err != nil {
		return err
	}
	for dir := r.dir; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("user %s cannot enter %s: choose a directory below /tmp whose parents all are mode 0711 or more", r.runAs.name, dir)
		}
	}
	return nil
}

func findAccount(names ...string) (*account, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
		}
	}
	return nil, &MissingError{"an unprivileged user", "root cannot run this server; add a user named postgres"}
}

func (r *room) path(name string) string { return filepath.Join(r.dir, name) }

// mkdir makes a new directory that belongs to the server's account.
func (r *room) mkdir(name string) (string, error) {
	path := r.path(name)
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, r.give(path)
}

// write makes a file that only the server's account can read.
func (r *room) write(name, content string) (string, error) {
	path := r.path(name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", err
	}
	return path, r.give(path)
}

func (r *room) give(path string) error {
	if r.runAs == nil {
		return nil
	}
	return os.Chown(path, int(r.runAs.uid), int(r.runAs.gid))
}

func (r *room) remove() error {
	if !r.ours {
		return nil
	}
	return os.RemoveAll(r.dir)
}

// onFreePort calls start with a free port, and again with another one if the server ended
// at once: another process may take the port between our choice and the server's use.
func onFreePort(start func(port int) error) error {
	var err error
	for range 3 {
		var port int
		if port, err = freePort(); err != nil {
			return err
		}
		if err = start(port); !errors.Is(err, errExited) {
			return err
		}
	}
	return err
}

// freePort returns a TCP port of 127.0.0.1 that was free a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// randomSecret has 130 bits and only letters and digits: nothing to escape anywhere.
func randomSecret() string { return rand.Text() }
