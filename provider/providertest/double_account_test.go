package providertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// account is a small vendor with an HTTP API; the provider beside it speaks to it.
type account struct {
	mu     sync.Mutex
	keys   []key
	nextID int
	line   *Line
	passed time.Duration // of the vendor's clock
	flaps  bool
	lives  time.Duration // how long each key lives; 0 = for ever
}

type key struct {
	ID      string    `json:"id"`
	Label   string    `json:"label"`
	Value   string    `json:"value,omitempty"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Account string    `json:"account,omitempty"`

	flaps  bool
	absent time.Duration // not known everywhere until then
	ends   time.Duration // 0 = never
}

func (k key) over(passed time.Duration) bool { return k.ends > 0 && passed >= k.ends }

const pageSize = 3

func newAccount(t testing.TB) *account {
	a := &account{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /keys", a.create)
	mux.HandleFunc("GET /keys", a.list)
	mux.HandleFunc("GET /keys/{id}", a.get)
	mux.HandleFunc("DELETE /keys/{id}", a.remove)
	mux.HandleFunc("GET /me", a.me)
	a.line = NewLine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	return a
}

func (a *account) create(w http.ResponseWriter, r *http.Request) {
	var k key
	_ = json.NewDecoder(r.Body).Decode(&k)
	a.nextID++
	k.ID, k.Created = "id-"+strconv.Itoa(a.nextID), time.Now()
	if k.Value == "" {
		k.Value = secret.Random(32).Reveal()
	}
	k.flaps = a.flaps
	if a.lives > 0 {
		k.ends = a.passed + a.lives
	}
	a.keys = append(a.keys, k)
	_ = json.NewEncoder(w).Encode(k)
}

func (a *account) list(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	to := min(from+pageSize, len(a.keys))
	_ = json.NewEncoder(w).Encode(a.keys[min(from, to):to])
}

func (a *account) get(w http.ResponseWriter, r *http.Request) {
	if i := a.index(r.PathValue("id")); i >= 0 {
		_ = json.NewEncoder(w).Encode(a.keys[i])
		return
	}
	w.WriteHeader(goneReply.Status)
	fmt.Fprint(w, goneReply.Body)
}

func (a *account) remove(w http.ResponseWriter, r *http.Request) {
	i := a.index(r.PathValue("id"))
	if i < 0 {
		w.WriteHeader(goneReply.Status)
		fmt.Fprint(w, goneReply.Body)
		return
	}
	a.keys = slices.Delete(a.keys, i, i+1)
	w.WriteHeader(http.StatusNoContent)
}

func (a *account) me(w http.ResponseWriter, r *http.Request) {
	for i, k := range a.keys {
		if r.Header.Get("Authorization") == "Bearer "+k.Value && a.passed >= k.absent && !k.over(a.passed) {
			if k.flaps {
				a.keys[i].flaps, a.keys[i].absent = false, a.passed+5*time.Second
			}
			a.keys[i].Used = time.Now()
			_ = json.NewEncoder(w).Encode(key{ID: k.ID})
			return
		}
	}
	w.WriteHeader(refusalReply.Status)
	fmt.Fprint(w, refusalReply.Body)
}

func (a *account) index(id string) int {
	return slices.IndexFunc(a.keys, func(k key) bool { return k.ID == id })
}

var (
	refusalReply = Reply{Status: 401, Body: `{"error":"invalid_key"}`}
	goneReply    = Reply{Status: 404, Body: `{"error":"no_such_key"}`}
)

func (a *account) live(context.Context) ([]rotation.Handle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []rotation.Handle
	for _, k := range a.keys {
		if !k.over(a.passed) {
			out = append(out, rotation.Handle{ID: k.ID})
		}
	}
	return out, nil
}

func (a *account) stranger(ctx context.Context) (rotation.Handle, error) {
	return a.namesake(ctx, "made-by-hand")
}

func (a *account) namesake(_ context.Context, label string) (rotation.Handle, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nextID++
	k := key{ID: "id-" + strconv.Itoa(a.nextID), Label: label, Value: "a-persons-own-key"}
	a.keys = append(a.keys, k)
	return rotation.Handle{ID: k.ID}, nil
}

func (a *account) impostor(ctx context.Context) (secret.Set, error) {
	_, err := a.stranger(ctx)
	return secret.Set{"key": secret.New("a-persons-own-key")}, err
}

func (a *account) flap() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flaps = true
}

func (a *account) pass(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passed += d
}
