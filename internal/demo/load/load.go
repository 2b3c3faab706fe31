// Package load is a steady client that never tries twice: it sends requests (or
// does something else, see Options.Do) at a fixed rate and writes down what became of each. What a rotation breaks shows
// here or nowhere.
//
// What surprises: a slow server lowers the rate instead of piling up requests, so
// the number of requests alone proves little; the longest time without a good
// answer does.
package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options: URL or Do is all that is needed.
type Options struct {
	URL string // receives a POST
	// Do is done instead of a request: "" or why it failed. Called by all workers.
	Do      func(context.Context) (why string)
	Bearer  func() string // the token to present, asked for each request; nil: none
	Workers int           // requests under way at most; default 3
	Rate    int           // requests a second at most, of all workers; default 100; below 0: no limit
	Timeout time.Duration // of one request; default 10 s
	Limit   time.Duration // the load ends by itself after this; default 10 min
}

// Load runs from Start to Stop.
type Load struct {
	Options
	client *http.Client
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu     sync.Mutex
	phases []*counting
	whole  counting
}

// Start begins at once, in a phase called "start" until Phase is called.
func Start(o Options) *Load {
	if o.Workers <= 0 {
		o.Workers = 3
	}
	if o.Rate == 0 {
		o.Rate = 100
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Limit <= 0 {
		o.Limit = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.Limit)
	now := time.Now()
	l := &Load{Options: o, cancel: cancel, whole: newCounting("all", now), client: &http.Client{
		// Fresh connections: Go sends a request again by itself if a kept one turns
		// out to be dead, and that would be a retry.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	first := newCounting("start", now)
	l.phases = []*counting{&first}
	pace := l.pace(ctx)
	l.wait.Add(o.Workers)
	for range o.Workers {
		go l.work(ctx, pace)
	}
	return l
}

// pace says when the next request may begin.
func (l *Load) pace(ctx context.Context) <-chan time.Time {
	if l.Rate < 0 {
		always := make(chan time.Time)
		close(always)
		return always
	}
	tick := time.NewTicker(time.Second / time.Duration(l.Rate))
	context.AfterFunc(ctx, tick.Stop)
	return tick.C
}

// Phase begins a new part of the record. A request counts where it began.
func (l *Load) Phase(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.last().close(now)
	next := newCounting(name, now)
	l.phases = append(l.phases, &next)
}

// Stop lets requests under way end and gives the record. It may be called again.
func (l *Load) Stop() Result {
	l.cancel()
	l.wait.Wait()
	l.mu.Lock()
	now := time.Now()
	l.last().close(now)
	l.whole.close(now)
	l.mu.Unlock()
	return l.Result()
}

// Result is the record so far.
func (l *Load) Result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Result{All: l.whole.phase()}
	for _, c := range l.phases {
		if c.OK+c.Failed > 0 {
			r.Phases = append(r.Phases, c.phase())
		}
	}
	return r
}

func (l *Load) last() *counting { return l.phases[len(l.phases)-1] }

func (l *Load) work(ctx context.Context, tick <-chan time.Time) {
	defer l.wait.Done()
	for {
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		phase := l.last()
		l.mu.Unlock()
		began := time.Now()
		why := l.once()
		l.mu.Lock()
		now := time.Now()
		phase.add(why, began, now)
		l.whole.add(why, began, now)
		l.mu.Unlock()
	}
}

// once sends one request; "" means that it was served. It is not cancelled by
// Stop: what was begun is counted.
func (l *Load) once() string {
	ctx, cancel := context.WithTimeout(context.Background(), l.Timeout)
	defer cancel()
	if l.Do != nil {
		return l.Do(ctx)
	}
	return l.post(ctx)
}

func (l *Load) post(ctx context.Context) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, nil)
	if err != nil {
		return "not a URL"
	}
	if l.Bearer != nil {
		req.Header.Set("Authorization", "Bearer "+l.Bearer())
	}
	resp, err := l.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return "no answer in time"
		}
		return "no connection"
	}
	defer resp.Body.Close()
	body := bufio.NewReader(io.LimitReader(resp.Body, 4096))
	line, err := body.ReadString('\n')
	if err == nil || err == io.EOF {
		_, err = io.Copy(io.Discard, body)
	}
	switch {
	case err != nil:
		return "answer cut off"
	case resp.StatusCode != http.StatusOK:
		return short(resp.StatusCode, line)
	}
	return ""
}

// short is the reason that a server gives in its first line.
func short(status int, line string) string {
	line = strings.ToValidUTF8(strings.TrimSpace(line), "?")
	if runes := []rune(line); len(runes) > 100 {
		line = string(runes[:100]) + "…"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, line))
}
