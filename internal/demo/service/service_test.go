package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agenticverz/rotor/internal/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testserver.Wrap(m)) }

const (
	token    = "Rt7-demo-token-marker-000001"
	previous = "Rt7-demo-token-marker-000000"
	password = "Rt7DemoPasswordMarker1"
)

// instance is a service that runs inside the test.
type instance struct {
	t    *testing.T
	url  string
	stop context.CancelFunc
	end  chan error
	mu   sync.Mutex
	logs bytes.Buffer
}

func (i *instance) Write(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.logs.Write(b)
}

func (i *instance) printed() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.logs.String()
}

func begin(t *testing.T, env map[string]string) *instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env["LISTEN"], env["NAME"] = listener.Addr().String(), "one"
	_ = listener.Close()
	ctx, stop := context.WithCancel(t.Context())
	i := &instance{t: t, url: "http://" + env["LISTEN"], stop: stop, end: make(chan error, 1)}
	go func() { i.end <- run(ctx, func(name string) string { return env[name] }, nil, i) }()
	t.Cleanup(stop)
	return i
}

// up waits until the instance is healthy.
func up(t *testing.T, env map[string]string) *instance {
	t.Helper()
	i := begin(t, env)
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if status, _ := i.call(http.MethodGet, "/health", ""); status == http.StatusOK {
			return i
		}
		select {
		case err := <-i.end:
			t.Fatalf("ended: %v", err)
		case <-deadline:
			t.Fatal("not healthy")
		case <-tick.C:
		}
	}
}

func (i *instance) call(method, path, bearer string) (int, string) {
	i.t.Helper()
	req, err := http.NewRequestWithContext(i.t.Context(), method, i.url+path, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", bearer)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}

// ended waits for the end and gives the exit code.
func (i *instance) ended() (int, error) {
	i.t.Helper()
	select {
	case err := <-i.end:
		return ExitCode(err), err
	case <-time.After(20 * time.Second):
		i.t.Fatal("does not end")
		return 0, nil
	}
}

func TestTokensOldAndNewAreAccepted(t *testing.T) {
	i := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "MACHINE_SECRET_TOKEN_PREVIOUS": previous, "DRAIN": "0"})
	j := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token + "," + previous, "DRAIN": "0"})
	k := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token + ",", "DRAIN": "0"})
	for bearer, want := range map[string]int{"Bearer " + token: 200, "Bearer " + previous: 401, "Bearer ": 401, "Bearer " + token + ",": 401} {
		if status, _ := k.call(http.MethodPost, "/work", bearer); status != want {
			t.Errorf("one token and a comma: status %d, want %d", status, want)
		}
	}
	if status, _ := j.call(http.MethodPost, "/work", "Bearer "+previous); status != 200 {
		t.Errorf("two tokens in one variable: status %d", status)
	}
	for bearer, want := range map[string]int{
		"Bearer " + token: 200, "Bearer " + previous: 200,
		"": 401, "Bearer ": 401, token: 401, "bearer " + token: 401, "Bearer " + token + "x": 401, "Bearer other": 401,
	} {
		if status, body := i.call(http.MethodPost, "/work", bearer); status != want {
			t.Errorf("%q: status %d %s, want %d", strings.ReplaceAll(bearer, "marker", ""), status, body, want)
		}
	}
	if status, _ := i.call(http.MethodGet, "/work", "Bearer "+token); status != 405 {
		t.Errorf("GET /work: status %d", status)
	}
}

func TestAnEmptyPreviousTokenLetsNobodyIn(t *testing.T) {
	i := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "DRAIN": "0"})
	if status, _ := i.call(http.MethodPost, "/work", "Bearer "); status != 401 {
		t.Errorf("status %d", status)
	}
}

func TestBadValuesEndItAtOnceWithThree(t *testing.T) {
	good := func() map[string]string { return map[string]string{"MACHINE_SECRET_TOKEN": token} }
	for name, value := range map[string]string{
		"MACHINE_SECRET_TOKEN": token + ",short", "MACHINE_SECRET_TOKEN_PREVIOUS": "short", "PARTNER_KEY": "two\nlines of a paste that went wrong",
		"DATABASE_URL": "postgres://u:" + password + "@[::1", "DRAIN": "soon", "LIFETIME": "-1",
	} {
		env := good()
		env[name] = value
		i := begin(t, env)
		if code, err := i.ended(); code != 3 || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: exit %d, %v", name, code, err)
		}
		noValues(t, i, value)
	}
}

func noValues(t *testing.T, i *instance, more ...string) {
	t.Helper()
	for _, value := range append(more, token, previous, password) {
		if len(value) > 5 && strings.Contains(i.printed(), value) {
			t.Errorf("a value is in the log")
		}
	}
}

func TestDrain(t *testing.T) {
	i := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "DRAIN": "400"})
	if err := check(t.Context(), strings.TrimPrefix(i.url, "http://")); err != nil {
		t.Error(err)
	}
	i.stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	seen := false
	for !seen {
		status, body := i.call(http.MethodGet, "/health", "")
		if status == 0 {
			t.Fatal("the door closed before health said so")
		}
		seen = status == 503 && body == "draining"
		<-tick.C
	}
	if status, _ := i.call(http.MethodPost, "/work", "Bearer "+token); status != 200 {
		t.Errorf("status %d while draining", status)
	}
	if err := check(t.Context(), strings.TrimPrefix(i.url, "http://")); err == nil {
		t.Error("check says that a draining instance is healthy")
	}
	if code, err := i.ended(); code != 0 {
		t.Errorf("exit %d: %v", code, err)
	}
	if err := check(t.Context(), strings.TrimPrefix(i.url, "http://")); err == nil {
		t.Error("check says that nobody is healthy")
	}
	noValues(t, i)
}

func TestCheckFindsTheAddress(t *testing.T) {
	i := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "DRAIN": "0"})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(i.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, listen := range []string{":" + port, "0.0.0.0:" + port, "127.0.0.1:" + port, "localhost:" + port} {
		if err := run(t.Context(), func(string) string { return listen }, []string{"check"}, io.Discard); err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
	for _, args := range [][]string{{"chek"}, {"check", "x"}} {
		if err := run(t.Context(), func(string) string { return ":" + port }, args, io.Discard); err == nil {
			t.Errorf("%v is taken for a command", args)
		}
	}
}

func TestFingerprints(t *testing.T) {
	i := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "FINGERPRINT_KEY": "k1", "DRAIN": "0"})
	_, body := i.call(http.MethodGet, "/fingerprint", "")
	var answer Answer
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	got := answer.Fingerprints["MACHINE_SECRET_TOKEN"]
	if got != Fingerprint("k1", "MACHINE_SECRET_TOKEN", token) || got == Fingerprint("k2", "MACHINE_SECRET_TOKEN", token) {
		t.Errorf("fingerprint %s", got)
	}
	if got == Fingerprint("k1", "MACHINE_SECRET_TOKEN", previous) || got == Fingerprint("k1", "PARTNER_KEY", token) {
		t.Error("fingerprints of different things are equal")
	}
	if strings.Contains(body, token) {
		t.Error("the page holds a value")
	}
	j := up(t, map[string]string{"MACHINE_SECRET_TOKEN": token, "DRAIN": "0"})
	if status, _ := j.call(http.MethodGet, "/fingerprint", ""); status != 404 {
		t.Errorf("without a key: status %d", status)
	}
}

func TestExitCode(t *testing.T) {
	if ExitCode(nil) != 0 || ExitCode(errors.New("x")) != 1 || ExitCode(fmt.Errorf("start: %w", refused("x"))) != 3 {
		t.Error("wrong exit codes")
	}
}
