package providertest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Line is a vendor's HTTP API at a loopback address, with everything the exam wants
// to do to the way there. The handler is the vendor's double; it never notices.
//
//	line := providertest.NewLine(t, double)
//	Subject{Provider: open(line.URL), Break: line.Break, HTTP: line.HTTP(refusal, gone), …}
type Line struct {
	URL string
	// Changes says which requests change something; default all but GET, HEAD and
	// OPTIONS. Set it for vendors that read by POST.
	Changes func(*http.Request) bool
	// Aside says which requests the answers that the exam chooses do not concern, nor its
	// counting: the login that some vendors want before every call. Default none.
	Aside func(*http.Request) bool

	t       testing.TB
	handler http.Handler
	mu      sync.Mutex
	server  *http.Server
	socket  net.Listener
	broken  Breakage
	mended  chan struct{}
	canned  *Reply
	spoiled Spoilage
	first   map[string]*httptest.ResponseRecorder // answers to reads by path, while they repeat
	calls   int
	changes int
}

// NewLine serves the handler until the end of the test.
func NewLine(t testing.TB, handler http.Handler) *Line {
	t.Helper()
	l := &Line{t: t, handler: handler, mended: make(chan struct{}), Changes: func(r *http.Request) bool {
		return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
	}}
	l.URL = "http://" + l.listen("127.0.0.1:0")
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.server.Close()
	})
	return l
}

// listen must be called without the lock of a running server.
func (l *Line) listen(address string) string {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		l.t.Fatalf("the line cannot listen: %v", err)
	}
	l.server, l.socket = &http.Server{Handler: l}, listener
	go func(s *http.Server) { _ = s.Serve(listener) }(l.server) // ends with Close
	return listener.Addr().String()
}

// ServeHTTP answers, or does not, as the exam wants it.
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	aside := l.Aside != nil && l.Aside(r)
	l.mu.Lock()
	if !aside {
		l.calls++
	}
	if l.Changes(r) {
		l.changes++
	}
	canned, broken, mended, spoiled := l.canned, l.broken, l.mended, l.spoiled
	l.mu.Unlock()
	if aside {
		canned, spoiled = nil, ""
	}
	switch {
	case canned != nil:
		for name, values := range canned.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(canned.Status)
		fmt.Fprint(w, canned.Body)
	case broken == Silent:
		select {
		case <-mended:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case broken == Unanswered && l.Changes(r):
		l.handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler) // closes the connection
	case spoiled != "":
		l.spoil(w, r, spoiled)
	default:
		l.handler.ServeHTTP(w, r)
	}
}

// spoil passes the request on, and something else back than the answer.
func (l *Line) spoil(w http.ResponseWriter, r *http.Request, how Spoilage) {
	answer, reads := httptest.NewRecorder(), !l.Changes(r) // asked before the body is read
	l.handler.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	switch {
	case how == Cut:
		body = body[:len(body)/2]
	case reads:
		l.mu.Lock()
		if seen := l.first[r.URL.Path]; seen != nil {
			answer, body = seen, seen.Body.Bytes()
		}
		l.first[r.URL.Path] = answer
		l.mu.Unlock()
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// spoiling is the hook of HTTP.
func (l *Line) spoiling(how Spoilage) (mend func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spoiled, l.first = how, map[string]*httptest.ResponseRecorder{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.spoiled = ""
	}
}

// Break is the hook of Subject.
func (l *Line) Break(b Breakage) (mend func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.mended = b, make(chan struct{})
	if b == Unsent {
		l.server.Close()
		l.socket.Close() // a server that nobody has called yet may not know it
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.mended)
		l.broken = ""
		if b == Unsent {
			l.listen(l.URL[len("http://"):])
		}
	}
}

// HTTP is the hook of Subject: the vendor's answers to a revoked value and to the
// revocation of what is gone.
func (l *Line) HTTP(refusal, gone Reply) *HTTP {
	return &HTTP{Answer: l.answer, Refusal: refusal, Gone: gone, Spoil: l.spoiling, Changed: func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.changes
	}}
}

func (l *Line) answer(r Reply) (func() int, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.canned, l.calls, l.changes = &r, 0, 0
	calls := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.calls
	}
	return calls, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.canned = nil
	}
}
