package doubles_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agenticverz/rotor/doubles"
	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/apiclient"
)

// counting is an API with one effect.
type counting struct {
	doubles.Faults
	n atomic.Int32
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		doubles.WriteJSON(w, http.StatusOK, map[string]int32{"n": c.n.Add(1)})
	})).ServeHTTP(w, r)
}

// TestFaults: what each does to the effect, and what our own client makes of it.
func TestFaults(t *testing.T) {
	for do, want := range map[doubles.Do]struct {
		kind    fault.Kind
		effects int
	}{
		doubles.DropBefore:  {fault.Unknown, 0},
		doubles.DropAfter:   {fault.Unknown, 1},
		doubles.TooMany:     {fault.Transient, 0},
		doubles.ServerError: {fault.Unknown, 0},
		doubles.ErrorAfter:  {fault.Unknown, 1},
		doubles.SlowBody:    {fault.Unknown, 1},
		doubles.HTML:        {fault.Unknown, 1},
		doubles.Truncated:   {fault.Unknown, 1},
	} {
		t.Run(string(do), func(t *testing.T) {
			api := &counting{}
			server := httptest.NewServer(api)
			defer server.Close()
			c, err := apiclient.New(apiclient.Config{Name: "acme", BaseURL: server.URL, Timeout: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			api.Arm(doubles.Fault{Do: do, Method: "POST", Path: "/keys", Skip: 1, RetryAfter: 3 * time.Second})
			var out struct{ N int }
			call := apiclient.Call{Method: "POST", Path: "/keys", Out: &out}
			if err := c.Do(t.Context(), call); err != nil || out.N != 1 {
				t.Fatalf("the first is let pass: %v", err)
			}
			err = c.Do(t.Context(), call)
			if err == nil || fault.KindOf(err) != want.kind || int(api.n.Load()) != 1+want.effects {
				t.Errorf("%v; %d effects", err, api.n.Load()-1)
			}
			if do == doubles.TooMany && fault.RetryAfterOf(err) != 3*time.Second {
				t.Errorf("Retry-After %s", fault.RetryAfterOf(err))
			}
			if err := c.Do(t.Context(), call); err != nil {
				t.Errorf("once is once: %v", err)
			}
			if got := api.Count("POST", "/keys"); got != 3 {
				t.Errorf("%d requests seen", got)
			}
		})
	}
}

func TestAFaultThatStays(t *testing.T) {
	api := &counting{}
	api.Arm(doubles.Fault{Do: doubles.ServerError, Times: -1})
	for range 3 {
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if rec.Code != 500 {
			t.Errorf("status %d", rec.Code)
		}
	}
	api.Clear()
	rec := httptest.NewRecorder()
	if api.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil)); rec.Code != 200 {
		t.Errorf("after Clear: %d", rec.Code)
	}
}

func TestLatency(t *testing.T) {
	api := &counting{}
	api.Latency(30 * time.Millisecond)
	begun := time.Now()
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if d := time.Since(begun); d < 30*time.Millisecond {
		t.Errorf("answered after %s", d)
	}
}

// TestPropagation: a change takes a while to reach every part.
func TestPropagation(t *testing.T) {
	var clock doubles.Clock
	delay := doubles.Delay{Issue: 2 * time.Second, Revoke: 5 * time.Second}
	life := doubles.Life{Born: clock.Now()}
	if !life.Listed() || life.Works(clock.Now(), delay) {
		t.Error("listed at once, but not working yet")
	}
	clock.Advance(3 * time.Second)
	if !life.Works(clock.Now(), delay) {
		t.Error("not working after its delay")
	}
	life.Died = clock.Now()
	if life.Listed() || !life.Works(clock.Now(), delay) {
		t.Error("gone from the list, but still working")
	}
	clock.Advance(5 * time.Second)
	if life.Works(clock.Now(), delay) {
		t.Error("working after its delay")
	}
}

func TestServeOpensDoors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- doubles.Serve(ctx, "127.0.0.1:0", "", write, doubles.Door{Name: "acme", API: &counting{}, Words: []string{"base-url: {base}/v1"}})
		write.Close()
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() && !strings.Contains(lines.Text(), "base-url") {
	}
	_, base, _ := strings.Cut(lines.Text(), "base-url: ")
	if !strings.HasSuffix(base, "/acme/v1") {
		t.Fatalf("%q", base)
	}
	resp, err := http.Get(base)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%v", err)
	}
	resp.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, listen := range []string{"0.0.0.0:0", "example.com:1", "nothing", "[::]:0"} {
		if err := doubles.Serve(t.Context(), listen, "", io.Discard); err == nil {
			t.Errorf("listens on %s", listen)
		}
	}
}

func TestText(t *testing.T) {
	if a, b := doubles.Text(40), doubles.Text(40); len(a) != 40 || a == b || a != strings.ToLower(a) {
		t.Error(fmt.Sprint(a, b))
	}
}

// TestInto: what is written tries the doubles, has a state of its own, and replaces
// nothing that was there.
func TestInto(t *testing.T) {
	dir := t.TempDir()
	door := doubles.Door{Name: "acme", API: &counting{}, Env: []doubles.Variable{{Name: "ACME_KEY", Value: "double-admin"}},
		Tries: []doubles.Try{{Name: "acme", Provider: "{type: acme, base-url: {base}/v1}",
			Present: []doubles.Variable{{Name: "ACME_ID", Field: "id", Value: "1"}, {Name: "ACME", Value: "double-value"}}}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it writes, then has nothing left to do
	if err := doubles.Serve(ctx, "127.0.0.1:0", dir, io.Discard, door); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"rotor.yaml":  {"provider: {type: acme, base-url: http://127.0.0.1:", "/acme/v1}", `key: ACME_ID, value: "{{.id}}"}`, "key: ACME}"},
		".env":        {"ACME_ID=1\n", "ACME=double-value\n"},
		"doubles.env": {"ROTOR_STATE='" + dir + "/state'", "ACME_KEY='double-admin'"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range want {
			if !strings.Contains(string(text), words) {
				t.Errorf("%s lacks %q:\n%s", name, words, text)
			}
		}
	}
	if err := doubles.Serve(t.Context(), "127.0.0.1:0", dir, io.Discard, door); err == nil {
		t.Error("files that were there are replaced")
	}
}
