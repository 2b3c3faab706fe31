package apiclient

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-5": 0, "1.5": 1500 * time.Millisecond, "NaN": 0, "999999999999": maxRetryAfter, "+Inf": maxRetryAfter,
		"soon": 0, now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
		now.Add(48 * time.Hour).Format(http.TimeFormat): maxRetryAfter,
	} {
		a := Answer{Header: http.Header{"Retry-After": {text}, "Date": {now.Format(http.TimeFormat)}}}
		if got := retryAfter(a); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"7", "1e9", "Mon, 23 Nov 2026 06:00:00 GMT", "-1", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := retryAfter(Answer{Header: http.Header{"Retry-After": {text}}}); d < 0 || d > maxRetryAfter {
			t.Errorf("%q: %s", text, d)
		}
	})
}

// pages serves lists: the next of page n is n+1, as given.
func pages(lists [][]string, next []string) func(context.Context, string) (Page[string], error) {
	n := -1
	return func(context.Context, string) (Page[string], error) {
		n++
		return Page[string]{lists[n%len(lists)], next[n%len(next)]}, nil
	}
}

func TestPages(t *testing.T) {
	id := func(s string) string { return s }
	for name, c := range map[string]struct {
		fetch func(context.Context, string) (Page[string], error)
		want  int // -1: an error
	}{
		"one page":         {pages([][]string{{"a", "b"}}, []string{""}), 2},
		"three pages":      {pages([][]string{{"a", "b"}, {"c"}, {"d"}}, []string{"2", "3", ""}), 4},
		"shifted":          {pages([][]string{{"a", "b"}, {"b", "c"}}, []string{"2", ""}), 3},
		"an empty page":    {pages([][]string{{"a"}, {}, {"b"}}, []string{"2", "3", ""}), 2},
		"repeats a page":   {pages([][]string{{"a", "b"}, {"a", "b"}}, []string{"2", "3"}), -1},
		"repeats a cursor": {pages([][]string{{"a"}, {"b"}, {"c"}}, []string{"2", "2", ""}), -1},
	} {
		got, err := Pages(t.Context(), "acme: find", id, c.fetch)
		if c.want < 0 && (err == nil || fault.KindOf(err) != fault.Unknown) || c.want >= 0 && (err != nil || len(got) != c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	n := 0
	endless := func(context.Context, string) (Page[string], error) {
		n++
		return Page[string]{[]string{strconv.Itoa(n)}, strconv.Itoa(n)}, nil
	}
	if _, err := Pages(t.Context(), "acme: find", id, endless); err == nil || n != maxPages {
		t.Errorf("a list without an end: %v after %d pages", err, n)
	}
	broken := errors.New("broken")
	if _, err := Pages(t.Context(), "x", id, func(context.Context, string) (Page[string], error) { return Page[string]{}, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestPoll(t *testing.T) {
	quick := Pace{time.Microsecond, 20 * time.Millisecond}
	n := 0
	done, err := Poll(t.Context(), quick, func(context.Context) (bool, error) { n++; return n == 3, nil })
	if !done || err != nil || n != 3 {
		t.Errorf("%v, %v after %d", done, err, n)
	}
	if done, err := Poll(t.Context(), quick, func(context.Context) (bool, error) { return false, nil }); done || err != nil {
		t.Errorf("without an end: %v, %v", done, err)
	}
	broken := errors.New("broken")
	if done, err := Poll(t.Context(), quick, func(context.Context) (bool, error) { return false, broken }); done || !errors.Is(err, broken) {
		t.Errorf("%v, %v", done, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if done, _ := Poll(ctx, Pace{time.Hour, time.Hour}, func(context.Context) (bool, error) { return false, nil }); done {
		t.Error("done, though nobody said so")
	}
}

// TestLimitsAreShared: two clients of one vendor count as one.
func TestLimitsAreShared(t *testing.T) {
	var under, most atomic.Int32
	base := serve(t, func(http.ResponseWriter, *http.Request) {
		n := under.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		under.Add(-1)
	})
	open := func() *Client {
		c, err := New(Config{Name: "limited", BaseURL: base, Limits: Limits{Concurrent: 1}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	errs := make(chan error)
	for _, c := range []*Client{open(), open(), open()} {
		go func() {
			var err error
			for range 20 {
				err = errors.Join(err, c.Do(t.Context(), Call{Path: "/"}))
			}
			errs <- err
		}()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := most.Load(); n != 1 {
		t.Errorf("%d requests at once", n)
	}
}

// TestOurOwnLimitIsTransient: what waits for its turn was not sent.
func TestOurOwnLimitIsTransient(t *testing.T) {
	hits := 0
	base := serve(t, func(http.ResponseWriter, *http.Request) { hits++ })
	c, err := New(Config{Name: "slow", BaseURL: base, Limits: Limits{PerSecond: 0.001, Burst: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do(t.Context(), Call{Path: "/"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := c.Do(ctx, Call{Method: "POST", Path: "/"}); fault.KindOf(err) != fault.Transient || err == nil || hits != 1 {
		t.Errorf("%v after %d", err, hits)
	}
}

// TestClock: an answer without a date is no clock, and an error stays what it is.
func TestClock(t *testing.T) {
	at := time.Date(2026, 11, 29, 6, 0, 0, 0, time.UTC)
	dated := Answer{Header: http.Header{"Date": {at.Format(http.TimeFormat)}}}
	if got, err := dated.Clock("acme: clock", nil); err != nil || !got.Equal(at) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := (Answer{}).Clock("acme: clock", nil); fault.KindOf(err) != fault.Unknown || err == nil {
		t.Errorf("%v", err)
	}
	denied := fault.New(fault.Denied, "acme: clock: no")
	if _, err := dated.Clock("acme: clock", denied); err != denied {
		t.Errorf("%v", err)
	}
}
