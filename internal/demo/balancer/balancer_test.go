package balancer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target is a backend whose health can be switched.
type target struct {
	*httptest.Server
	sick atomic.Bool
	hits atomic.Int32
}

func newTarget(t *testing.T, name string) *target {
	b := &target{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			if b.sick.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		b.hits.Add(1)
		if r.URL.Path == "/die" {
			panic(http.ErrAbortHandler)
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, name, " ", r.Header.Get("Authorization"), " ", string(body))
	}))
	t.Cleanup(b.Close)
	return b
}

func start(t *testing.T) *Balancer {
	b, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func add(t *testing.T, b *Balancer, url string) {
	t.Helper()
	if err := b.Add(url); err != nil {
		t.Fatal(err)
	}
	wait(t, b, url, true)
}

// wait blocks until the backend is, or is no longer, sent requests.
func wait(t *testing.T, b *Balancer, url string, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for b.Healthy(url) != want {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: health is not %v", url, want)
		}
	}
}

func post(t *testing.T, b *Balancer, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+path, strings.NewReader("in"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestTakesTurnsAmongTheHealthy(t *testing.T) {
	b, one, two := start(t), newTarget(t, "one"), newTarget(t, "two")
	add(t, b, one.URL)
	add(t, b, two.URL)
	seen := map[string]int{}
	for range 10 {
		status, body := post(t, b, "/work")
		if status != 200 {
			t.Fatalf("status %d", status)
		}
		seen[body]++
	}
	if seen["one Bearer x in"] != 5 || seen["two Bearer x in"] != 5 {
		t.Errorf("not in turns: %v", seen)
	}
	one.sick.Store(true)
	wait(t, b, one.URL, false)
	for range 4 {
		if _, body := post(t, b, "/work"); !strings.HasPrefix(body, "two") {
			t.Errorf("sent to a sick backend: %s", body)
		}
	}
	b.Remove(two.URL)
	if status, body := post(t, b, "/work"); status != 503 || strings.TrimSpace(body) != "no healthy backend" {
		t.Errorf("status %d %s", status, body)
	}
	one.sick.Store(false)
	if err := b.WaitHealthy(t.Context(), one.URL); err != nil {
		t.Error(err)
	}
	if status, _ := post(t, b, "/work"); status != 200 {
		t.Errorf("status %d", status)
	}
	c := b.Counts()
	if c.Requests != 16 || c.NoBackend != 1 || c.Lost != 0 || c.Served[one.URL] != 6 || c.Served[two.URL] != 9 {
		t.Errorf("counts %+v", c)
	}
}

func TestNeverSendsARequestTwice(t *testing.T) {
	b, one, two := start(t), newTarget(t, "one"), newTarget(t, "two")
	add(t, b, one.URL)
	add(t, b, two.URL)
	if status, _ := post(t, b, "/die"); status != 502 {
		t.Errorf("status %d", status)
	}
	if n := one.hits.Load() + two.hits.Load(); n != 1 {
		t.Errorf("the backends saw it %d times", n)
	}
	if c := b.Counts(); c.Lost != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestWaitHealthyEndsWithItsContext(t *testing.T) {
	b := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.WaitHealthy(ctx, "http://127.0.0.1:1"); err == nil {
		t.Error("waited for nobody")
	}
	if err := b.Add("127.0.0.1:1"); err == nil {
		t.Error("took what is no URL")
	}
}
