package testserver

import (
	"context"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
)

// RedisUsers is a corner of the shared Redis, for one test.
type RedisUsers struct {
	*localserver.Redis
	Prefix string // users and keys whose names begin with it are removed after the test
}

// Redis gives the test a prefix for users and keys. The shared server keeps its users in
// an aclfile, has TLS beside the plain port, and logs verbosely to LogPath. Its ACL LOG,
// SLOWLOG (everything) and configuration belong to all tests: look, do not change.
func Redis(t testing.TB) *RedisUsers {
	t.Helper()
	r := redis.get(t, func(ctx context.Context) (*localserver.Redis, error) {
		return localserver.StartRedis(ctx, localserver.RedisOptions{
			ACLFile: true, TLS: true, Settings: map[string]string{"slowlog-log-slower-than": "0", "slowlog-max-len": "100000", "acllog-max-len": "1000"},
		})
	})
	u := &RedisUsers{Redis: r, Prefix: unique() + "-"}
	t.Cleanup(func() { u.remove(t) })
	return u
}

var redis shared[*localserver.Redis]

// OwnRedis starts a server for this test alone, stopped at its end.
func OwnRedis(t testing.TB, o localserver.RedisOptions) *localserver.Redis {
	t.Helper()
	return own(t, func(ctx context.Context) (*localserver.Redis, error) { return localserver.StartRedis(ctx, o) })
}

// User is a user name that no other test has.
func (u *RedisUsers) User(name string) string { return u.Prefix + name }

func (u *RedisUsers) remove(t testing.TB) {
	ctx := context.Background()
	names, err := u.Do(ctx, "ACL", "USERS")
	if err != nil {
		t.Logf("cleaning up users of Redis: %v", err)
		return
	}
	list, _ := names.([]any)
	for _, name := range list {
		if name, _ := name.(string); strings.HasPrefix(name, u.Prefix) {
			_, _ = u.Do(ctx, "ACL", "DELUSER", name) // its sessions end too
		}
	}
	keys, _ := u.Do(ctx, "KEYS", u.Prefix+"*")
	list, _ = keys.([]any)
	for _, key := range list {
		if key, _ := key.(string); key != "" {
			_, _ = u.Do(ctx, "DEL", key)
		}
	}
}
