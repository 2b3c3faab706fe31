// Package neon is a double of Neon: its API for roles, branches and operations, and
// logins that obey it.
//
// What surprises: a reset changes what reveal_password shows at once, and what the
// data base accepts only when its operation is finished; until then the old
// password is the valid one. Each branch has passwords of its own, copied from its
// parent when it was made.
package neon

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy project.
type Options struct {
	Key      string         // the API key; "" = made up
	Polls    int            // how often a running operation is seen running before it is finished
	Unstored bool           // the project does not store passwords: reveal gives 412
	PageSize int            // of the list of branches; default 100
	Plane    Plane          // where passwords count; nil: a Wire
	Clock    *doubles.Clock // nil: a clock of its own
}

// Plane is the data bases of the branches. Set is told when an operation is
// finished: the password becomes the role's only one, and its sessions end.
type Plane interface {
	Set(branch, role, password string)
	Drop(branch string) // the branch is gone
}

// Double is one account with one project.
type Double struct {
	doubles.Faults
	Project string // its id
	Key     string // the API key
	Clock   *doubles.Clock

	opts     Options
	plane    Plane
	mu       sync.Mutex
	branches map[string]*branch
	ops      []*operation
	fate     string // how the next operations end: "" = finished
}

type branch struct {
	id, name, parent string
	primary, guarded bool
	created, active  time.Time
	roles            map[string]*role
}

type role struct {
	name, password   string
	created, updated time.Time
}

type operation struct {
	id, branch, action, status string
	polls                      int
	created                    time.Time
	finish                     func()
}

// Ways for an operation to end other than being finished.
const (
	Finished = ""
	Never    = "never"  // it runs for ever
	Failed   = "failed" // it fails: the data base keeps the old password
)

// New makes a project with a default branch, "main", that has no roles yet.
func New(o Options) *Double {
	d := &Double{Project: "quiet-double-" + doubles.Text(8), Key: o.Key, Clock: o.Clock, opts: o, plane: o.Plane,
		branches: map[string]*branch{}}
	if d.Key == "" {
		d.Key = "double-key-" + doubles.Text(32)
	}
	if d.Clock == nil {
		d.Clock = &doubles.Clock{}
	}
	d.Dates = d.Clock
	if d.plane == nil {
		d.plane = NewWire()
	}
	if d.opts.PageSize == 0 {
		d.opts.PageSize = 100
	}
	d.add("main", "", true)
	return d
}

// Plane is where this double's passwords count.
func (d *Double) Plane() Plane { return d.plane }

// Main is the id of the default branch.
func (d *Double) Main() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, b := range d.branches {
		if b.primary {
			return id
		}
	}
	return ""
}

func (d *Double) add(name, parent string, primary bool) *branch {
	now := d.Clock.Now()
	b := &branch{id: "br-" + doubles.Text(12), name: name, parent: parent, primary: primary, created: now, active: now, roles: map[string]*role{}}
	d.branches[b.id] = b
	return b
}

// Branch makes a child of parent and gives its id. Roles come along with their
// passwords, but from a protected parent they get fresh ones.
func (d *Double) Branch(name, parent string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := d.branches[parent]
	b := d.add(name, parent, false)
	for _, r := range from.roles {
		c := *r
		if from.guarded {
			c.password = password()
		}
		b.roles[c.name] = &c
		d.plane.Set(b.id, c.name, c.password)
	}
	return b.id
}

// Protect marks a branch as protected.
func (d *Double) Protect(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.branches[id].guarded = true
}

// Idle makes a branch one that was made and last used that long ago.
func (d *Double) Idle(id string, ago time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	then := d.Clock.Now().Add(-ago)
	d.branches[id].created, d.branches[id].active = then, then
}

// Role makes a login on a branch, as CREATE ROLE would, and gives its password.
func (d *Double) Role(branch, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Clock.Now()
	r := &role{name: name, password: password(), created: now, updated: now}
	d.branches[branch].roles[name] = r
	d.plane.Set(branch, name, r.password)
	return r.password
}

// Password is what reveal_password would show; "" if there is no such role.
func (d *Double) Password(branch, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b, ok := d.branches[branch]; ok && b.roles[name] != nil {
		return b.roles[name].password
	}
	return ""
}

// Roles lists the roles of a branch.
func (d *Double) Roles(branch string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for name := range d.branches[branch].roles {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Branches lists the names of all branches.
func (d *Double) Branches() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, b := range d.branches {
		out = append(out, b.name)
	}
	slices.Sort(out)
	return out
}

// Fate says how operations end that begin from now on.
func (d *Double) Fate(fate string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fate = fate
}

// Settle lets all operations come to their end, those of fate Never too.
func (d *Double) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.ops {
		o.polls = 0
		o.end()
	}
}

func password() string { return "double-" + doubles.Text(24) }

// start begins an operation; finish is what it does at its end.
func (d *Double) start(branch, action string, finish func()) *operation {
	o := &operation{id: "op-" + doubles.Text(16), branch: branch, action: action, status: "running",
		polls: d.opts.Polls, created: d.Clock.Now(), finish: finish}
	switch d.fate {
	case Never:
		o.polls = -1
	case Failed:
		o.finish = nil
	}
	if o.polls == 0 {
		o.end()
	}
	d.ops = append(d.ops, o)
	return o
}

// look is one poll.
func (o *operation) look() {
	if o.status != "running" || o.polls < 0 {
		return
	}
	if o.polls > 0 {
		o.polls--
		return
	}
	o.end()
}

func (o *operation) end() {
	if o.status != "running" {
		return
	}
	o.status = "finished"
	if o.finish == nil {
		o.status = "failed"
		return
	}
	o.finish()
}

// busy says whether an operation of the project runs: everything that changes
// something is then answered with 423.
func (d *Double) busy() bool {
	return slices.ContainsFunc(d.ops, func(o *operation) bool { return o.status == "running" })
}

// sorted lists the branches by age.
func (d *Double) sorted() []*branch {
	var out []*branch
	for _, b := range d.branches {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *branch) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id))
	})
	return out
}

// ServeHTTP is the API, below /api/v2.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}
