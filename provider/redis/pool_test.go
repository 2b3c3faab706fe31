package redis_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// load is an application: workers on a pool, and what came of their requests.
type load struct {
	value       atomic.Pointer[provider.Issued] // read at each new connection
	pool        atomic.Pointer[goredis.Client]
	done, fails atomic.Int64
	first       atomic.Pointer[error]
	stop        func()
}

// load starts 8 workers that send a request every 5 ms. retries as in go-redis: -1 is none.
func (a *account) load(t *testing.T, v provider.Issued, retries int) *load {
	t.Helper()
	l := &load{}
	l.value.Store(&v)
	l.pool.Store(a.pool(l, retries))
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			every := time.NewTicker(5 * time.Millisecond)
			defer every.Stop()
			for ctx.Err() == nil {
				if err := l.pool.Load().Incr(context.Background(), a.prefix+"count").Err(); err == nil {
					l.done.Add(1)
				} else if !errors.Is(err, goredis.ErrClosed) { // of a pool that was replaced just then
					l.fails.Add(1)
					l.first.CompareAndSwap(nil, &err)
				}
				<-every.C
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(); running.Wait(); l.pool.Load().Close() })
	t.Cleanup(l.stop)
	return l
}

func (a *account) pool(l *load, retries int) *goredis.Client {
	return goredis.NewClient(&goredis.Options{
		Addr: a.Addr(), MaxRetries: retries, PoolSize: 16, DisableIdentity: true,
		CredentialsProviderContext: func(context.Context) (string, string, error) {
			v := l.value.Load().Values
			return v["username"].Reveal(), v["password"].Reveal(), nil
		},
	})
}

func (l *load) judge(t *testing.T) {
	t.Helper()
	l.stop()
	if l.fails.Load() > 0 {
		t.Errorf("%d of %d requests failed, the first with: %v", l.fails.Load(), l.done.Load(), *l.first.Load())
	}
}

// TestNoRequestFails: rotation after rotation under an application that is redeployed each
// time and never repeats a request: the new instance comes up, the old one finishes and
// goes.
func TestNoRequestFails(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.Overlap, rotation.Alternate} {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, strategy, true)
			p := a.open(t, "")
			current := rotate(t, p, provider.Issued{})
			l := a.load(t, current, -1)
			for n := range 20 {
				next := rotate(t, p, current)
				l.value.Store(&next)
				old := l.pool.Swap(a.pool(l, -1))
				seen := l.done.Load()
				waitUntil(t, func() bool { return l.done.Load() > seen+100 }) // nobody is on the old one
				if err := old.Close(); err != nil {
					t.Fatal(err)
				}
				if err := p.Revoke(t.Context(), current.Handle); err != nil {
					t.Fatal(err)
				}
				if live, err := p.Probe(t.Context(), current); live != provider.Refused {
					t.Fatalf("rotation %d: the old value is %s (%v)", n, live, err)
				}
				current = next
			}
			l.judge(t)
			t.Logf("%d requests", l.done.Load())
		})
	}
}

// TestAPoolThatIsNotRedeployed reads the new value at each new connection, and has old
// connections at the end. They are ended in the midst of their work; a pool that repeats
// failed requests, as pools do by default, comes over without one.
func TestAPoolThatIsNotRedeployed(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, true)
	p := a.open(t, "")
	first := rotate(t, p, provider.Issued{})
	l := a.load(t, first, 3)
	waitUntil(t, func() bool { return l.done.Load() > 200 })
	a.seconds(t, 2)
	second := rotate(t, p, first)
	l.value.Store(&second)
	before := a.idsOf(t, a.opts.User)
	if u, err := p.Usage(t.Context(), first.Handle); err != nil || !u.Known || u.Active == 0 {
		t.Errorf("its sessions are not seen: %+v, %v", u, err)
	}
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	seen := l.done.Load()
	waitUntil(t, func() bool { return l.done.Load() > seen+200 })
	for id := range a.idsOf(t, a.opts.User) {
		if before[id] {
			t.Errorf("session %s is still there", id)
		}
	}
	l.judge(t)
}

// TestOverURLs: the application takes the value as a URL.
func TestOverURLs(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	v := rotate(t, a.open(t, ""), provider.Issued{})
	u := url.URL{Scheme: "redis", User: url.UserPassword(v.Values["username"].Reveal(), v.Values["password"].Reveal()), Host: a.Addr()}
	o, err := goredis.ParseURL(u.String())
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	defer c.Close()
	if err := c.Set(t.Context(), a.prefix+"x", "1", time.Minute).Err(); err != nil {
		t.Error(err)
	}
}
