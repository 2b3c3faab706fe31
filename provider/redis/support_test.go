package redis_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
)

// startReplica copies from a as user and waits for the link.
func startReplica(t testing.TB, a *account, user, password string) *localserver.Redis {
	t.Helper()
	_, port, _ := strings.Cut(a.Addr(), ":")
	r := testserver.OwnRedis(t, localserver.RedisOptions{Settings: map[string]string{
		"replicaof": "127.0.0.1 " + port, "masteruser": user, "masterauth": password, "repl-diskless-sync-delay": "0",
	}})
	every, deadline := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer every.Stop()
	for {
		info, err := r.Do(t.Context(), "INFO", "replication")
		if err == nil && strings.Contains(info.(string), "master_link_status:up") {
			return r
		}
		select {
		case <-every.C:
		case <-deadline:
			t.Fatalf("the replica has no link: %v, %v", info, err)
		}
	}
}

// wantRefusal expects words, a hint, and a kind that proves that nothing was changed.
func wantRefusal(t testing.TB, err error, words string) {
	t.Helper()
	switch {
	case err == nil || !strings.Contains(err.Error(), words):
		t.Errorf("%v, want %q", err, words)
	case fault.KindOf(err) == fault.Unknown || fault.HintOf(err) == "":
		t.Errorf("kind %s, hint %q: %v", fault.KindOf(err), fault.HintOf(err), err)
	}
}

func waitUntil(t testing.TB, done func() bool) {
	t.Helper()
	every, deadline := time.NewTicker(50*time.Millisecond), time.After(30*time.Second)
	defer every.Stop()
	for !done() {
		select {
		case <-every.C:
		case <-deadline:
			t.Fatal("it never happens")
		}
	}
}

// blockACLFile makes the server's next ACL SAVE fail: a folder stands where the new file is
// to be renamed to.
func (a *account) blockACLFile(t testing.TB) (restore func()) {
	t.Helper()
	path := a.Path("users.acl")
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".aside", path); err != nil {
			t.Fatal(err)
		}
	}
}

// idsOf are the numbers of a user's sessions.
func (a *account) idsOf(t testing.TB, user string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for line := range strings.Lines(a.do(t, "CLIENT", "LIST").(string)) {
		if strings.Contains(line, " user="+user+" ") {
			id, _, _ := strings.Cut(line, " ")
			out[id] = true
		}
	}
	return out
}
