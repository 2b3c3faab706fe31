// Package grafana is a double of Grafana: service accounts and their tokens, the old API
// keys, and GET /api/org, /api/user and /api/search, which a token must be alive for.
//
// What surprises: it plays several versions. Old ones answer with fewer words and other
// statuses; API keys can be made until 11.2, only be listed and deleted until 12.0, and
// are gone from 12.1 on. Names of tokens are unique in the whole organisation.
package grafana

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy Grafana of a current version.
type Options struct {
	Version string // "9.5.2"; "" = Current
	// MaxLife refuses tokens without an end, and those that live longer.
	MaxLife time.Duration
	// HideVersion leaves the version out of /api/health.
	HideVersion bool
	// Lag is how many requests later the use of a token is noted: Grafana writes it
	// beside its answer, and does not wait for that.
	Lag   int
	Delay doubles.Delay
	Clock *doubles.Clock // nil: a clock of its own
}

// Current is the newest version that the double plays.
const Current = "13.0.1"

// Double is one Grafana with two organisations.
type Double struct {
	doubles.Faults
	AdminUser, AdminPassword string // the server's administrator, in organisation 1
	AdminToken               string // of a service account that may do everything in organisation 1
	Clock                    *doubles.Clock

	opts     Options
	version  int // 11.2 is 1102
	mu       sync.Mutex
	last     int64
	accounts []*account
	keys     doubles.Keys // tokens and API keys: one table
	about    map[string]*about
	requests int
	unnoted  []use
}

// use of a key that is not written down yet.
type use struct {
	of  *about
	at  time.Time
	due int // after so many requests
}

// account is a service account.
type account struct {
	id, org     int64
	name, login string
	role        string
	disabled    bool
}

// about is what belongs to a key besides being one.
type about struct {
	account *account // nil: an API key
	org     int64
	role    string
	seen    time.Time // as Grafana notes it: at most every five minutes
}

// New makes a Grafana without further service accounts.
func New(o Options) *Double {
	if o.Version == "" {
		o.Version = Current
	}
	d := &Double{AdminUser: "admin", AdminPassword: "double-" + doubles.Text(24), Clock: o.Clock, opts: o,
		version: number(o.Version), about: map[string]*about{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	d.Dates = d.Clock
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	admin := d.newAccount("rotor-admin", "Admin", 1)
	k := d.newKey("admin", &about{account: admin, org: 1})
	k.Born = d.Clock.Now().Add(-time.Hour) // known everywhere
	d.AdminToken = k.Value
	return d
}

func number(version string) int {
	parts := append(strings.Split(version, "."), "0")
	major, _ := strconv.Atoi(parts[0])
	minor, _ := strconv.Atoi(parts[1])
	return major*100 + minor
}

// Account makes a service account in organisation 1 and gives its id.
func (d *Double) Account(name, role string) int64 { return d.AccountIn(1, name, role) }

// AccountIn makes one in an organisation.
func (d *Double) AccountIn(org int64, name, role string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newAccount(name, role, org).id
}

func (d *Double) newAccount(name, role string, org int64) *account {
	d.last++
	a := &account{id: d.last, org: org, name: name, role: role, login: fmt.Sprintf("sa-%d-%s", org, name)}
	d.accounts = append(d.accounts, a)
	return a
}

// Disable switches an account off, and all its tokens with it.
func (d *Double) Disable(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.account(id).disabled = true
}

// Token makes a token of an account behind everybody's back.
func (d *Double) Token(account int64, name string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.account(account)
	return d.newKey(name, &about{account: a, org: a.org})
}

// APIKey makes an old API key in organisation 1 behind everybody's back.
func (d *Double) APIKey(name, role string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newKey(name, &about{org: 1, role: role})
}

func (d *Double) newKey(name string, a *about) *doubles.Key {
	d.last++
	value := "double-" + doubles.Text(32) + "-" + fmt.Sprintf("%08x", d.last)
	if a.account == nil { // base64 of a JSON that holds the name
		text, _ := json.Marshal(struct {
			K  string `json:"k"`
			N  string `json:"n"`
			ID int64  `json:"id"`
		}{"double-" + doubles.Text(25), name, a.org})
		value = base64.StdEncoding.EncodeToString(text)
	}
	k := d.keys.Add(doubles.Key{ID: strconv.FormatInt(d.last, 10), Name: name, Value: value})
	d.about[k.ID] = a
	return k
}

func (d *Double) account(id int64) *account {
	for _, a := range d.accounts {
		if a.id == id {
			return a
		}
	}
	return nil
}

// Live lists ACCOUNT/TOKEN of all tokens that live, by age, without the administrator's.
func (d *Double) Live() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.keys.Listed() {
		if a := d.about[k.ID]; a.account != nil && k.Value != d.AdminToken {
			out = append(out, strconv.FormatInt(a.account.id, 10)+"/"+k.ID)
		}
	}
	return out
}

// APIKeys lists the ids of all old API keys that live.
func (d *Double) APIKeys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.keys.Listed() {
		if d.about[k.ID].account == nil {
			out = append(out, k.ID)
		}
	}
	return out
}

// Flap lets the next tokens be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys.Flap = 0
	if on {
		d.keys.Flap = doubles.FlapFor
	}
}

// ServeHTTP is the API, below /api.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
