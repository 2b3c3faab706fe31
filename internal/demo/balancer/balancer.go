// Package balancer is a small load balancer: it sends each request to the next
// healthy backend and never sends one twice. `rotor demo` and the end-to-end
// test put it before the units whose rotation they watch.
//
// What surprises: there is no retry and no hold-back, on purpose. Whatever a
// deployment breaks reaches the client and is counted.
package balancer

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

const (
	pollEvery   = 50 * time.Millisecond
	pollTimeout = 2 * time.Second
)

// Balancer listens from Start to Stop.
type Balancer struct {
	listener net.Listener
	server   *http.Server
	client   *http.Client // of the health polls
	ended    chan struct{}

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change of health
	backends []*backend
	next     int
	counts   Counts
}

type backend struct {
	url     string
	proxy   *httputil.ReverseProxy
	healthy bool
	stop    context.CancelFunc
	done    chan struct{}
}

// Counts is what happened to the requests so far.
type Counts struct {
	Requests  int
	NoBackend int            // answered 503: nobody was healthy
	Lost      int            // answered 502: the backend did not answer
	Served    map[string]int // answered by a backend, with whatever status, by its URL
}

// Start listens, on "127.0.0.1:0" for a free port.
func Start(listen string) (*Balancer, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	b := &Balancer{
		listener: listener, ended: make(chan struct{}), changed: make(chan struct{}),
		counts: Counts{Served: map[string]int{}},
		client: &http.Client{Timeout: pollTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	b.server = &http.Server{Handler: http.HandlerFunc(b.forward), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(b.ended)
		_ = b.server.Serve(listener)
	}()
	return b, nil
}

// URL is where clients send their requests.
func (b *Balancer) URL() string { return "http://" + b.listener.Addr().String() }

// Add puts a backend ("http://127.0.0.1:8081") into the list; requests reach it
// after its first good health poll.
func (b *Balancer) Add(base string) error {
	target, err := url.Parse(base)
	if err != nil || target.Host == "" {
		return errors.New("balancer: not a URL")
	}
	ctx, stop := context.WithCancel(context.Background())
	one := &backend{url: base, stop: stop, done: make(chan struct{})}
	one.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		// Fresh connections: Go sends a request again by itself if a kept one
		// turns out to be dead.
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0), // they are counted
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			b.count(func(c *Counts) { c.Lost++ })
			http.Error(w, "backend lost", http.StatusBadGateway)
		},
		ModifyResponse: func(*http.Response) error {
			b.count(func(c *Counts) { c.Served[base]++ })
			return nil
		},
	}
	b.mu.Lock()
	b.backends = append(b.backends, one)
	b.mu.Unlock()
	go b.poll(ctx, one)
	return nil
}

// Remove takes backends with this URL out; requests under way are not touched.
func (b *Balancer) Remove(base string) {
	b.mu.Lock()
	var kept, gone []*backend
	for _, one := range b.backends {
		if one.url == base {
			gone = append(gone, one)
		} else {
			kept = append(kept, one)
		}
	}
	b.backends = kept
	b.wake()
	b.mu.Unlock()
	for _, one := range gone {
		one.stop()
		<-one.done
	}
}

// Healthy says whether requests are sent to the backend now.
func (b *Balancer) Healthy(base string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.healthy(base)
}

func (b *Balancer) healthy(base string) bool {
	for _, one := range b.backends {
		if one.url == base && one.healthy {
			return true
		}
	}
	return false
}

// WaitHealthy blocks until requests are sent to the backend, or ctx ends.
func (b *Balancer) WaitHealthy(ctx context.Context, base string) error {
	for {
		b.mu.Lock()
		ok, changed := b.healthy(base), b.changed
		b.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Counts is a copy.
func (b *Balancer) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	c.Served = make(map[string]int, len(b.counts.Served))
	for base, n := range b.counts.Served {
		c.Served[base] = n
	}
	return c
}

// Stop waits for requests under way, for at most five seconds, and for all
// goroutines.
func (b *Balancer) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := b.server.Shutdown(ctx)
	if err != nil {
		_ = b.server.Close()
	}
	<-b.ended
	b.mu.Lock()
	all := b.backends
	b.backends = nil
	b.mu.Unlock()
	for _, one := range all {
		one.stop()
		<-one.done
	}
	return err
}

func (b *Balancer) count(f func(*Counts)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.counts)
}
