package redis_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/internal/resp"
	"github.com/agenticverz/rotor/internal/testserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// account is a user (or two) on a server, and the admin who rotates it.
type account struct {
	*localserver.Redis
	prefix string
	admin  string
	word   string
	opts   redis.Options
}

// newAccount makes users on the shared server. least: the admin has the documented rights
// and no more.
func newAccount(t testing.TB, strategy rotation.Strategy, least bool) *account {
	t.Helper()
	shared := testserver.Redis(t)
	a := &account{Redis: shared.Redis, prefix: shared.Prefix}
	a.prepare(t, strategy, least)
	return a
}

// ownAccount makes them on a server of the test's own.
func ownAccount(t testing.TB, o localserver.RedisOptions, strategy rotation.Strategy) *account {
	t.Helper()
	a := &account{Redis: testserver.OwnRedis(t, o), prefix: "t-"}
	a.prepare(t, strategy, false)
	return a
}

func (a *account) prepare(t testing.TB, strategy rotation.Strategy, least bool) {
	t.Helper()
	a.admin, a.word = a.User, a.Password
	a.opts = redis.Options{Strategy: strategy}
	switch strategy {
	case rotation.Overlap:
		a.opts.User, a.opts.Rights, a.opts.KeyPrefix = a.prefix+"app", "write", a.prefix
		a.setUser(t, a.opts.User, "reset", "on", "~"+a.prefix+"*", "&*", "+@all", "-@dangerous")
	case rotation.Alternate:
		a.opts.Users = []string{a.prefix + "app_a", a.prefix + "app_b"}
		a.setUser(t, a.opts.Users[0], "reset", "off", "~"+a.prefix+"*", "%R~shared:*", "&"+a.prefix+"*", "-@all", "+@read", "+@write", "+@connection", "-keys", "(~sel:* +get)")
		a.setUser(t, a.opts.Users[0]) // no rules: no change
		_, _ = a.Redis.Do(t.Context(), "ACL", "DELUSER", a.opts.Users[1])
	case "": // the test does it
	case rotation.InPlace:
		a.setUser(t, "default", "reset", "on", "~*", "+@all")
	}
	if least {
		a.admin, a.word = a.prefix+"admin", secret.Random(32).Reveal()
		a.setUser(t, a.admin, append(append([]string{"reset"}, redis.Rights(a.opts)...), "on", ">"+a.word)...)
	}
}

func (a *account) do(t testing.TB, args ...string) any {
	t.Helper()
	answer, err := a.Redis.Do(t.Context(), args...)
	if err != nil {
		t.Fatalf("%s %s: %v", args[0], args[1], err)
	}
	return answer
}

func (a *account) setUser(t testing.TB, name string, rules ...string) {
	t.Helper()
	a.do(t, append([]string{"ACL", "SETUSER", name}, rules...)...)
}

// url is the admin's, by way of address if one is given.
func (a *account) url(address string) string {
	u := url.URL{Scheme: "redis", User: url.UserPassword(a.admin, a.word), Host: a.Addr()}
	if address != "" {
		u.Host = address
	}
	return u.String()
}

func (a *account) open(t testing.TB, address string) *redis.Provider {
	t.Helper()
	p, err := redis.New(a.opts, secret.Fixed(secret.New(a.url(address))))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// entries are the hashes of a user, marks too.
func (a *account) entries(ctx context.Context, name string) ([]string, bool, error) {
	answer, err := a.Redis.Do(ctx, "ACL", "GETUSER", name)
	if err != nil {
		return nil, false, err
	}
	fields, _ := answer.([]any)
	var out []string
	on := false
	for i := 0; i+1 < len(fields); i += 2 {
		items, _ := fields[i+1].([]any)
		for _, item := range items {
			switch text, _ := item.(string); fields[i] {
			case "passwords":
				out = append(out, text)
			case "flags":
				on = on || text == "on"
			}
		}
	}
	return out, on, nil
}

const markHead = "726f746f72"

// live lists the passwords of the test's users who can log in.
func (a *account) live(ctx context.Context) ([]rotation.Handle, error) {
	users, err := a.Redis.Do(ctx, "ACL", "USERS")
	if err != nil {
		return nil, err
	}
	var out []rotation.Handle
	for _, item := range users.([]any) {
		name := item.(string)
		if name == a.admin || name == a.User || name != "default" && !strings.HasPrefix(name, a.prefix) {
			continue
		}
		hashes, on, err := a.entries(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, hash := range hashes {
			if on && !strings.HasPrefix(hash, markHead) {
				out = append(out, rotation.Handle{ID: hash, Slot: name})
			}
		}
	}
	return out, nil
}

// stranger makes a login that is nobody's business.
func (a *account) stranger(ctx context.Context) (rotation.Handle, error) {
	name := a.prefix + "stranger"
	_, err := a.Redis.Do(ctx, "ACL", "SETUSER", name, "on", ">not-ours-at-all")
	return rotation.Handle{ID: hashOf("not-ours-at-all"), Slot: name}, err
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// issue does generate of one rotation.
func issue(t testing.TB, p *redis.Provider, current provider.Issued) provider.Issued {
	t.Helper()
	req := provider.Request{Label: "i1-e1-cache-1-1", Current: current.Handle, Old: current.Values}
	values, err := p.Make(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Values = values
	v, err := p.Issue(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rotate does generate and verify.
func rotate(t testing.TB, p *redis.Provider, current provider.Issued) provider.Issued {
	t.Helper()
	v := issue(t, p, current)
	if err := p.Verify(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return v
}

// client is an application's session.
type client struct {
	*resp.Conn
	id string
}

func (a *account) connect(t testing.TB, v provider.Issued) *client {
	t.Helper()
	c, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	conn := resp.New(c)
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Do(t.Context(), "AUTH", v.Values["username"].Reveal(), v.Values["password"].Reveal()); err != nil {
		t.Fatal(err)
	}
	return &client{Conn: conn}
}

// alive says whether the session still answers.
func (c *client) alive(t testing.TB) bool {
	t.Helper()
	_, err := c.Do(t.Context(), "PING")
	var refusal *resp.Error
	return err == nil || errors.As(err, &refusal)
}

func (a *account) log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(a.LogPath())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
