package load

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers with a status that can be switched; 0 cuts the connection.
type server struct {
	*httptest.Server
	status  atomic.Int32
	hits    atomic.Int32
	bearers chan string
}

func newServer(t *testing.T) *server {
	s := &server{bearers: make(chan string, 1)}
	s.status.Store(200)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		select {
		case s.bearers <- r.Method + " " + r.Header.Get("Authorization"):
		default:
		}
		status := int(s.status.Load())
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		if status != 200 {
			http.Error(w, "first line\nsecond line", status)
		}
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

// until waits until the record satisfies done.
func until(t *testing.T, l *Load, done func(Phase) bool) {
	t.Helper()
	tick, deadline := time.NewTicker(2*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		r := l.Result()
		if len(r.Phases) > 0 && done(r.Phases[len(r.Phases)-1]) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			l.Stop()
			t.Fatalf("%+v", r)
		}
	}
}

func TestCountsEachRequestOnceWithItsReason(t *testing.T) {
	s := newServer(t)
	l := Start(Options{URL: s.URL, Rate: 500, Bearer: func() string { return "abc" }})
	until(t, l, func(p Phase) bool { return p.OK >= 10 })
	if got := <-s.bearers; got != "POST Bearer abc" {
		t.Errorf("sent %q", got)
	}
	s.status.Store(503)
	l.Phase("broken")
	began := time.Now()
	until(t, l, func(p Phase) bool { return p.Name == "broken" && p.Reasons["503 first line"] >= 10 })
	s.status.Store(0)
	until(t, l, func(p Phase) bool { return p.Reasons["no connection"] >= 3 })
	lasted := time.Since(began)
	s.status.Store(200)
	l.Phase("well")
	until(t, l, func(p Phase) bool { return p.Name == "well" && p.OK >= 5 })
	r := l.Stop()
	if n := int(s.hits.Load()); n != r.All.OK+r.All.Failed {
		t.Errorf("the server saw %d requests, the record has %d", n, r.All.OK+r.All.Failed)
	}
	broken := r.Phases[1]
	if len(r.Phases) != 3 || broken.Name != "broken" || r.Phases[0].Failed > 3 { // those under way
		t.Fatalf("%+v", r.Phases)
	}
	sum := 0
	for _, p := range r.Phases {
		sum += p.OK + p.Failed
	}
	if sum != r.All.OK+r.All.Failed {
		t.Errorf("phases have %d, all has %d", sum, r.All.OK+r.All.Failed)
	}
	// up to three requests were under way when the phase began
	if broken.Longest > broken.Took || r.All.Longest < lasted-100*time.Millisecond || r.All.Longest > r.All.Took {
		t.Errorf("longest %v in a phase of %v, %v in all; broken for %v", broken.Longest, broken.Took, r.All.Longest, lasted)
	}
}

func TestAGapThatDoesNotEndCounts(t *testing.T) {
	now := time.Now()
	c := newCounting("x", now)
	c.add("", now, now.Add(time.Second))
	c.add("broken", now.Add(time.Second), now.Add(2*time.Second))
	c.close(now.Add(5 * time.Second))
	c.add("", now.Add(2*time.Second), now.Add(9*time.Second)) // began here, ended later
	if p := c.phase(); p.Longest != 4*time.Second || p.Took != 5*time.Second || p.OK != 2 || p.Failed != 1 ||
		p.Slowest != 7*time.Second || p.Window != time.Second {
		t.Errorf("%+v", p)
	}
}

// TestTheWindow goes from the beginning of the first failed request to the end of
// the last, in whatever order they end.
func TestTheWindow(t *testing.T) {
	now := time.Now()
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	c := newCounting("x", now)
	for _, one := range []struct {
		why       string
		from, end int
	}{{"", 0, 5}, {"broken", 30, 35}, {"broken", 20, 40}, {"", 41, 50}, {"broken", 55, 60}, {"", 61, 99}} {
		c.add(one.why, at(one.from), at(one.end))
	}
	if p := c.phase(); p.Window != 40*time.Millisecond || p.Slowest != 38*time.Millisecond {
		t.Errorf("%+v", p)
	}
}

// TestDo: what is done instead of a request is counted the same way.
func TestDo(t *testing.T) {
	l := Start(Options{Rate: 500, Do: func(ctx context.Context) string {
		if _, limited := ctx.Deadline(); !limited {
			return "for ever"
		}
		return "as it is"
	}})
	until(t, l, func(p Phase) bool { return p.Reasons["as it is"] >= 3 })
	if r := l.Stop(); r.All.OK != 0 || r.All.Failed != r.All.Reasons["as it is"] {
		t.Errorf("%+v", r.All)
	}
}

func TestRateAndLimit(t *testing.T) {
	s := newServer(t)
	l := Start(Options{URL: s.URL, Rate: 50, Workers: 8, Limit: 300 * time.Millisecond})
	l.wait.Wait() // by itself
	r := l.Stop()
	if n := r.All.OK + r.All.Failed; n < 1 || n > 16 {
		t.Errorf("%d requests in %v at 50 a second", n, r.All.Took)
	}
	again := l.Stop()
	if again.All.OK != r.All.OK {
		t.Error("a second Stop gives another record")
	}
}

// TestNoRate: the next request begins when the one before has ended.
func TestNoRate(t *testing.T) {
	var under, most atomic.Int32
	l := Start(Options{Rate: -1, Workers: 2, Do: func(context.Context) string {
		most.Store(max(most.Load(), under.Add(1)))
		time.Sleep(time.Millisecond)
		under.Add(-1)
		return ""
	}})
	until(t, l, func(p Phase) bool { return p.OK > 200 })
	if r := l.Stop(); most.Load() != 2 || r.All.Took > 10*time.Second {
		t.Errorf("%d at once, %v", most.Load(), r.All.Took)
	}
}

func TestDoesNotFollowRedirects(t *testing.T) {
	s := newServer(t)
	s.status.Store(307)
	l := Start(Options{URL: s.URL, Rate: 200})
	until(t, l, func(p Phase) bool { return p.Failed > 2 })
	if r := l.Stop(); r.All.OK != 0 {
		t.Errorf("%+v", r)
	}
}

func TestTable(t *testing.T) {
	r := Result{
		All: Phase{Name: "all", OK: 1200, Failed: 3, Longest: 81 * time.Millisecond},
		Phases: []Phase{
			{Name: "before", OK: 200, Longest: 12 * time.Millisecond},
			{Name: "rotation", OK: 1000, Failed: 3, Longest: 81 * time.Millisecond, Reasons: map[string]int{"503 b": 1, "401 a": 1, "502 c": 1}},
		},
	}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `  served  failed  longest without an answer  
     200       0                      12 ms  before
    1000       3                      81 ms  rotation
               1                               401 a
               1                               502 c
               1                               503 b
    1200       3                      81 ms  all
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func FuzzShort(f *testing.F) {
	f.Add(503, "no healthy backend\n")
	f.Add(500, strings.Repeat("ä", 300))
	f.Fuzz(func(t *testing.T, status int, line string) {
		if got := short(status, line); len([]rune(got)) > 130 || strings.ContainsRune(got, '\x00') && !strings.ContainsRune(line, '\x00') {
			t.Errorf("%d runes", len([]rune(got)))
		}
	})
}
