package localserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/resp"
)

func startRedis(t *testing.T, o RedisOptions) *Redis {
	t.Helper()
	r, err := StartRedis(t.Context(), o)
	need(t, err)
	t.Cleanup(func() { _ = r.Stop() })
	return r
}

// login tries a password on a fresh connection and says with which code it ended.
func login(t *testing.T, c net.Conn, err error, user, password string) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_, err = resp.New(c).Do(t.Context(), "AUTH", user, password)
	var refusal *resp.Error
	switch {
	case err == nil:
		return "in"
	case errors.As(err, &refusal):
		return refusal.Code
	}
	return err.Error()
}

func plain(t *testing.T, r *Redis, user, password string) string {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr())
	return login(t, c, err, user, password)
}

// TestRedisKeepsItsUsers: what was saved survives Restart, with and without an aclfile.
func TestRedisKeepsItsUsers(t *testing.T) {
	for _, aclfile := range []bool{true, false} {
		r := startRedis(t, RedisOptions{ACLFile: aclfile})
		save := []string{"CONFIG", "REWRITE"}
		if aclfile {
			save = []string{"ACL", "SAVE"}
		}
		for _, command := range [][]string{{"ACL", "SETUSER", "kept", "on", ">kept-word"}, save, {"ACL", "SETUSER", "lost", "on", ">lost-word"}} {
			if _, err := r.Do(t.Context(), command...); err != nil {
				t.Fatalf("%v: %v", command, err)
			}
		}
		before := r.Pid()
		if err := r.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		gone(t, before)
		if got := plain(t, r, "kept", "kept-word") + " " + plain(t, r, "lost", "lost-word") + " " + plain(t, r, "default", ""); got != "in WRONGPASS WRONGPASS" {
			t.Errorf("aclfile %v: after the restart: %s", aclfile, got)
		}
		noArgument(t, r.Pid(), r.Password)
		if log, err := os.ReadFile(r.LogPath()); err != nil || !strings.Contains(string(log), "Ready to accept connections") {
			t.Errorf("the log: %v", err)
		}
		stopped(t, r)
		if _, err := os.Stat(r.room.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory is still there: %v", err)
		}
	}
}

func TestRedisWithOnePassword(t *testing.T) {
	r := startRedis(t, RedisOptions{RequirePass: `odd "word" # x`})
	if got := plain(t, r, "default", `odd "word" # x`) + " " + plain(t, r, "default", "wrong"); got != "in WRONGPASS" {
		t.Error(got)
	}
}

func TestRedisWithoutFiles(t *testing.T) {
	r := startRedis(t, RedisOptions{NoConfig: true})
	if _, err := r.Do(t.Context(), "CONFIG", "REWRITE"); err == nil {
		t.Error("there is a configuration file")
	}
	noArgument(t, r.Pid(), r.Password)
}

func TestRedisTLS(t *testing.T) {
	r := startRedis(t, RedisOptions{TLS: true, ClientCerts: true})
	with := func(change func(*tls.Config)) string {
		config := r.TLSConfig()
		change(config)
		ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
		defer cancel()
		c, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", r.TLSAddr())
		return login(t, c, err, r.User, r.Password)
	}
	if got := with(func(*tls.Config) {}); got != "in" {
		t.Error(got)
	}
	if got := with(func(c *tls.Config) { c.RootCAs = nil }); !strings.Contains(got, "certificate") {
		t.Errorf("without the authority: %s", got)
	}
	if got := with(func(c *tls.Config) { c.Certificates = nil }); got == "in" {
		t.Error("without a client's certificate: in")
	}
	if !strings.HasPrefix(r.URL("", ""), "rediss://admin:") {
		t.Error(r.URL("x", "y"))
	}
}

func TestRedisRefusesWhatCannotWork(t *testing.T) {
	_, err := StartRedis(t.Context(), RedisOptions{Settings: map[string]string{"no-such-setting": "1"}})
	var missing *MissingError
	if errors.As(err, &missing) {
		need(t, err)
	}
	if !errors.Is(err, errExited) || !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("the error does not have the server's reason: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := StartRedis(t.Context(), RedisOptions{}); !errors.As(err, &missing) {
		t.Errorf("got %v, want a *MissingError", err)
	}
}
