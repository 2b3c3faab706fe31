package github

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Listen opens the ssh server on a loopback address ("127.0.0.1:0") until Close, and
// gives its address.
func (d *Double) Listen(address string) (string, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("listen: %q is not a loopback address and a port", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listener = l
	go d.accept(l) // ends with Close
	return l.Addr().String(), nil
}

// Close ends the ssh server and its connections.
func (d *Double) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn := range d.sessions {
		conn.Close()
	}
	if d.listener == nil {
		return nil
	}
	return d.listener.Close()
}

// HostKey is what the ssh server shows of itself.
func (d *Double) HostKey() ssh.PublicKey { return d.host.PublicKey() }

func (d *Double) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.sessions[conn] = true
		d.mu.Unlock()
		go func() {
			defer func() {
				conn.Close()
				d.mu.Lock()
				defer d.mu.Unlock()
				delete(d.sessions, conn)
			}()
			d.session(conn)
		}()
	}
}

var errNoKey = errors.New("no such key")

// session is one login: whoever has a key that a repository knows comes in.
func (d *Double) session(conn net.Conn) {
	var in *deployKey
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-double", PublicKeyCallback: func(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if meta.User() != "git" {
			return nil, errNoKey
		}
		k := d.known(bare(string(ssh.MarshalAuthorizedKey(key))))
		if k == nil {
			return nil, errNoKey
		}
		in = k // the last key that was asked about is the one that signs
		return nil, nil
	}}
	config.AddHostKey(d.host)
	login, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer login.Close()
	go ssh.DiscardRequests(requests) // ends with the connection
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		d.run(channel, requests, in)
	}
}

// known finds a deploy key that works.
func (d *Double) known(public string) *deployKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.keys.Use(public)
	for _, k := range d.deploys {
		if k.Key == found && !k.disabled {
			return k
		}
	}
	return nil
}

// run answers one session: git's two commands, and a greeting for everything else.
func (d *Double) run(channel ssh.Channel, requests <-chan *ssh.Request, k *deployKey) {
	defer channel.Close()
	for r := range requests {
		if r.Type != "exec" && r.Type != "shell" {
			_ = r.Reply(r.Type == "env", nil)
			continue
		}
		_ = r.Reply(true, nil)
		var in struct{ Command string }
		if r.Type == "exec" {
			_ = ssh.Unmarshal(r.Payload, &in)
		}
		out, errs, status := d.git(in.Command, k)
		fmt.Fprint(channel, out)
		fmt.Fprint(channel.Stderr(), errs)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// nothing is how a repository without commits is announced, to who reads and to who writes.
const (
	nothing        = "0000"
	nothingToWrite = "0000000000000000000000000000000000000000 capabilities^{}\x00report-status delete-refs"
)

func (d *Double) git(command string, k *deployKey) (out, errs string, status uint32) {
	program, path, _ := strings.Cut(command, " ")
	path = strings.TrimSuffix(strings.TrimPrefix(strings.Trim(path, "'"), "/"), ".git")
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case program != "git-upload-pack" && program != "git-receive-pack":
		return "", fmt.Sprintf("Hi %s! You've successfully authenticated, but GitHub does not provide shell access.\n", k.repo.name), 1
	case path != k.repo.name:
		return "", "ERROR: Repository not found.\n", 1
	case program == "git-receive-pack" && k.readOnly:
		return "", "ERROR: The key you are authenticating with has been marked as read only.\n", 1
	case program == "git-receive-pack":
		return fmt.Sprintf("%04x%s%s", len(nothingToWrite)+4, nothingToWrite, nothing), "", 0
	}
	return nothing, "", 0
}
