// Package acme is the API of a vendor that does not exist, like those of many that do:
// keys are made, listed, used and deleted. The example provider programs speak to it,
// and whoever writes one can try it here.
//
// What surprises: names need not be unique, and a full account says so with a code of
// its own, not with a status.
package acme

import (
	"net/http"
	"sync"
	"time"

	"github.com/agenticverz/rotor/doubles"
)

// Options of a double. The zero value is a healthy account.
type Options struct {
	AdminKey string // "" = made up
	Quota    int    // of keys; 0 = any number
	PageSize int    // of the list of keys at most; 0 = 100
	Delay    doubles.Delay
}

// Double is one account.
type Double struct {
	doubles.Faults
	AdminKey string
	Clock    *doubles.Clock

	opts Options
	mu   sync.Mutex
	keys doubles.Keys
}

// New makes an account without keys.
func New(o Options) *Double {
	if o.PageSize == 0 {
		o.PageSize = 100
	}
	d := &Double{AdminKey: o.AdminKey, Clock: &doubles.Clock{}, opts: o}
	if d.AdminKey == "" {
		d.AdminKey = "double-admin-" + doubles.Text(40)
	}
	d.Dates = d.Clock
	d.keys = doubles.Keys{Clock: d.Clock, Delay: o.Delay}
	return d
}

// Key makes a key behind everybody's back.
func (d *Double) Key(name string) *doubles.Key {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.add(name)
}

func (d *Double) add(name string) *doubles.Key {
	return d.keys.Add(doubles.Key{ID: "key_" + doubles.Text(16), Name: name, Value: "double-" + doubles.Text(40)})
}

// Live lists the ids of all keys that live, by age.
func (d *Double) Live() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, k := range d.keys.Listed() {
		out = append(out, k.ID)
	}
	return out
}

// Flap lets the next keys be known to one front end first: doubles.Keys.
func (d *Double) Flap(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys.Flap = 0; on {
		d.keys.Flap = doubles.FlapFor
	}
}

// ServeHTTP is the API, below /v1.
func (d *Double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Wrap(http.HandlerFunc(d.serve)).ServeHTTP(w, r)
}

func (d *Double) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.URL.Path == "/v1/whoami" {
		d.whoami(w, r)
		return
	}
	if doubles.Bearer(r) != d.AdminKey {
		fail(w, http.StatusUnauthorized, "unauthorized", "The admin key is not valid.")
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/keys", d.list)
	mux.HandleFunc("POST /v1/keys", d.create)
	mux.HandleFunc("GET /v1/keys/{id}", d.one(func(w http.ResponseWriter, k *doubles.Key) { doubles.WriteJSON(w, http.StatusOK, show(k)) }))
	mux.HandleFunc("DELETE /v1/keys/{id}", d.one(func(w http.ResponseWriter, k *doubles.Key) {
		d.keys.End(k.ID)
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("GET /v1/clock", func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, doubles.Object{"now": d.Clock.Now().UTC()})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "no_such_path", "There is nothing here.")
	})
	mux.ServeHTTP(w, r)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	doubles.WriteJSON(w, status, doubles.Object{"error": doubles.Object{"code": code, "message": message}})
}

// whoami is where a key is used.
func (d *Double) whoami(w http.ResponseWriter, r *http.Request) {
	k := d.keys.Use(doubles.Bearer(r))
	if k == nil {
		fail(w, http.StatusUnauthorized, "invalid_key", "This key is not valid.")
		return
	}
	doubles.WriteJSON(w, http.StatusOK, doubles.Object{"key_id": k.ID})
}

func (d *Double) create(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name string }
	switch {
	case !doubles.ReadJSON(r, &in) || in.Name == "":
		fail(w, http.StatusBadRequest, "bad_request", "A name is needed.")
		return
	case d.opts.Quota > 0 && len(d.keys.Listed()) >= d.opts.Quota:
		fail(w, http.StatusUnprocessableEntity, "quota", "There are as many keys as there can be.")
		return
	}
	k := d.add(in.Name)
	answer := show(k)
	answer["key"] = k.Value
	doubles.WriteJSON(w, http.StatusCreated, answer)
}

func (d *Double) list(w http.ResponseWriter, r *http.Request) {
	limit := min(doubles.Number(r, "limit", 20, 100), d.opts.PageSize)
	page, more := doubles.After(d.keys.Listed(), r.URL.Query().Get("after"), limit)
	keys := []doubles.Object{}
	for _, k := range page {
		keys = append(keys, show(k))
	}
	answer := doubles.Object{"keys": keys, "next": nil}
	if more {
		answer["next"] = page[len(page)-1].ID
	}
	doubles.WriteJSON(w, http.StatusOK, answer)
}

func (d *Double) one(do func(http.ResponseWriter, *doubles.Key)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if k := d.keys.Get(r.PathValue("id")); k != nil {
			do(w, k)
			return
		}
		fail(w, http.StatusNotFound, "no_such_key", "There is no key with this id.")
	}
}

func show(k *doubles.Key) doubles.Object {
	out := doubles.Object{"id": k.ID, "name": k.Name, "created_at": k.Born.UTC().Truncate(time.Second), "last_used_at": nil}
	if !k.Used.IsZero() {
		out["last_used_at"] = k.Used.UTC().Truncate(time.Second)
	}
	return out
}

// Door is an account for trying: the provider is a program of examples/providers.
func Door() (doubles.Door, error) {
	d := New(Options{})
	return doubles.Door{Name: "acme", API: d, Env: []doubles.Variable{{Name: "ACME_ADMIN_KEY", Value: d.AdminKey}}, Words: []string{
		`acme, by the program of examples/providers: provider: {type: exec, program: [/usr/local/lib/rotor/rotor-provider-acme, --url, "{base}"], secrets: {admin: "env:ACME_ADMIN_KEY"},`,
		`  fields: [{name: api_key}], can: [find, identify, probe, usage, now, preflight], settle: 10s, steady: 6s}`,
	}}, nil
}
