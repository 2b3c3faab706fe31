// Package clerk is a double of Clerk: the Platform API, which rotates the secret keys of
// an instance, the Backend API for machines and OAuth applications, and the places where
// these values are used.
//
// What surprises: no key has an id in the API. Rotating makes a new one and starts a timer
// on all others of the instance or machine; nothing stops it, and nothing ends a single one.
package clerk

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy application.
type Options struct {
	// DeadCode is the code in the refusal of a dead key; default clerk_key_invalid.
	DeadCode string
	// PostOnly wants the client secret in the form instead of a header.
	PostOnly bool
	// Unreadable withholds secret keys from the platform token.
	Unreadable bool
	// PerTen is how many requests in ten seconds are let through; 0 = all. The key set
	// is not counted.
	PerTen int
	Delay  doubles.Delay
	Clock  *doubles.Clock // nil: a clock of its own
}

// Double is one application with two instances, and somebody else's.
type Double struct {
	doubles.Faults
	PlatformToken string
	Application   string // app_…
	Clock         *doubles.Clock

	opts      Options
	mu        sync.Mutex
	instances []*instance // production, development, somebody else's
	spent     []time.Time
}

// instance is one environment of an application.
type instance struct {
	id, environment, application string
	keys                         values
	machines                     []*machine
	apps                         []*app
}

type machine struct {
	id, name string
	created  int64
	keys     values
}

type app struct {
	id, client, name string
	public           bool
	created          int64
	keys             values
}

// values are the secrets of one holder; the newest is the last.
type values struct{ doubles.Keys }

// New makes an application whose production instance has a machine and an OAuth
// application.
func New(o Options) *Double {
	d := &Double{PlatformToken: "double-platform-" + doubles.Text(32), Application: "app_" + doubles.Text(27), Clock: o.Clock, opts: o}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	if d.opts.DeadCode == "" {
		d.opts.DeadCode = "clerk_key_invalid"
	}
	d.Dates = d.Clock
	other := "app_" + doubles.Text(27)
	for _, x := range []struct{ environment, application string }{
		{"production", d.Application}, {"development", d.Application}, {"production", other}} {
		i := &instance{id: "ins_" + doubles.Text(27), environment: x.environment, application: x.application, keys: d.newValues()}
		d.add(&i.keys, first)
		d.instances = append(d.instances, i)
		d.newMachine(i, "backend")
		d.newApp(i, "dashboard", false)
	}
	return d
}

// first is the id of what a holder came with.
const first = "first"

func (d *Double) newValues() values {
	return values{doubles.Keys{Clock: d.Clock, Delay: d.opts.Delay}}
}

func (d *Double) add(v *values, id string) *doubles.Key {
	k := doubles.Key{ID: id, Value: "double-" + doubles.Text(40)}
	if id == first {
		k.Born = d.Clock.Now().Add(-time.Hour)
	}
	return v.Add(k)
}

func (d *Double) newMachine(i *instance, name string) *machine {
	m := &machine{id: "mch_" + doubles.Text(27), name: name, created: d.Clock.Now().UnixMilli(), keys: d.newValues()}
	d.add(&m.keys, first)
	i.machines = append(i.machines, m)
	return m
}

func (d *Double) newApp(i *instance, name string, public bool) *app {
	a := &app{id: "oa_" + doubles.Text(27), client: doubles.Text(16), name: name, public: public, created: d.Clock.Now().UnixMilli(), keys: d.newValues()}
	if !public {
		d.add(&a.keys, first)
	}
	i.apps = append(i.apps, a)
	return a
}

// rotate makes a new value and gives all others so long to live.
func (d *Double) rotate(v *values, keep time.Duration) *doubles.Key {
	now := d.Clock.Now()
	for _, k := range v.living(now) {
		if end := now.Add(keep); k.Expires.IsZero() || end.Before(k.Expires) {
			k.Expires = end
		}
		if keep == 0 {
			k.Died, k.Expires = now, time.Time{}
		}
	}
	return d.add(v, "key_"+doubles.Text(12))
}

func (v *values) living(now time.Time) []*doubles.Key {
	var out []*doubles.Key
	for _, k := range v.Listed() {
		if !k.Expired(now) {
			out = append(out, k)
		}
	}
	return out
}

// newest is what the API shows.
func (v *values) newest() string {
	all := v.Listed()
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].Value
}

// Holder is whose values these are: "instance", "machine" or "app", of production.
type Holder string

// The holders.
const (
	Instance Holder = "instance"
	Machine  Holder = "machine"
	App      Holder = "app"
)

func (d *Double) of(h Holder, i *instance) (string, *values) {
	switch h {
	case Machine:
		return i.machines[0].id, &i.machines[0].keys
	case App:
		return i.apps[0].id, &i.apps[0].keys
	}
	return i.id, &i.keys
}

// ID of a holder.
func (d *Double) ID(h Holder) string {
	id, _ := d.of(h, d.instances[0])
	return id
}

// Value is the newest value of a holder.
func (d *Double) Value(h Holder) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, v := d.of(h, d.instances[0])
	return v.newest()
}

// Foreign is a living value of somebody else's holder.
func (d *Double) Foreign(h Holder) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, v := d.of(h, d.instances[2])
	return v.newest()
}

// Development is the present secret key of the other instance of the application.
func (d *Double) Development() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.instances[1].keys.newest()
}

// Made is how many values of a holder live, but the one it came with.
func (d *Double) Made(h Holder) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, v := d.of(h, d.instances[0])
	n := 0
	for _, k := range v.living(d.Clock.Now()) {
		if k.ID != first {
			n++
		}
	}
	return n
}

// Dashboard makes a secret key as a person does: beside the others, without a timer.
func (d *Double) Dashboard() *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add(&d.instances[0].keys, "key_"+doubles.Text(12))
}

// Public makes an OAuth application without a secret, and gives its id.
func (d *Double) Public() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.newApp(d.instances[0], "mobile", true).id
}

// Flap lets the next values be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range []Holder{Instance, Machine, App} {
		_, v := d.of(h, d.instances[0])
		v.Flap = 0
		if on {
			v.Flap = doubles.FlapFor
		}
	}
}

// ServeHTTP is the API, below /v1, and the instance's own host, below /oauth.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

func hexes(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
