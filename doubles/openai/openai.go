// Package openai is a double of OpenAI: the Admin API for keys of service accounts and
// admin keys, and GET /models, which a key must be alive for.
//
// What surprises: the list of a project's keys hides those whose owner has no access
// any more, unless it is asked for any; a key that lacks a scope is told so, and is
// alive all the same.
package openai

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy organisation.
type Options struct {
	AdminKey string // "" = made up
	// Kept refuses to delete a single key of a service account, as the API did until
	// autumn 2026: only the account with all its keys can be deleted.
	Kept bool
	// MustExpire refuses keys without expires_in_seconds: a policy of the organisation.
	MustExpire bool
	// Lasting takes no notice of expires_in_seconds and says nothing of it, as the API did
	// until autumn 2026.
	Lasting bool
	// Silent leaves last_used_at of admin keys out, which the document allows.
	Silent bool
	// Walled is a project with an IP allowlist that we are not on.
	Walled bool
	Delay  doubles.Delay
	Clock  *doubles.Clock // nil: a clock of its own
}

// Double is one organisation with one project.
type Double struct {
	doubles.Faults
	Project  string // its id
	AdminKey string
	Clock    *doubles.Clock

	opts     Options
	mu       sync.Mutex
	accounts []*account
	keys     doubles.Keys // of the project
	admins   doubles.Keys
	about    map[string]about // by key id
}

// account is a service account.
type account struct {
	id, name, role string
	created        int64
}

// about is what belongs to a key besides being one.
type about struct {
	account *account // nil: a person's
	scopes  []string // nil: all
	hidden  bool     // its owner has no access to the project any more
}

// New makes an organisation without service accounts.
func New(o Options) *Double {
	d := &Double{Project: "proj_" + doubles.Text(16), AdminKey: o.AdminKey, Clock: o.Clock, opts: o, about: map[string]about{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.AdminKey == "" {
		d.AdminKey = "double-admin-" + doubles.Text(40)
	}
	d.Dates = d.Clock
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	d.admins = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	d.admins.Add(doubles.Key{ID: "key_" + doubles.Text(12), Name: "first", Value: d.AdminKey, Life: doubles.Life{Born: d.Clock.Now().Add(-time.Hour)}})
	return d
}

// Account makes a service account and gives its id.
func (d *Double) Account(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newAccount(name, "member").id
}

func (d *Double) newAccount(name, role string) *account {
	a := &account{id: "svc_acct_" + doubles.Text(12), name: name, role: role, created: d.Clock.Now().Unix()}
	d.accounts = append(d.accounts, a)
	return a
}

// Person makes a key that a person owns; gone says that the person left the project.
func (d *Double) Person(name string, gone bool) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newKey(name, about{hidden: gone})
}

// Key makes a key on a service account behind everybody's back.
func (d *Double) Key(account, name string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newKey(name, about{account: d.account(account)})
}

// Foreign makes a key of another project: alive, and not ours.
func (d *Double) Foreign() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.newKey("elsewhere", about{})
	k.ID = "" // no list of this project has it
	return k.Value
}

func (d *Double) newKey(name string, a about) *doubles.Key {
	k := d.keys.Add(doubles.Key{ID: "key_" + doubles.Text(16), Name: name, Value: "double-" + doubles.Text(40)})
	d.about[k.ID] = a
	return k
}

func (d *Double) account(id string) *account {
	for _, a := range d.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// Live lists the ids of all keys that live in the project, by age.
func (d *Double) Live() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return ids(&d.keys)
}

// Admins lists the ids of all admin keys.
func (d *Double) Admins() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return ids(&d.admins)
}

// Admin makes an admin key behind everybody's back.
func (d *Double) Admin(name string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.admins.Add(doubles.Key{ID: "key_" + doubles.Text(12), Name: name, Value: "double-admin-" + doubles.Text(40)})
}

// Accounts lists the names of all service accounts.
func (d *Double) Accounts() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, a := range d.accounts {
		out = append(out, a.name)
	}
	slices.Sort(out)
	return out
}

// Flap lets the next keys be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys.Flap, d.admins.Flap = 0, 0
	if on {
		d.keys.Flap, d.admins.Flap = doubles.FlapFor, doubles.FlapFor
	}
}

func ids(keys *doubles.Keys) []string {
	var out []string
	for _, k := range keys.Listed() {
		if k.ID != "" {
			out = append(out, k.ID)
		}
	}
	return out
}

// ServeHTTP is the API, below /v1.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

// Owner is the id of the service account that a key belongs to, or "".
func (d *Double) Owner(key string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.about[key].account; a != nil {
		return a.id
	}
	return ""
}

// AccountName is the name of a service account, or "".
func (d *Double) AccountName(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.account(id); a != nil {
		return a.name
	}
	return ""
}
