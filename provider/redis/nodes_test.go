package redis_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// TestNodes: a primary and a replica, each with an access list of its own.
func TestNodes(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{ACLFile: true}, rotation.Overlap)
	replica := startReplica(t, a, a.User, a.Password)
	if _, err := replica.Do(t.Context(), "ACL", "SETUSER", a.admin, "on", ">"+a.word, "~*", "&*", "+@all"); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, a.open(t, "").Preflight(t.Context(), provider.Request{}), "1 replicas are connected and 0 are among addresses")
	a.opts.Addresses = []string{a.Addr(), replica.Addr()}
	wantRefusal(t, a.open(t, "").Preflight(t.Context(), provider.Request{}), "no user t-app at "+replica.Addr())
	if _, err := replica.Do(t.Context(), "ACL", "SETUSER", a.opts.User, "on", "~"+a.prefix+"*", "+@all"); err != nil {
		t.Fatal(err)
	}
	p := a.open(t, "")
	if err := p.Preflight(t.Context(), provider.Request{}); err != nil {
		t.Fatal(err)
	}
	first := rotate(t, p, provider.Issued{})
	second := rotate(t, p, first)
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), first); live != provider.Refused {
		t.Errorf("the old value is %s (%v)", live, err)
	}
	if _, err := replica.Do(t.Context(), "ACL", "SETUSER", a.opts.User, "#"+first.Handle.ID); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), first); live != provider.Alive {
		t.Errorf("alive on one node, and %s (%v)", live, err)
	}
	if _, err := replica.Do(t.Context(), "ACL", "SETUSER", a.opts.User, "!"+first.Handle.ID); err != nil {
		t.Fatal(err)
	}
	second = a.oneNodeRefuses(t, replica, second)
	if err := replica.Stop(); err != nil {
		t.Fatal(err)
	}
	values, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Issue(t.Context(), provider.Request{Values: values, Current: second.Handle}); fault.KindOf(err) != fault.Transient || err == nil || !strings.Contains(err.Error(), replica.Addr()) {
		t.Errorf("with one node down: kind %s, %v", fault.KindOf(err), err)
	}
	if words, _ := a.passwords(t, a.opts.User); words != 1 {
		t.Error("with one node down the other was changed")
	}
	if live, _ := p.Probe(t.Context(), first); live == provider.Refused {
		t.Error("one node down, and the old value is called dead")
	}
}

// oneNodeRefuses: with the first node changed a refusal of the second proves nothing, and
// the same values again bring both to the same end.
func (a *account) oneNodeRefuses(t *testing.T, replica *localserver.Redis, old provider.Issued) provider.Issued {
	t.Helper()
	grant := func(rule string) {
		if _, err := replica.Do(t.Context(), "ACL", "SETUSER", a.prefix+"rotor", "on", ">"+a.word, "+@all", rule); err != nil {
			t.Fatal(err)
		}
	}
	a.setUser(t, a.prefix+"rotor", "on", ">"+a.word, "+@all")
	grant("-acl|setuser")
	admin := a.admin
	a.admin = a.prefix + "rotor"
	p := a.open(t, "")
	a.admin = admin
	values, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	req := provider.Request{Values: values, Current: old.Handle}
	if _, err := p.Issue(t.Context(), req); err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("Issue: kind %s, %v", fault.KindOf(err), err)
	}
	grant("+acl|setuser")
	v, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	grant("-acl|setuser")
	if err := p.Revoke(t.Context(), old.Handle); err == nil || fault.KindOf(err) != fault.Unknown {
		t.Errorf("Revoke: kind %s, %v", fault.KindOf(err), err)
	}
	if live, _ := p.Probe(t.Context(), old); live != provider.Alive {
		t.Errorf("alive on one node, and %s", live)
	}
	grant("+acl|setuser")
	if err := p.Revoke(t.Context(), old.Handle); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("%s, %v", live, err)
	}
	return v
}

func TestOtherServers(t *testing.T) {
	t.Parallel()
	cluster := testserver.OwnRedis(t, localserver.RedisOptions{Settings: map[string]string{"cluster-enabled": "yes"}})
	other := testserver.OwnRedis(t, localserver.RedisOptions{Settings: map[string]string{"cluster-enabled": "yes"}})
	open := func(o redis.Options, address string) *redis.Provider {
		u := url.URL{Scheme: "redis", User: url.UserPassword(cluster.User, cluster.Password), Host: address}
		o.User = "admin"
		p, err := redis.New(o, secret.Fixed(secret.New(u.String())))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := open(redis.Options{}, cluster.Addr()).Preflight(t.Context(), provider.Request{}); err != nil {
		t.Errorf("a cluster of one: %v", err)
	}
	if _, err := cluster.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", strings.TrimPrefix(other.Addr(), "127.0.0.1:")); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		text, _ := cluster.Do(t.Context(), "CLUSTER", "NODES")
		lines, _ := text.(string)
		return strings.Count(lines, "connected") == 2 && !strings.Contains(lines, "handshake")
	})
	wantRefusal(t, open(redis.Options{}, cluster.Addr()).Preflight(t.Context(), provider.Request{}), "the cluster has 2 nodes and 1 are among addresses")
	if err := open(redis.Options{OtherNodes: "ignore"}, cluster.Addr()).Preflight(t.Context(), provider.Request{}); err != nil {
		t.Errorf("ignored: %v", err)
	}
	_, port, _ := net.SplitHostPort(cluster.Addr())
	twice := open(redis.Options{Addresses: []string{cluster.Addr(), "localhost:" + port}}, cluster.Addr())
	wantRefusal(t, twice.Preflight(t.Context(), provider.Request{}), "the same node")
}
