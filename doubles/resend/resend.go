// Package resend is a double of Resend: API keys, domains, and the sending of mail,
// which goes nowhere.
//
// What surprises: a key that may only send is refused at every other call in words that
// prove it alive; and what a dead key is answered with has been seen with three
// statuses and two names.
package resend

import (
	"net/http"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy team.
type Options struct {
	AdminKey string // "" = made up
	// DeadStatus and DeadName are how a dead key is refused: 400, 401 or 403 (default),
	// invalid_api_key (default) or validation_error.
	DeadStatus int
	DeadName   string
	// Silent answers a deletion with an empty body, as older versions did.
	Silent bool
	// PerSecond is how many requests of the whole team are let through; 0 = all.
	PerSecond int
	// Quota is the name of the quota of mails that is used up: daily_quota_exceeded or
	// monthly_quota_exceeded; "" = none is.
	Quota string
	Delay doubles.Delay
	Clock *doubles.Clock // nil: a clock of its own
}

// Double is one team, and another one that it knows nothing of.
type Double struct {
	doubles.Faults
	AdminKey string
	Clock    *doubles.Clock

	opts  Options
	mu    sync.Mutex
	teams [2]*team // ours, and somebody else's
	scope map[string]scope
	sent  map[string]string // ids of mails by Idempotency-Key
	mails int
	spent []time.Time // requests in the present second
}

type team struct {
	keys    doubles.Keys
	domains []domain
}

type domain struct {
	id, name, status string
	created          time.Time
}

// scope is what a key may do, by its id.
type scope struct {
	sending bool   // nothing but sending
	domain  string // id; "" = from all
}

// New makes a team with one key and one verified domain, example.com.
func New(o Options) *Double {
	d := &Double{AdminKey: o.AdminKey, Clock: o.Clock, opts: o, scope: map[string]scope{}, sent: map[string]string{}}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.opts.DeadStatus == 0 {
		d.opts.DeadStatus = http.StatusForbidden
	}
	if d.opts.DeadName == "" {
		d.opts.DeadName = "invalid_api_key"
	}
	if d.AdminKey == "" {
		d.AdminKey = "double-" + doubles.Text(32)
	}
	d.Dates = d.Clock
	for i := range d.teams {
		d.teams[i] = &team{keys: doubles.Keys{Clock: d.Clock, Delay: o.Delay}}
	}
	d.teams[0].keys.Add(doubles.Key{ID: id(), Name: "Onboarding", Value: d.AdminKey, Life: doubles.Life{Born: d.Clock.Now().Add(-time.Hour)}})
	d.addDomain(d.teams[0], "example.com", "verified")
	d.addDomain(d.teams[1], "example.org", "verified")
	return d
}

// id has the form of a UUID.
func id() string {
	t := doubles.Text(32)
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}

func (d *Double) addDomain(t *team, name, status string) string {
	x := domain{id: id(), name: name, status: status, created: d.Clock.Now()}
	t.domains = append(t.domains, x)
	return x.id
}

// Domain adds a domain to the team and gives its id.
func (d *Double) Domain(name, status string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addDomain(d.teams[0], name, status)
}

// Key makes a key of the team behind everybody's back: for sending only, and from one
// domain (its id) only, if that is not "".
func (d *Double) Key(name string, sending bool, domain string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newKey(d.teams[0], name, scope{sending, domain})
}

// Foreign makes a key of another team: alive, and not ours.
func (d *Double) Foreign(sending bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newKey(d.teams[1], "elsewhere", scope{sending: sending}).Value
}

func (d *Double) newKey(t *team, name string, s scope) *doubles.Key {
	k := t.keys.Add(doubles.Key{ID: id(), Name: name, Value: "double-" + doubles.Text(32)})
	d.scope[k.ID] = s
	return k
}

// Live lists the ids of the team's keys, by age.
func (d *Double) Live() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.teams[0].keys.Listed() {
		out = append(out, k.ID)
	}
	return out
}

// Mails is how many mails were sent.
func (d *Double) Mails() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mails
}

// Flap lets the next keys be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.teams[0].keys.Flap = 0
	if on {
		d.teams[0].keys.Flap = doubles.FlapFor
	}
}

// ServeHTTP is the API.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
