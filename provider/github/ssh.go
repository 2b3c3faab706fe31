package github

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// pair reads a value: the private key, and the public one that belongs to it.
func pair(step string, values secret.Set) (public string, signer ssh.Signer, err error) {
	signer, err = ssh.ParsePrivateKey([]byte(values[privateField].Reveal()))
	if err != nil { // its words may quote
		return "", nil, fault.New(fault.Rejected, "github: %s: %s is no private key without a passphrase", step, privateField).
			WithHint("supply the whole file, -----BEGIN OPENSSH PRIVATE KEY-----")
	}
	public = line(signer.PublicKey())
	if told := values[publicField]; !told.IsZero() {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(told.Reveal()))
		if err != nil || line(key) != public {
			return "", nil, fault.New(fault.Rejected, "github: %s: %s does not belong to %s", step, publicField, privateField)
		}
	}
	return public, signer, nil
}

// Verify logs in with the key, as git does, for what the key is to be able to; and
// makes sure that it is the one of the handle.
func (p *DeployKey) Verify(ctx context.Context, v provider.Issued) error {
	public, signer, err := pair("verify", v.Values)
	if err != nil {
		return err
	}
	if err := p.here("verify", v.Handle); err != nil {
		return err
	}
	live, err := p.login(ctx, "verify", signer)
	if err := provider.Judged("github: verify", live, err); err != nil || v.Handle.IsZero() {
		return err
	}
	e, err := p.get(ctx, "verify", v.Handle)
	switch {
	case strings.HasPrefix(fault.HintOf(err), unseenHint): // or not arrived everywhere
		return fault.Wrap(fault.Rejected, "github: verify: the key works, and is not listed", err)
	case err != nil:
		return err
	case !e.is(public):
		return fault.New(fault.Rejected, "github: verify: the key works, but is not number %d", e.ID)
	case e.ReadOnly != nil && *e.ReadOnly != p.opts.readOnly():
		return fault.New(fault.Rejected, "github: verify: read-only of key %d is %t, want %t", e.ID, *e.ReadOnly, p.opts.readOnly()).
			WithHint("correct read-only in rotor.yaml, or rotate: a deploy key cannot be changed")
	}
	return nil
}

// Probe says whether the key lets anybody in.
func (p *DeployKey) Probe(ctx context.Context, v provider.Issued) (provider.Liveness, error) {
	_, signer, err := pair("probe", v.Values)
	if err != nil {
		return provider.NotKnown, err
	}
	if err := p.here("probe", v.Handle); err != nil {
		return provider.NotKnown, err
	}
	return p.login(ctx, "probe", signer)
}

// here: the key is of this repository, if its handle is known. It is not tried elsewhere:
// another server would not know it, which proves nothing.
func (p *DeployKey) here(step string, h rotation.Handle) error {
	if h.IsZero() {
		return nil
	}
	_, err := p.split(step, h)
	return err
}

// asked notes whether the server wanted a signature: it knows the key then.
type asked struct {
	ssh.AlgorithmSigner
	sign bool
}

func (a *asked) Sign(rand io.Reader, text []byte) (*ssh.Signature, error) {
	a.sign = true
	return a.AlgorithmSigner.Sign(rand, text)
}

func (a *asked) SignWithAlgorithm(rand io.Reader, text []byte, algorithm string) (*ssh.Signature, error) {
	a.sign = true
	return a.AlgorithmSigner.SignWithAlgorithm(rand, text, algorithm)
}

// login presents the key on a fresh connection. Refused: the server, whose host key is
// right, knows no such key.
func (p *DeployKey) login(ctx context.Context, step string, signer ssh.Signer) (provider.Liveness, error) {
	capable, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return provider.NotKnown, bad("%s: no login with a key of type %s", step, signer.PublicKey().Type())
	}
	presented := &asked{AlgorithmSigner: capable}
	conn, err := p.connect(ctx, step, ssh.PublicKeys(presented))
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "attempted methods [none publickey]") && !presented.sign:
		return provider.Refused, nil
	default:
		return provider.NotKnown, err
	}
	defer conn.Close()
	return p.git(step, conn)
}

// greet makes sure that the ssh server is there, and the right one: who presents no key
// is refused.
func (p *DeployKey) greet(ctx context.Context) error {
	conn, err := p.connect(ctx, "preflight")
	if err == nil {
		conn.Close()
		return nil
	}
	if strings.Contains(err.Error(), "attempted methods [none]") {
		return nil
	}
	return err
}

// sshTimeout is for a whole login.
const sshTimeout = 20 * time.Second

// sshConn is a login, and what ends with it.
type sshConn struct {
	*ssh.Client
	stop func() bool
}

func (c sshConn) Close() error {
	c.stop()
	return c.Client.Close()
}

func (p *DeployKey) connect(ctx context.Context, step string, methods ...ssh.AuthMethod) (sshConn, error) {
	op := name + ": " + step + ": ssh " + p.sshAddress()
	pins, err := p.hostKeys(ctx, step)
	if err != nil {
		return sshConn{}, err
	}
	dialer := net.Dialer{Timeout: sshTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", p.sshAddress())
	if err != nil {
		return sshConn{}, fault.New(fault.Transient, "%s: no connection", op).
			WithHint("may this machine connect there? ssh-address: ssh.github.com:443 gets through more firewalls")
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(sshTimeout)) // a connection that cannot have one has failed already
	var strange error
	config := &ssh.ClientConfig{User: "git", Auth: methods, HostKeyAlgorithms: algorithms(pins), Timeout: sshTimeout,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			for _, pin := range pins {
				if bytes.Equal(pin.Marshal(), key.Marshal()) {
					return nil
				}
			}
			strange = errors.New("another host key")
			return strange
		}}
	conn, channels, requests, err := ssh.NewClientConn(raw, p.sshAddress(), config)
	if err == nil {
		return sshConn{Client: ssh.NewClient(conn, channels, requests), stop: stop}, nil
	}
	stop()
	raw.Close()
	if strange != nil || strings.Contains(err.Error(), "no common algorithm for host key") {
		return sshConn{}, fault.New(fault.BadConfig, "%s: the server shows a host key that is not GitHub's", op).
			WithHint("is something between here and GitHub? for a server of your own set ssh-host-keys")
	}
	if strings.Contains(err.Error(), "attempted methods [none") {
		return sshConn{}, fault.Wrap(fault.Rejected, op, err) // names of methods only
	}
	return sshConn{}, fault.New(fault.Transient, "%s: the connection broke", op) // nothing is changed by it
}

// git asks for what git asks for first. Its answer begins with a length of four hex digits.
func (p *DeployKey) git(step string, conn sshConn) (provider.Liveness, error) {
	unclear := func(what string) (provider.Liveness, error) {
		return provider.NotKnown, fault.New(fault.Unknown, "github: %s: ssh: %s", step, what)
	}
	session, err := conn.NewSession()
	if err != nil {
		return unclear("no session")
	}
	defer session.Close()
	var words bytes.Buffer
	session.Stderr = &words
	out, err := session.StdoutPipe()
	if err != nil {
		return unclear("no session")
	}
	in, err := session.StdinPipe()
	if err != nil {
		return unclear("no session")
	}
	command := "git-upload-pack"
	if !p.opts.readOnly() {
		command = "git-receive-pack"
	}
	if err := session.Start(command + " '" + p.opts.Repository + ".git'"); err != nil {
		return unclear("the command was not taken")
	}
	var length [4]byte
	_, err = io.ReadFull(out, length[:])
	if err == nil && strings.Trim(string(length[:]), "0123456789abcdef") == "" {
		_, _ = in.Write([]byte("0000")) // nothing is wanted, nothing is sent
		return provider.Alive, nil
	}
	_ = session.Wait() // it has ended; what it says on the way out is in words
	text := strings.ToLower(words.String())
	switch {
	case strings.Contains(text, "repository not found"), strings.Contains(text, "read only"), strings.Contains(text, "read-only"):
		return provider.Restricted, nil
	}
	return unclear("an answer that is not git's")
}

// sshAddress is where keys are tried.
func (p *DeployKey) sshAddress() string {
	if p.opts.SSHAddress != "" {
		return p.opts.SSHAddress
	}
	u, err := url.Parse(p.web())
	if err != nil {
		return "github.com:22"
	}
	return net.JoinHostPort(u.Hostname(), "22")
}

// hostKeys are those that the server may show: as configured, or as the API says.
func (p *DeployKey) hostKeys(ctx context.Context, step string) ([]ssh.PublicKey, error) {
	lines := p.opts.SSHHostKeys
	if len(lines) == 0 {
		var got struct {
			Keys []string `json:"ssh_keys"`
		}
		if err := p.do(ctx, apiclient.Call{Step: step, Path: "/meta", Out: &got}); err != nil {
			return nil, err
		}
		lines = got.Keys
	}
	var out []ssh.PublicKey
	for _, l := range lines {
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(l)); err == nil {
			out = append(out, key)
		}
	}
	if len(out) == 0 {
		return nil, bad("%s: the API lists no host keys", step).WithHint("set ssh-host-keys: what ssh-keyscan shows, compared with what the server's owner says")
	}
	return out, nil
}

// algorithms are those that the pinned keys can sign with.
func algorithms(pins []ssh.PublicKey) []string {
	var out []string
	for _, pin := range pins {
		if pin.Type() == ssh.KeyAlgoRSA {
			out = append(out, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		out = append(out, pin.Type())
	}
	return out
}
