package apiclient

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/agenticverz/rotor/fault"
)

func TestNoContact(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		base string
		kind fault.Kind
		text string
	}{
		"refused":   {"http://" + closed.Addr().String(), fault.Transient, "connection refused"},
		"untrusted": {secure.URL, fault.BadConfig, "certificate"},
		"no TLS":    {strings.Replace(plain, "http:", "https:", 1), fault.BadConfig, "TLS"},
	} {
		for _, method := range []string{"GET", "POST"} {
			err := client(t, c.base).Do(t.Context(), Call{Method: method, Path: "/"})
			if err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %s: %s %v", name, method, fault.KindOf(err), err)
			}
		}
	}
}

// TestLostAnswers: what was sent may have happened; what only asks cannot.
func TestLostAnswers(t *testing.T) {
	base := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for want, call := range map[fault.Kind]Call{fault.Unknown: {Method: "POST"}, fault.Transient: {Method: "POST", Reads: true}} {
		call.Path = "/"
		if err := client(t, base).Do(t.Context(), call); fault.KindOf(err) != want || err == nil {
			t.Errorf("%v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(t, base).Do(ctx, Call{Method: "POST", Path: "/"}); fault.KindOf(err) != fault.Transient || err == nil {
		t.Errorf("a context that had ended: %v", err)
	}
}

// TestAConnectionThatWasClosedMeanwhile must not make an outcome unknown: a change
// goes out on a fresh one.
func TestAConnectionThatWasClosedMeanwhile(t *testing.T) {
	var fresh atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			fresh.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := client(t, s.URL)
	for range 3 {
		if err := c.Do(t.Context(), Call{Path: "/"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := fresh.Load(); n != 1 {
		t.Errorf("%d connections for three reads", n)
	}
	for range 3 {
		if err := c.Do(t.Context(), Call{Method: "POST", Path: "/"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := fresh.Load(); n != 4 {
		t.Errorf("%d connections; want one for the reads and one for each change", n)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var mu sync.Mutex
	var hosts []string
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		hosts = append(hosts, "other "+r.Header.Get("Authorization"))
	})
	base := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+"/?t="+canary, 302) })
	err := client(t, base).Do(t.Context(), Call{Path: "/"})
	if fault.KindOf(err) != fault.BadConfig || err == nil || len(hosts) != 0 {
		t.Errorf("%v; %v", err, hosts)
	}
	clean(t, err)
}
