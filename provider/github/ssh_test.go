package github_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	double "github.com/agenticverz/rotor/doubles/github"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/fault/faulttest"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/github"
)

func hostKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// server is an ssh server that lets nobody in, each in its own way. It gives its
// address and its host key.
func server(t *testing.T, change func(*ssh.ServerConfig)) (string, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host := hostKey(t)
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
				return nil, errors.New("no")
			}}
			change(config)
			config.AddHostKey(host)
			_, _, _, _ = ssh.NewServerConn(conn, config)
			conn.Close()
		}
	}()
	return l.Addr().String(), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(host.PublicKey())))
}

// TestWhatProvesDeath: only that a server with the right host key knows no such key.
func TestWhatProvesDeath(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*ssh.ServerConfig)
		want   provider.Liveness
	}{
		{"no such key", func(*ssh.ServerConfig) {}, provider.Refused},
		{"a key that it knows, and another signature", func(c *ssh.ServerConfig) {
			c.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }
			c.VerifiedPublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey, *ssh.Permissions, string) (*ssh.Permissions, error) {
				return nil, errors.New("no")
			}
		}, provider.NotKnown},
		{"passwords only", func(c *ssh.ServerConfig) {
			c.PublicKeyCallback = nil
			c.PasswordCallback = func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, errors.New("no") }
		}, provider.NotKnown},
		{"hangs up", func(c *ssh.ServerConfig) {
			c.PublicKeyCallback = func(m ssh.ConnMetadata, _ ssh.PublicKey) (*ssh.Permissions, error) {
				_ = m.(interface{ Close() error }).Close()
				return nil, errors.New("no")
			}
		}, provider.NotKnown},
		{"hangs up after the first try", func(c *ssh.ServerConfig) { c.MaxAuthTries = 1 }, provider.NotKnown},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
			v := issued(t, serve(t, a))
			address, key := server(t, c.change)
			a.opts.SSHAddress, a.opts.SSHHostKeys = address, []string{key}
			live, err := serve(t, a).(provider.Prober).Probe(t.Context(), v)
			if live != c.want || live == provider.NotKnown && err == nil {
				t.Errorf("%s, %v", live, err)
			}
		})
	}
}

// TestHostKeys: a server that is not the one that was pinned is told nothing.
func TestHostKeys(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	own := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(a.HostKey())))
	other := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hostKey(t).PublicKey())))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sort := string(ssh.MarshalAuthorizedKey(public))
	a.opts.SSHHostKeys = []string{other, own}
	if err := serve(t, a).Verify(t.Context(), v); err != nil {
		t.Errorf("one of two: %v", err)
	}
	for name, pins := range map[string][]string{"another": {other}, "another sort": {sort}} {
		a.opts.SSHHostKeys = pins
		p := serve(t, a)
		faulttest.Want(t, name+": Verify", p.Verify(t.Context(), v), fault.BadConfig, "ssh-host-keys")
		faulttest.Want(t, name+": Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), fault.BadConfig, "ssh-host-keys")
		if live, _ := p.(provider.Prober).Probe(t.Context(), v); live != provider.NotKnown {
			t.Errorf("%s: %s", name, live)
		}
	}
	// an impostor that knows no key must not be believed
	a.opts.SSHHostKeys = []string{own}
	a.opts.SSHAddress, _ = server(t, func(*ssh.ServerConfig) {})
	if live, err := serve(t, a).(provider.Prober).Probe(t.Context(), v); live != provider.NotKnown {
		t.Errorf("%s, %v", live, err)
	}
}

// TestASwitchedOffKey lets nobody in, and is still there.
func TestASwitchedOffKey(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	p := serve(t, a)
	v := issued(t, p)
	ids := a.DeployKeys(a.Repository)
	a.Disable(ids[0])
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Rejected, "")
	if err := p.Revoke(t.Context(), v.Handle); err != nil || len(a.DeployKeys(a.Repository)) != 0 {
		t.Error(err)
	}
}

// TestNoWayToTheServer: a closed port is no verdict, and Preflight sees it.
func TestNoWayToTheServer(t *testing.T) {
	a := newAccount(t, double.Options{}, github.Options{Kind: "deploy-key"})
	v := issued(t, serve(t, a))
	a.opts.SSHAddress = "127.0.0.1:1"
	p := serve(t, a)
	faulttest.Want(t, "Verify", p.Verify(t.Context(), v), fault.Transient, "ssh.github.com:443")
	faulttest.Want(t, "Preflight", p.(provider.Preflighter).Preflight(t.Context(), request), fault.Transient, "ssh.github.com:443")
}
