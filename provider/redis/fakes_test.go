package redis_test

import (
	"bufio"
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/redis"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// refuser is a server that answers everything with one line, as a proxy, an old or a
// starting server would.
func refuser(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = conn.Write([]byte(answer))
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestRefusalsAreTakenApart: what each answer to a login proves.
func TestRefusalsAreTakenApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		verify       fault.Kind
		probe        provider.Liveness
	}{
		{"wrong password", "-WRONGPASS invalid username-password pair or user is disabled.\r\n", fault.Rejected, provider.Refused},
		{"wrong password, before 6.0", "-ERR invalid password\r\n", fault.Rejected, provider.Refused},
		{"no password wanted", "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n", fault.BadConfig, provider.NotKnown},
		{"no password wanted, before 6.0", "-ERR Client sent AUTH, but no password is set\r\n", fault.BadConfig, provider.NotKnown},
		{"no login", "-NOAUTH Authentication required.\r\n", fault.Unknown, provider.NotKnown},
		{"loading", "-LOADING Redis is loading the dataset in memory\r\n", fault.Transient, provider.NotKnown},
		{"too many", "-ERR max number of clients reached\r\n", fault.Transient, provider.NotKnown},
		{"protected", "-DENIED Redis is running in protected mode\r\n", fault.BadConfig, provider.NotKnown},
		{"something new", "-ERR whatever\r\n", fault.Unknown, provider.NotKnown},
		{"not Redis", "HTTP/1.1 400 Bad Request\r\n\r\n", fault.BadConfig, provider.NotKnown},
		{"hangs up", "", fault.Transient, provider.NotKnown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := redis.New(redis.Options{Strategy: rotation.InPlace}, secret.Fixed(secret.New("redis://"+refuser(t, c.answer))))
			if err != nil {
				t.Fatal(err)
			}
			v := provider.Issued{Values: secret.Set{"username": secret.Public("default"), "password": secret.Random(32)}}
			if err := p.Verify(t.Context(), v); err == nil || fault.KindOf(err) != c.verify {
				t.Errorf("Verify: kind %s, want %s: %v", fault.KindOf(err), c.verify, err)
			}
			if live, err := p.Probe(t.Context(), v); live != c.probe || live == provider.NotKnown && err == nil {
				t.Errorf("Probe: %s (%v), want %s", live, err, c.probe)
			}
		})
	}
}

// TestARefusalIsComparedWithTheServer: WRONGPASS of a user who has the password is no
// death; something in between said it.
func TestARefusalIsComparedWithTheServer(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Overlap, false)
	v := rotate(t, a.open(t, ""), provider.Issued{})
	v.Values["password"] = secret.New("another-word-than-the-hash-of-it")
	a.setUser(t, a.opts.User, "#"+hashOf("another-word-than-the-hash-of-it"))
	l, err := net.Listen("tcp", "127.0.0.1:0") // passes on to the server all but logins of the user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go filter(l, a.Addr(), a.opts.User)
	p := a.open(t, l.Addr().String())
	if live, err := p.Probe(t.Context(), v); live != provider.NotKnown || fault.KindOf(err) != fault.Unknown {
		t.Errorf("%s, %v", live, err)
	}
	a.setUser(t, a.opts.User, "!"+hashOf("another-word-than-the-hash-of-it"))
	if live, err := p.Probe(t.Context(), v); live != provider.Refused {
		t.Errorf("%s, %v", live, err)
	}
}

func filter(l net.Listener, target, user string) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer server.Close()
			buf := make([]byte, 64<<10)
			for {
				n, err := client.Read(buf)
				if err != nil {
					return
				}
				if strings.Contains(string(buf[:n]), "AUTH") && strings.Contains(string(buf[:n]), user) {
					_, _ = client.Write([]byte("-WRONGPASS invalid username-password pair or user is disabled.\r\n"))
					continue
				}
				if _, err := server.Write(buf[:n]); err != nil {
					return
				}
				if n, err = server.Read(buf); err != nil {
					return
				}
				if _, err := client.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// TestTLS: the way in, and what each mistake on it is called.
func TestTLS(t *testing.T) {
	t.Parallel()
	a := ownAccount(t, localserver.RedisOptions{ACLFile: true, TLS: true, ClientCerts: true}, rotation.Overlap)
	c := a.Certs
	good := redis.Options{User: a.opts.User, CACert: c.CA, ClientCert: c.Client, ClientKey: c.ClientKey}
	open := func(scheme, address string, o redis.Options) *redis.Provider {
		u := url.URL{Scheme: scheme, User: url.UserPassword(a.admin, a.word), Host: address}
		p, err := redis.New(o, secret.Fixed(secret.New(u.String())))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	v := rotate(t, open("rediss", a.TLSAddr(), good), provider.Issued{})
	second := rotate(t, open("rediss", a.TLSAddr(), good), v)
	if err := open("rediss", a.TLSAddr(), good).Revoke(t.Context(), v.Handle); err != nil {
		t.Fatal(err)
	}
	if live, err := open("rediss", a.TLSAddr(), good).Probe(t.Context(), v); live != provider.Refused {
		t.Errorf("%s, %v", live, err)
	}
	skip := good
	skip.CACert, skip.SkipVerify = "", true
	if err := open("rediss", a.TLSAddr(), skip).Verify(t.Context(), second); err != nil {
		t.Errorf("skip-verify: %v", err)
	}
	for name, c := range map[string]struct {
		scheme, address string
		change          func(*redis.Options)
	}{
		"unknown authority": {"rediss", a.TLSAddr(), func(o *redis.Options) { o.CACert = "" }},
		"another name":      {"rediss", a.TLSAddr(), func(o *redis.Options) { o.TLSServerName = "redis.example.org" }},
		"no certificate":    {"rediss", a.TLSAddr(), func(o *redis.Options) { o.ClientCert, o.ClientKey = "", "" }},
		"TLS to plain":      {"rediss", a.Addr(), func(*redis.Options) {}},
		"plain to TLS":      {"redis", a.TLSAddr(), func(o *redis.Options) { *o = redis.Options{User: o.User} }},
		"TLS set for plain": {"redis", a.Addr(), func(*redis.Options) {}},
		"no such file":      {"rediss", a.TLSAddr(), func(o *redis.Options) { o.CACert = "/nowhere/ca.pem" }},
		"file without one":  {"rediss", a.TLSAddr(), func(o *redis.Options) { o.CACert = o.ClientKey }},
		"not a pair":        {"rediss", a.TLSAddr(), func(o *redis.Options) { o.ClientKey = o.CACert }},
	} {
		o := good
		c.change(&o)
		p := open(c.scheme, c.address, o)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := p.Verify(ctx, second)
		if name == "no certificate" && !strings.Contains(fault.HintOf(err), "client-cert") {
			t.Errorf("%s: %v", name, err)
		}
		want := fault.BadConfig
		if strings.HasSuffix(name, "plain") && c.scheme == "rediss" || name == "plain to TLS" {
			want = fault.Transient // neither side understands the other enough to say so
		}
		if kind := fault.KindOf(err); name == "no certificate" && kind == fault.Transient {
			continue // the server's hanging up overtook its words; the hint is the same
		} else if err == nil || kind != want {
			t.Errorf("%s: kind %s, want %s: %v", name, kind, want, err)
		}
		if live, _ := p.Probe(ctx, v); live != provider.NotKnown {
			t.Errorf("%s: a dead value is %s", name, live)
		}
	}
}

// TestAccidentsWithTheURL: whatever is wrong with it, no piece of it appears in an error.
func TestAccidentsWithTheURL(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"slash":        "redis://admin:12/canary-34x@127.0.0.1:1",
		"question":     "redis://admin:12?canary-34x@127.0.0.1:1",
		"hash":         "redis://admin:12#canary-34x@127.0.0.1:1",
		"at":           "redis://admin:canary-34x@more@127.0.0.1:1",
		"percent":      "redis://admin:canary-34x%zz@127.0.0.1:1",
		"only word":    "canary-34x",
		"host alone":   "canary-34x:6379",
		"other scheme": "canary-34x://127.0.0.1:1",
		"opaque":       "redis:canary-34x",
		"bad port":     "redis://127.0.0.1:canary-34x",
		"nobody there": "redis://canary-34x:canary-34x@127.0.0.1:1/0",
		"plain far":    "redis://a:canary-34x@192.0.2.1:6379",
		"no socket":    "unix:///nowhere/canary-34x.sock",
		"empty":        "",
	} {
		p, err := redis.New(redis.Options{User: "app"}, secret.Fixed(secret.New(text)))
		if err != nil {
			t.Fatal(err)
		}
		_, clockErr := p.Now(t.Context())
		live, probeErr := p.Probe(t.Context(), provider.Issued{Values: secret.Set{"password": secret.New("canary-34x")}})
		for _, err := range []error{clockErr, probeErr} {
			if err == nil || fault.KindOf(err) == fault.Unknown {
				t.Errorf("%s: kind %s: %v", name, fault.KindOf(err), err)
			} else if strings.Contains(err.Error()+fault.HintOf(err), "canary-34x") {
				t.Errorf("%s: %v (hint %s)", name, err, fault.HintOf(err))
			}
		}
		if live != provider.NotKnown {
			t.Errorf("%s: %s", name, live)
		}
	}
}
