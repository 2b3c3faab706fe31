package doubles

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Do is what happens to a request.
type Do string

const (
	DropBefore  Do = "drop-before" // the connection is closed, nothing happened
	DropAfter   Do = "drop-after"  // it happened, and the connection is closed: a lost answer
	TooMany     Do = "too-many"    // 429 with Retry-After
	ServerError Do = "error"       // 500, nothing happened
	ErrorAfter  Do = "error-after" // 502 from a gateway, although it happened
	SlowBody    Do = "slow-body"   // it happened; the answer stops half-way until the client gives up
	HTML        Do = "html"        // it happened; a web page comes in the answer's place
	Truncated   Do = "truncated"   // it happened; half of the JSON comes
)

// Fault is one thing that goes wrong.
type Fault struct {
	Do         Do
	Method     string        // "" = any
	Path       string        // part of the path; "" = any
	Skip       int           // let so many fitting requests pass first
	Times      int           // 0 = once; -1 = always
	RetryAfter time.Duration // of TooMany; default 1 s
}

// Faults stand between a double and its clients. The zero Faults do nothing.
type Faults struct {
	// Dates is the clock that answers are dated with; nil: the machine's.
	Dates *Clock

	mu      sync.Mutex
	armed   []*Fault
	latency time.Duration
	seen    []string
}

// Arm adds a fault. Each request meets the first that fits.
func (f *Faults) Arm(x Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.Times == 0 {
		x.Times = 1
	}
	f.armed = append(f.armed, &x)
}

// Clear removes all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = nil
}

// Latency makes every answer wait.
func (f *Faults) Latency(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latency = d
}

// Seen lists the requests so far as "METHOD /path".
func (f *Faults) Seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

// Count is how many requests so far had the method and, in their path, the text.
func (f *Faults) Count(method, path string) int {
	n := 0
	for _, s := range f.Seen() {
		if m, p, _ := strings.Cut(s, " "); m == method && strings.Contains(p, path) {
			n++
		}
	}
	return n
}

// Next says what happens to something that is no HTTP request, a command of
// another protocol; "" is nothing.
func (f *Faults) Next(method, path string) Do {
	if x := f.next(method, path); x != nil {
		return x.Do
	}
	return ""
}

// seenAtMost bounds the memory of a double that runs for days.
const seenAtMost = 10_000

func (f *Faults) next(method, path string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) < seenAtMost {
		f.seen = append(f.seen, method+" "+path)
	}
	for i, x := range f.armed {
		if x.Method != "" && x.Method != method || !strings.Contains(path, x.Path) {
			continue
		}
		if x.Skip > 0 {
			x.Skip--
			continue
		}
		if x.Times--; x.Times == 0 {
			f.armed = append(f.armed[:i:i], f.armed[i+1:]...)
		}
		return x
	}
	return nil
}

// Wrap puts the faults before a handler.
func (f *Faults) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.wait(r) {
			panic(http.ErrAbortHandler)
		}
		if f.Dates != nil {
			w.Header().Set("Date", f.Dates.Now().UTC().Format(http.TimeFormat))
		}
		x := f.next(r.Method, r.URL.Path)
		if x == nil {
			h.ServeHTTP(w, r)
			return
		}
		x.play(w, r, h)
	})
}

// wait plays the latency; false if the client is gone.
func (f *Faults) wait(r *http.Request) bool {
	f.mu.Lock()
	d := f.latency
	f.mu.Unlock()
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
		return false
	}
}

func (x *Fault) play(w http.ResponseWriter, r *http.Request, h http.Handler) {
	switch x.Do {
	case DropBefore:
		panic(http.ErrAbortHandler) // closes the connection
	case TooMany:
		wait := x.RetryAfter
		if wait == 0 {
			wait = time.Second
		}
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
		WriteJSON(w, http.StatusTooManyRequests, map[string]string{"message": "too many requests"})
		return
	case ServerError:
		WriteJSON(w, http.StatusInternalServerError, map[string]string{"message": "internal error"})
		return
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	x.spoil(w, r, answer)
}

// spoil sends less, or something else, than the answer.
func (x *Fault) spoil(w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder) {
	body := answer.Body.Bytes()
	half := body[:len(body)/2]
	switch x.Do {
	case ErrorAfter:
		page(w, http.StatusBadGateway)
	case HTML:
		page(w, http.StatusOK)
	case Truncated:
		copyHeader(w, answer)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(half)
	case SlowBody:
		copyHeader(w, answer)
		w.WriteHeader(answer.Code)
		_, _ = w.Write(half)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	default: // DropAfter
		panic(http.ErrAbortHandler)
	}
}

func copyHeader(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintln(w, "<html><head><title>Gateway</title></head><body>a proxy's page</body></html>")
}
