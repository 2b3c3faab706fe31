// Package aws is a double of AWS: IAM access keys, and STS, which says whose key signed
// a request. It checks signatures by making them again.
//
// What surprises: both answer in XML, and in JSON if the request's Accept header asks for
// it. A user has two keys at most, inactive ones included, and keys have no names.
// Signatures are dated by the machine's clock, which Clock.Advance does not move: see Skew.
package aws

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy account.
type Options struct {
	Page  int // keys that a list gives at once; 0 = 100
	Delay doubles.Delay
	Clock *doubles.Clock // nil: a clock of its own
}

// Double is one account. Its user admin may do anything to anybody's keys.
type Double struct {
	doubles.Faults
	Account            string
	AdminID, AdminText string // admin's first key
	Clock              *doubles.Clock

	opts  Options
	mu    sync.Mutex
	users map[string]*user
	keys  doubles.Keys     // Name is the user's
	off   map[string]since // inactive keys
	skew  time.Duration
}

type since = time.Time

type user struct {
	id, path string
	rights   string // "": none; "own": its own keys; "all"
}

const admin = "admin"

// perUser is how many keys a user may have.
const perUser = 2

// New makes an account with the user admin.
func New(o Options) *Double {
	d := &Double{Account: "123456789012", Clock: o.Clock, opts: o, users: map[string]*user{}, off: map[string]since{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.opts.Page == 0 {
		d.opts.Page = 100
	}
	d.Dates = d.Clock
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	d.users[admin] = &user{id: "DOUBLEUSER" + strings.ToUpper(doubles.Text(10)), path: "/", rights: "all"}
	k := d.keys.Add(doubles.Key{ID: newID(), Name: admin, Value: newSecret(), Life: doubles.Life{Born: d.Clock.Now().Add(-time.Hour)}})
	d.AdminID, d.AdminText = k.ID, k.Value
	return d
}

func newID() string     { return "DOUBLE" + strings.ToUpper(doubles.Text(14)) }
func newSecret() string { return "double-" + doubles.Text(33) }

// User makes a user without keys and without rights; its path is part of its Arn.
func (d *Double) User(name, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[name] = &user{id: "DOUBLEUSER" + strings.ToUpper(doubles.Text(10)), path: path}
}

// Allow gives a user rights: "own" keys, "all" keys, or "" for none.
func (d *Double) Allow(name, rights string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users[name].rights = rights
}

// Key makes a key for a user behind everybody's back, beyond any limit.
func (d *Double) Key(name string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.keys.Add(doubles.Key{ID: newID(), Name: name, Value: newSecret()})
}

// Live lists the ids of a user's keys, by age; of everybody's for "".
func (d *Double) Live(name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.keys.Listed() {
		if name == "" || k.Name == name {
			out = append(out, k.ID)
		}
	}
	return out
}

// Inactive says whether a key is there and switched off.
func (d *Double) Inactive(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, off := d.off[id]
	return off && d.keys.Get(id) != nil
}

// Skew puts AWS's idea of the time so far ahead of this machine's.
func (d *Double) Skew(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew = by
}

// Flap lets the next keys be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys.Flap = 0
	if on {
		d.keys.Flap = doubles.FlapFor
	}
}

// ServeHTTP is IAM and STS: the action says which is meant.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

func (d *Double) ofUser(name string) []*doubles.Key {
	return slices.DeleteFunc(d.keys.Listed(), func(k *doubles.Key) bool { return k.Name != name })
}

// accepted is the key that signed a request, if it works now.
func (d *Double) accepted(s doubles.Signature) *doubles.Key {
	k := d.keys.Known(s.ID)
	if off, is := d.off[s.ID]; k == nil || is && !d.Clock.Now().Before(off.Add(d.opts.Delay.Revoke)) {
		return nil
	}
	return d.keys.Use(k.Value)
}
