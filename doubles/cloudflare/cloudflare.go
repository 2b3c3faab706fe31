// Package cloudflare is a double of Cloudflare: the API for tokens of an account and of
// a user, and the S3 side of R2, which these tokens open.
//
// What surprises: a token's id is the id of an S3 key, and the SHA-256 of its value that
// key's secret. And an account's token fails the user's verify endpoint although it is
// valid. Signatures are dated by the machine's clock, which Clock.Advance does not move.
package cloudflare

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy account.
type Options struct {
	Most  int  // tokens that a user may have; 0 = any number
	Mild  bool // refusals come with status 200 and success false
	Blind bool // use of the S3 side is not seen in last_used_on
	Delay doubles.Delay
	Clock *doubles.Clock // nil: a clock of its own
}

// Double is one account and one user.
type Double struct {
	doubles.Faults
	Account string // its id
	Manage  string // a token that may manage tokens
	Clock   *doubles.Clock

	opts    Options
	mu      sync.Mutex
	tokens  doubles.Keys
	about   map[string]*about // by token id
	buckets map[string]string // jurisdiction by name; "default" is one
	objects map[string]bool   // BUCKET/NAME
	skew    time.Duration
}

// about is what belongs to a token besides being one.
type about struct {
	family   string // "account" or "user"
	policies []policy
	off      time.Time // when it was disabled; zero = it is not
	nothing  bool      // no right to manage tokens
}

// policy as requests and answers have it.
type policy struct {
	ID        string         `json:"id"`
	Effect    string         `json:"effect"`
	Resources map[string]any `json:"resources"`
	Groups    []group        `json:"permission_groups"`
}

type group struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes,omitempty"`
}

func hexadecimal(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// groups are the permission groups: ids differ from account to account for all we know.
var groups = func() []group {
	var out []group
	for _, g := range []group{{"", "Workers R2 Storage Write", []string{"com.cloudflare.api.account"}}, {"", "Workers R2 Storage Read", []string{"com.cloudflare.api.account"}},
		{"", itemWrite, []string{"com.cloudflare.edge.r2.bucket"}}, {"", itemRead, []string{"com.cloudflare.edge.r2.bucket"}},
		{"", "DNS Write", []string{"com.cloudflare.api.account.zone"}}} {
		g.ID = hexadecimal(32)
		out = append(out, g)
	}
	return out
}()

const (
	itemWrite = "Workers R2 Storage Bucket Item Write"
	itemRead  = "Workers R2 Storage Bucket Item Read"
)

// New makes an account without buckets.
func New(o Options) *Double {
	d := &Double{Account: hexadecimal(32), Clock: o.Clock, opts: o, about: map[string]*about{}, buckets: map[string]string{}, objects: map[string]bool{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	d.Dates = d.Clock
	d.tokens = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	k := d.add("manage", about{family: "manage"})
	k.Born, d.Manage = d.Clock.Now().Add(-time.Hour), k.Value
	return d
}

func (d *Double) add(name string, a about) *doubles.Key {
	k := d.tokens.Add(doubles.Key{ID: hexadecimal(32), Name: name, Value: "double-" + doubles.Text(40)})
	d.about[k.ID] = &a
	return k
}

// Bucket makes a bucket; "" is the default jurisdiction.
func (d *Double) Bucket(name, jurisdiction string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if jurisdiction == "" {
		jurisdiction = "default"
	}
	d.buckets[name] = jurisdiction
}

// Token makes a token behind everybody's back, for one bucket of the default jurisdiction.
func (d *Double) Token(family, name, bucket string, write bool) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.group(itemRead)
	if write {
		g = d.group(itemWrite)
	}
	return d.add(name, about{family: family, policies: []policy{{ID: hexadecimal(32), Effect: "allow", Groups: []group{g},
		Resources: map[string]any{"com.cloudflare.edge.r2.bucket." + d.Account + "_default_" + bucket: "*"}}}})
}

func (d *Double) group(name string) group {
	for _, g := range groups {
		if g.Name == name {
			return g
		}
	}
	return group{}
}

// Weak makes a token that may manage nothing.
func (d *Double) Weak() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add("weak", about{family: "manage", nothing: true}).Value
}

// Disable switches a token off.
func (d *Double) Disable(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.about[id].off = d.Clock.Now()
}

// Live lists the ids of a family's tokens, by age.
func (d *Double) Live(family string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.listed(family) {
		out = append(out, k.ID)
	}
	return out
}

func (d *Double) listed(family string) []*doubles.Key {
	var out []*doubles.Key
	for _, k := range d.tokens.Listed() {
		if d.about[k.ID].family == family {
			out = append(out, k)
		}
	}
	return out
}

// Objects is how many there are in all buckets.
func (d *Double) Objects() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.objects)
}

// Skew puts the S3 side's idea of the time so far ahead of this machine's.
func (d *Double) Skew(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew = by
}

// Flap lets the next tokens be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens.Flap = 0
	if on {
		d.tokens.Flap = doubles.FlapFor
	}
}

// SecretOf is the S3 secret that belongs to a token's value.
func SecretOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// ServeHTTP is the API below /client/v4, and S3 below /s3, or /s3-eu and so on for the
// other jurisdictions.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/s3") {
			d.s3(w, r)
			return
		}
		d.api(w, r)
	})).ServeHTTP(w, r)
}

// use is a request with a token's value, or signed with what follows from it.
func (d *Double) use(k *doubles.Key) bool {
	off := d.about[k.ID].off
	return (off.IsZero() || d.Clock.Now().Before(off.Add(d.opts.Delay.Revoke))) && d.tokens.Use(k.Value) != nil
}
