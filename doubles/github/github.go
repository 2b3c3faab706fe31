// Package github is a double of GitHub: personal access tokens, installation tokens of
// a GitHub App, deploy keys, and the ssh server that knows these.
//
// What surprises: no call makes a personal access token, people do that in the
// settings (Token). Whoever may not see a thing is told that it does not exist. A call
// that revokes a token must carry none, and after too many bad logins even good ones
// are refused for a while.
package github

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy account.
type Options struct {
	// Offset tells when a token expires with a numeric offset instead of UTC.
	Offset bool
	// BadLogins refuses everybody after so many logins with dead tokens; 0 = never.
	BadLogins int
	// Private is an Enterprise Server in private mode: nobody is answered without a login.
	Private bool
	// NoRevocation is a server without the call that revokes tokens by their values.
	NoRevocation bool
	// PerHour is how many requests a token may make in an hour; 0 = any number.
	PerHour int
	Delay   doubles.Delay
	Clock   *doubles.Clock // nil: a clock of its own
}

// Double is a person, an App with one installation, and their repositories.
type Double struct {
	doubles.Faults
	Clock        *doubles.Clock
	Login        string // the person
	Admin        string // a token that may administer Repository
	AppID        int64
	Installation int64
	PrivateKey   string // of the App, PEM
	Repository   string // owner/name

	opts      Options
	app       *rsa.PublicKey
	host      ssh.Signer
	mu        sync.Mutex
	tokens    doubles.Keys // people's and installations'
	about     map[string]about
	keys      doubles.Keys // deploy keys; the value is the public key
	deploys   []*deployKey
	repos     []*repository
	suspended bool
	nextID    int64
	bad       []time.Time            // logins with dead tokens
	spent     map[string][]time.Time // requests of the present hour, by token
	revokes   []time.Time            // calls that revoke
	listener  net.Listener
	sessions  map[net.Conn]bool
}

// about is what belongs to a token besides being one.
type about struct {
	user         string // "" for an installation's
	scopes       string // of a classic one
	rights       Rights // of a person's at the repositories
	installation int64
	repositories []*repository // of an installation's
	selected     bool
	permissions  map[string]string
}

// Rights of a token at the repositories.
type Rights string

const (
	Administer Rights = "administer"
	See        Rights = "see" // but not administer
	Nothing    Rights = ""    // they do not even exist
)

type repository struct {
	id     int64
	name   string // owner/name
	moved  bool   // renamed: who asks is sent elsewhere
	noKeys bool   // the organisation allows no deploy keys
}

type deployKey struct {
	*doubles.Key
	id       int64
	repo     *repository
	readOnly bool
	disabled bool
}

// Granted is what the installation may do at most.
var Granted = map[string]string{"contents": "write", "metadata": "read", "administration": "write"}

// appKey is made once: it takes a moment.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// New makes the account.
func New(o Options) (*Double, error) {
	private, err := appKey()
	if err != nil {
		return nil, err
	}
	_, host, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(host)
	if err != nil {
		return nil, err
	}
	d := &Double{Clock: o.Clock, Login: "double-person", AppID: 4242, Installation: 990011, opts: o, app: &private.PublicKey,
		host: signer, about: map[string]about{}, spent: map[string][]time.Time{}, sessions: map[net.Conn]bool{}, nextID: 1000}
	d.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	d.Dates = d.Clock
	d.tokens = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	for _, name := range []string{"double/backend", "double/frontend"} {
		d.repos = append(d.repos, &repository{id: d.id(), name: name})
	}
	d.Repository = d.repos[0].name
	d.Admin = d.Token("ghp", d.Login, "repo", Administer, 0)
	d.tokens.Listed()[0].Born = d.Clock.Now().Add(-time.Hour)
	return d, nil
}

// id must be called with the lock, or before there is anybody else.
func (d *Double) id() int64 { d.nextID++; return d.nextID }

// Token makes a personal access token, as a person does in the settings. Prefix is ghp
// (classic, with scopes) or github_pat; expires 0 is never.
func (d *Double) Token(prefix, user, scopes string, rights Rights, expires time.Duration) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.token(prefix+"_double-"+doubles.Text(40), expires, about{user: user, scopes: scopes, rights: rights})
}

func (d *Double) token(value string, expires time.Duration, a about) string {
	k := d.tokens.Add(doubles.Key{ID: fmt.Sprint(d.id()), Value: value})
	if expires > 0 {
		k.Expires = d.Clock.Now().Add(expires)
	}
	d.about[k.ID] = a
	return value
}

// InstallationToken makes a token of another installation of another App: alive, and
// not ours.
func (d *Double) InstallationToken() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.installationToken(about{installation: d.Installation + 1, repositories: d.repos})
}

// installationToken is as long as they are since they hold a JWT.
func (d *Double) installationToken(a about) string {
	return d.token(fmt.Sprintf("ghs_%d_double-%s.%s.%s", d.AppID, doubles.Text(40), doubles.Text(200), doubles.Text(86)), time.Hour, a)
}

// Alive lists the values of all tokens that live and begin so, by age.
func (d *Double) Alive(prefix string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.tokens.Listed() {
		if !k.Expired(d.Clock.Now()) && strings.HasPrefix(k.Value, prefix) {
			out = append(out, k.Value)
		}
	}
	return out
}

// Suspend stops the installation, or lets it go on.
func (d *Double) Suspend(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.suspended = on
}

// Move renames the repository; NoDeployKeys forbids them there.
func (d *Double) Move() { d.first(func(r *repository) { r.moved = true }) }

// NoDeployKeys is a policy of the organisation.
func (d *Double) NoDeployKeys() { d.first(func(r *repository) { r.noKeys = true }) }

func (d *Double) first(change func(*repository)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d.repos[0])
}

// Flap lets the next values be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens.Flap, d.keys.Flap = 0, 0
	if on {
		d.tokens.Flap, d.keys.Flap = doubles.FlapFor, doubles.FlapFor
	}
}

// ServeHTTP is the API.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
