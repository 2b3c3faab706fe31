package balancer

import (
	"context"
	"net/http"
	"time"
)

func (b *Balancer) forward(w http.ResponseWriter, r *http.Request) {
	one := b.pick()
	if one == nil {
		http.Error(w, "no healthy backend", http.StatusServiceUnavailable)
		return
	}
	one.proxy.ServeHTTP(w, r)
}

// pick is the next healthy backend, nil if there is none.
func (b *Balancer) pick() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Requests++
	for range b.backends {
		b.next = (b.next + 1) % len(b.backends)
		if one := b.backends[b.next]; one.healthy {
			return one
		}
	}
	b.counts.NoBackend++
	return nil
}

// poll watches one backend until it is removed. One bad answer takes it out, one
// good answer takes it in.
func (b *Balancer) poll(ctx context.Context, one *backend) {
	defer close(one.done)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok := b.ask(ctx, one.url)
		b.mu.Lock()
		if one.healthy != ok {
			one.healthy = ok
			b.wake()
		}
		b.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// wake tells those who wait that something changed; mu is held.
func (b *Balancer) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Balancer) ask(ctx context.Context, base string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health", nil)
	if err != nil {
		return false
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
