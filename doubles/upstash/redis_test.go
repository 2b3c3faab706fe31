package upstash

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/internal/resp"
)

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", "*0\r\n", "*-1\r\n", "*1\r\n$-1\r\n", "PING\r\n", "*1\r\n$9999999\r\n", "*1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := command(bufio.NewReader(strings.NewReader(text)))
		size := 0
		for _, a := range args {
			size += len(a)
		}
		if err == nil && size > len(text) {
			t.Errorf("%q gives %q", text, args)
		}
	})
}

// TestOddities: what is not as in Redis.
func TestOddities(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	raw, err := net.Dial("tcp", d.Address())
	if err != nil {
		t.Fatal(err)
	}
	c := resp.New(raw)
	defer c.Close()
	refused := func(code string, args ...string) {
		t.Helper()
		if _, err := c.Do(t.Context(), args...); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%v: %v, want %s", args, err, code)
		}
	}
	fine := func(args ...string) any {
		t.Helper()
		answer, err := c.Do(t.Context(), args...)
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		return answer
	}
	refused("NOAUTH", "PING")
	refused("NOAUTH", "ACL", "GENTOKEN", "app")
	refused("WRONGPASS", "AUTH", "wrong")
	fine("AUTH", d.Password())
	fine("PING")
	refused("ERR", "ACL", "SETUSER", "app", "on", ">a-password-of-mine")
	refused("ERR", "ACL", "SETUSER", "app", "on", "nopass")
	refused("ERR", "ACL", "SETUSER", "app", "on", "#"+hash("x"))
	refused("ERR", "ACL", "SETUSER", "default", "off")
	refused("ERR", "ACL", "DELUSER", "default")
	token := fine("ACL", "GENTOKEN", "app").(string)
	refused("ERR", "ACL", "SETUSER", "other", "on", ">"+token)
	refused("WRONGPASS", "AUTH", "app", token)
	fine("ACL", "SETUSER", "app", "on", ">"+token)
	fine("AUTH", "app", token)
	if who := fine("ACL", "WHOAMI"); who != "app" {
		t.Errorf("who am I: %v", who)
	}
}
