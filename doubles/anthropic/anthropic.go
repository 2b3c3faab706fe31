// Package anthropic is a double of Anthropic: the part of the Admin API that lists and
// disables keys, and GET /v1/models, which a key must be alive for.
//
// What surprises: no call makes a key, people do that in the Console (Mint). Nothing is
// ever deleted: an archived key stays in the list. Names need not be unique, and of a
// value the list shows only its beginning and its end.
package anthropic

import (
	"net/http"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy organisation.
type Options struct {
	AdminKey string // "" = made up
	// NoHint leaves partial_key_hint empty, which the API allows itself.
	NoHint bool
	// Stubborn archives only keys that are inactive already.
	Stubborn bool
	// NotFound answers a key that is no longer active with 404 where it is used.
	NotFound bool
	Kept     bool // archives none: only people in the Console do
	PageMost int  // of a list; default 1000
	Delay    doubles.Delay
	Clock    *doubles.Clock // nil: a clock of its own
}

// Double is one organisation.
type Double struct {
	doubles.Faults
	AdminKey  string
	Workspace string // the id of one; keys can be made in others
	Clock     *doubles.Clock

	opts Options
	mu   sync.Mutex
	keys doubles.Keys
	all  []*key // every key there ever was, oldest first
}

// The states of a key. expired is derived from the clock.
const (
	Active   = "active"
	Inactive = "inactive"
	Archived = "archived"
	expired  = "expired"
)

type key struct {
	*doubles.Key
	workspace string // "" = the default workspace
	status    string
	limited   bool // it may not list models
}

// New makes an organisation without keys.
func New(o Options) *Double {
	d := &Double{AdminKey: o.AdminKey, Workspace: "wrkspc_" + doubles.Text(20), Clock: o.Clock, opts: o}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.AdminKey == "" {
		d.AdminKey = "double-admin-" + doubles.Text(40)
	}
	if d.opts.PageMost == 0 {
		d.opts.PageMost = 1000
	}
	d.Dates = d.Clock
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	return d
}

// Mint makes a key, as a person does in the Console; workspace "" is the default one.
// expires 0 is never.
func (d *Double) Mint(name, workspace string, expires time.Duration) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mint(name, workspace, expires).Key
}

func (d *Double) mint(name, workspace string, expires time.Duration) *key {
	k := &key{workspace: workspace, status: Active, Key: d.keys.Add(doubles.Key{
		ID: "apikey_" + doubles.Text(20), Name: name, Value: "double-api03-" + doubles.Text(40)})}
	if expires > 0 {
		k.Expires = d.Clock.Now().Add(expires)
	}
	d.all = append(d.all, k)
	return k
}

// Alike makes a key that the list shows like that other one.
func (d *Double) Alike(other *doubles.Key) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.mint("alike", d.Workspace, 0)
	k.Value = other.Value[:shown] + doubles.Text(len(other.Value)-shown-4) + other.Value[len(other.Value)-4:]
	return k.Key
}

// Limit takes from a key the right to list models.
func (d *Double) Limit(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.get(id); k != nil {
		k.limited = true
	}
}

// Set gives a key another state, as a person does in the Console.
func (d *Double) Set(id, status string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.get(id); k != nil {
		d.set(k, status)
	}
}

func (d *Double) set(k *key, status string) {
	switch {
	case status == Active:
		k.Died = time.Time{}
	case k.Listed():
		k.Died = d.Clock.Now()
	}
	k.status = status
}

// Status is the state of a key, or "".
func (d *Double) Status(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := d.get(id); k != nil {
		return d.statusOf(k)
	}
	return ""
}

func (d *Double) statusOf(k *key) string {
	if k.status == Active && k.Expired(d.Clock.Now()) {
		return expired
	}
	return k.status
}

func (d *Double) get(id string) *key {
	for _, k := range d.all {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// Live lists the ids of all active keys, by age.
func (d *Double) Live() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.all {
		if d.statusOf(k) == Active {
			out = append(out, k.ID)
		}
	}
	return out
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

// ServeHTTP is the API.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
