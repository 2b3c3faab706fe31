package apiclient

import (
	"context"
	"sync"

	"golang.org/x/time/rate"
)

// Limits keep us below what the vendor allows; zero is no limit.
type Limits struct {
	PerSecond  float64
	Burst      int // default: one second's worth, at least 1
	Concurrent int // requests under way at the same time
}

// limits are shared: the vendor counts by account, and several credentials of one
// rotor.yaml have the same.
type limits struct {
	rate  *rate.Limiter
	slots chan struct{} // nil: any number
}

var allLimits struct {
	sync.Mutex
	of map[string]*limits
}

// sharedLimits gives the limits of one vendor. The first client's count.
func sharedLimits(key string, l Limits) *limits {
	if l == (Limits{}) {
		return &limits{rate: rate.NewLimiter(rate.Inf, 0)}
	}
	allLimits.Lock()
	defer allLimits.Unlock()
	if have, ok := allLimits.of[key]; ok {
		return have
	}
	made := &limits{rate: rate.NewLimiter(rate.Inf, 0)}
	if l.PerSecond > 0 {
		burst := l.Burst
		if burst == 0 {
			burst = max(1, int(l.PerSecond))
		}
		made.rate = rate.NewLimiter(rate.Limit(l.PerSecond), burst)
	}
	if l.Concurrent > 0 {
		made.slots = make(chan struct{}, l.Concurrent)
	}
	if allLimits.of == nil {
		allLimits.of = map[string]*limits{}
	}
	allLimits.of[key] = made
	return made
}

// acquire blocks until a request may go out or ctx ends.
func (l *limits) acquire(ctx context.Context) (release func(), err error) {
	release = func() {}
	if l.slots != nil {
		select {
		case l.slots <- struct{}{}:
			release = func() { <-l.slots }
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := l.rate.Wait(ctx); err != nil {
		release()
		return nil, context.DeadlineExceeded // Wait also fails when the deadline would come first
	}
	return release, nil
}
