// Package upstash is a double of Upstash: the Developer API for one data base, its
// Redis over RESP, and its REST.
//
// What surprises: Redis there is not quite Redis. A user's password must come from
// ACL GENTOKEN; `ACL SETUSER app >mine` is refused, and so is every change to the
// user default. The REST token contains the password, so it dies with it.
package upstash

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a paid data base with everything shown.
type Options struct {
	Email, Key   string // of the Developer API; "" = made up
	Slug         bool   // endpoint is a bare name, without the domain
	HidePassword bool   // the answer to a reset lacks the secrets
	Protected    bool   // Credential Protection: secrets only in the answer to a reset
	Free         bool   // the free plan: no ACL
	NoTokens     bool   // the API shows the password but no REST tokens
	Backend      Backend
	Prefix       string // of all users in the backend, where several doubles share one
	Clock        *doubles.Clock
}

// Backend is the Redis behind the double.
type Backend interface {
	Open(ctx context.Context) (Session, error)  // not logged in
	Admin(ctx context.Context) (Session, error) // logged in, may do everything
}

// Session is one connection; a *resp.Conn is one.
type Session interface {
	Do(ctx context.Context, args ...string) (any, error)
	Close() error
}

// Double is one account with one data base.
type Double struct {
	doubles.Faults
	Email, Key string // of the Developer API
	Database   string // its id
	Clock      *doubles.Clock

	opts     Options
	backend  Backend
	listener net.Listener
	done     context.Context
	stop     context.CancelFunc
	mu       sync.Mutex
	password string            // of the user default
	tokens   map[string]string // given out by ACL GENTOKEN: token to user
	conns    map[net.Conn]bool
}

// New makes a data base and listens for RESP on a loopback port.
func New(o Options) (*Double, error) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &Double{Email: o.Email, Key: o.Key, Database: doubles.Text(8) + "-0000-4000-8000-" + doubles.Text(12), Clock: o.Clock,
		opts: o, backend: o.Backend, tokens: map[string]string{}, conns: map[net.Conn]bool{}, done: ctx, stop: cancel}
	if d.Email == "" {
		d.Email = "double@example.com"
	}
	if d.Key == "" {
		d.Key = "double-key-" + doubles.Text(24)
	}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	d.Dates = d.Clock
	if d.backend == nil {
		m := NewMemory()
		m.Clock, d.backend = d.Clock, m
	}
	if _, err := d.renew(ctx); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.listener = l
	go d.accept(l) // ends with Close
	return d, nil
}

// Address is host:port of its Redis.
func (d *Double) Address() string { return d.listener.Addr().String() }

// Close ends the listener and all connections.
func (d *Double) Close() error {
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		c.Close()
	}
	return d.listener.Close()
}

// Password is the present one of the user default.
func (d *Double) Password() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.password
}

// Flap lets the next users be known to one region first; false if the backend cannot.
func (d *Double) Flap() bool {
	m, ok := d.backend.(*Memory)
	if ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.Flap = doubles.FlapFor
	}
	return ok
}

// renew gives the user default a new password and ends its sessions: what a reset does.
func (d *Double) renew(ctx context.Context) (string, error) {
	admin, err := d.backend.Admin(ctx)
	if err != nil {
		return "", err
	}
	defer admin.Close()
	fresh, user := "double-"+doubles.Text(24), d.opts.Prefix+"default"
	if _, err := admin.Do(ctx, "ACL", "SETUSER", user, "on", "resetpass", ">"+fresh, "~*", "&*", "+@all"); err != nil {
		return "", fmt.Errorf("double: %w", err)
	}
	_, _ = admin.Do(ctx, "CLIENT", "KILL", "USER", user) // an error says that nobody was there
	d.mu.Lock()
	defer d.mu.Unlock()
	d.password = fresh
	return fresh, nil
}

// token is a REST token of the user default: a header, the data base and the
// password, as the vendor's are.
func (d *Double) token(header, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(header + d.Database + password))
}

const (
	fullHeader = "double" // six bytes
	readHeader = "readon"
)

// user takes a REST token apart: the user and the password that it stands for.
func (d *Double) user(token string) (user, password string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if user, ok := d.tokens[token]; ok {
		return user, token
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", ""
	}
	for _, header := range []string{fullHeader, readHeader} {
		if password, ok := strings.CutPrefix(string(text), header+d.Database); ok {
			return "default", password
		}
	}
	return "", ""
}

// ServeHTTP is the Developer API below /v2 and the data base's REST below /rest.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
