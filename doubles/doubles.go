// Package doubles holds what the doubles of vendors share. A double is a small real
// server that behaves as the vendor's API does, oddities included: for tests, for
// drills, and for trying Rotor without an account.
//
// What surprises: a double keeps no secret from whoever runs it, and has no
// durable state; it must listen on loopback only. It logs methods and paths, never
// a body, a header or a query.
package doubles

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Clock is a double's clock. The zero Clock is the machine's; Advance moves it.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the machine's time and what Advance has added.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// Delay is how long a change takes to reach every part of the vendor.
type Delay struct {
	Issue  time.Duration // until a new value works
	Revoke time.Duration // until a revoked one is refused
}

// Life is from when to when a value exists at the vendor. What an API lists and
// what a login sees differ by Delay.
type Life struct {
	Born, Died time.Time // Died is zero while it lives
}

// Listed says whether the API knows the value.
func (l Life) Listed() bool { return l.Died.IsZero() }

// Works says whether the value is accepted at that moment.
func (l Life) Works(now time.Time, d Delay) bool {
	return !now.Before(l.Born.Add(d.Issue)) && (l.Died.IsZero() || now.Before(l.Died.Add(d.Revoke)))
}

// Text makes a random text of n lower-case letters and digits: ids, and values
// that do not look like a vendor's live keys.
func Text(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(strings.ToLower(rand.Text()))
	}
	return b.String()[:n]
}

// WriteJSON answers with a status and a body.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", "req-"+Text(12))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
