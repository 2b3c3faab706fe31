package redis_test

import (
	"bytes"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func (a *account) file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(a.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestItSurvivesARestart: at each stage what lived before lives after, and what was dead
// stays dead.
func TestItSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.Overlap, rotation.Alternate, rotation.InPlace} {
		for _, aclfile := range []bool{true, false} {
			t.Run(string(strategy)+map[bool]string{true: "/aclfile", false: "/redis.conf"}[aclfile], func(t *testing.T) {
				t.Parallel()
				a := ownAccount(t, localserver.RedisOptions{ACLFile: aclfile}, strategy)
				p := a.open(t, "")
				first := rotate(t, p, provider.Issued{})
				second := rotate(t, p, first)
				stages := []func(){func() {}, func() {
					if err := p.Revoke(t.Context(), first.Handle); err != nil {
						t.Fatal(err)
					}
				}}
				for stage, act := range stages {
					act()
					want := provider.Alive
					if stage == 1 || strategy == rotation.InPlace {
						want = provider.Refused
					}
					if err := a.Restart(t.Context()); err != nil {
						t.Fatal(err)
					}
					if live, err := p.Probe(t.Context(), first); live != want {
						t.Errorf("stage %d: the old value is %s (%v), want %s", stage, live, err, want)
					}
					if err := p.Verify(t.Context(), second); err != nil {
						t.Errorf("stage %d: the new value: %v", stage, err)
					}
				}
			})
		}
	}
}

// TestADeadRequirepassStaysDead: a server with requirepass in its file whose default user
// is given a hash. The old plain text stays in redis.conf and opens nothing.
func TestADeadRequirepassStaysDead(t *testing.T) {
	t.Parallel()
	a := &account{Redis: ownServer(t, localserver.RedisOptions{RequirePass: "the-word-before-rotor"}), opts: redis.Options{User: "default"}}
	a.admin, a.word = a.User, a.Password
	before := secret.Set{"username": secret.Public("default"), "password": secret.New(a.word)}
	handle, err := a.open(t, "").Identify(t.Context(), before)
	if err != nil || !strings.HasPrefix(handle.ID, "slow-") {
		t.Fatalf("%v, %v", handle, err)
	}
	old := provider.Issued{Handle: handle, Values: before}
	v := rotate(t, a.open(t, ""), old)
	wantRefusal(t, a.open(t, "").Revoke(t.Context(), handle), "this very password")
	a.word, a.Password = v.Values["password"].Reveal(), v.Values["password"].Reveal() // the reference is followed
	if err := a.open(t, "").Revoke(t.Context(), handle); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if live, err := a.open(t, "").Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("the old password is %s (%v)", live, err)
	}
	if err := a.open(t, "").Verify(t.Context(), v); err != nil {
		t.Error(err)
	}
}

// TestRequirepassInPlaceByItself: the admin's password is the very one that changes. The
// change is made, the answer is lost, and the reference still gives the old one.
func TestRequirepassInPlaceByItself(t *testing.T) {
	t.Parallel()
	a := &account{Redis: ownServer(t, localserver.RedisOptions{RequirePass: "the-word-before-rotor"}), opts: redis.Options{Strategy: rotation.InPlace}}
	a.admin, a.word = "", a.Password
	old := provider.Issued{Values: secret.Set{"username": secret.Public("default"), "password": secret.New(a.word)}}
	p := a.open(t, "")
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Fatal(err)
	}
	values, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v, err := p.Issue(t.Context(), provider.Request{Values: values, Old: old.Values})
		if err != nil {
			t.Fatal(err)
		}
		if live, err := p.Probe(t.Context(), old); live != provider.Refused {
			t.Errorf("the old password is %s (%v)", live, err)
		}
		if live, err := p.Probe(t.Context(), v); live != provider.Alive {
			t.Errorf("the new password is %s (%v)", live, err)
		}
	}
	// what the documents say of redis.conf is true
	if conf := a.file(t, "redis.conf"); !strings.Contains(conf, values["password"].Reveal()) {
		t.Error("CONFIG REWRITE did not write the plain text; correct the documents")
	}
}

func ownServer(t testing.TB, o localserver.RedisOptions) *localserver.Redis {
	t.Helper()
	return ownAccount(t, o, "").Redis
}

// monitor collects what MONITOR shows until the end of the test.
func (a *account) monitor(t *testing.T) func() string {
	t.Helper()
	c, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resp.New(c).Do(t.Context(), "AUTH", a.User, a.Password); err != nil {
		t.Fatal(err)
	}
	if _, err := resp.New(c).Do(t.Context(), "MONITOR"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen bytes.Buffer
	var done sync.WaitGroup
	end := make(chan struct{})
	done.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			mu.Lock()
			seen.Write(buf[:n])
			if bytes.Contains(seen.Bytes(), []byte("the-end-of-the-test")) {
				mu.Unlock()
				close(end)
				return
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() { c.Close(); done.Wait() })
	return func() string {
		a.do(t, "ECHO", "the-end-of-the-test")
		<-end
		mu.Lock()
		defer mu.Unlock()
		return seen.String()
	}
}

// TestNothingIsSeenByTheServer runs lives and failures on a server that shows all it can,
// and looks for passwords.
func TestNothingIsSeenByTheServer(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.Overlap, rotation.Alternate} {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			a := ownAccount(t, localserver.RedisOptions{ACLFile: true, Settings: map[string]string{
				"slowlog-log-slower-than": "0", "slowlog-max-len": "100000",
			}}, strategy)
			monitored := a.monitor(t)
			p := a.open(t, "")
			if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
				t.Fatal(err)
			}
			first := rotate(t, p, provider.Issued{})
			second := rotate(t, p, first)
			if err := p.Revoke(t.Context(), first.Handle); err != nil {
				t.Fatal(err)
			}
			_, _ = p.Probe(t.Context(), first)
			_, _ = p.Usage(t.Context(), first.Handle)
			a.do(t, "ECHO", "canary-of-the-search")
			var slow strings.Builder
			flatten(&slow, a.do(t, "SLOWLOG", "GET", "-1"))
			var acllog strings.Builder
			flatten(&acllog, a.do(t, "ACL", "LOG"))
			places := map[string]string{
				"MONITOR": monitored(), "SLOWLOG": slow.String(), "ACL LOG": acllog.String(), "log": a.log(t),
				"aclfile": a.file(t, "users.acl"), "redis.conf": a.file(t, "redis.conf"),
			}
			for _, v := range []secret.Value{first.Values["password"], second.Values["password"], secret.New(a.word)} {
				for _, form := range secret.Encodings(v) {
					for place, text := range places {
						if strings.Contains(text, form) {
							t.Errorf("%s has it", place)
						}
					}
				}
			}
			// the search can find something
			if !strings.Contains(places["MONITOR"], "canary-of-the-search") || !strings.Contains(places["SLOWLOG"], "canary-of-the-search") ||
				!strings.Contains(places["ACL LOG"], "auth") || !strings.Contains(places["aclfile"], second.Handle.ID) {
				t.Error("the server shows less than the test needs")
			}
		})
	}
}

func flatten(b *strings.Builder, answer any) {
	switch x := answer.(type) {
	case string:
		b.WriteString(x + "\n")
	case []any:
		for _, item := range x {
			flatten(b, item)
		}
	}
}
