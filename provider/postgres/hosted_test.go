package postgres_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/rotation"
	"github.com/agenticverz/rotor/secret"
)

// hosted stands before a server as Neon does: it takes no verifier, and refuses logins
// in words of its own.
func hosted(t *testing.T, target string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			go frames(client, server, 4, func(kind byte, body []byte) []byte {
				if kind == 'P' && bytes.Contains(body, []byte("SCRAM-SHA-256$")) {
					return []byte("\x00DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'XX000', MESSAGE = 'Neon only supports being given plaintext passwords'; END $$\x00\x00\x00")
				}
				return body
			})
			go frames(server, client, 0, func(kind byte, body []byte) []byte {
				if kind == 'E' && (bytes.Contains(body, []byte("C28P01\x00")) || bytes.Contains(body, []byte("C28000\x00"))) {
					return []byte("SFATAL\x00C28P01\x00Mpassword authentication failed\x00\x00")
				}
				return body
			})
		}
	}()
	return l.Addr().String()
}

// frames forwards messages; the first has no kind if start is 4.
func frames(from, to net.Conn, start int, change func(kind byte, body []byte) []byte) {
	defer from.Close()
	defer to.Close()
	for head := make([]byte, 5); ; start = 0 {
		head := head[:5-start/4]
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		size := head[len(head)-4:]
		body := make([]byte, binary.BigEndian.Uint32(size)-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if start == 0 {
			body = change(head[0], body)
		}
		binary.BigEndian.PutUint32(size, uint32(len(body)+4))
		if _, err := to.Write(append(bytes.Clone(head), body...)); err != nil {
			return
		}
	}
}

// TestAHostedService: two logins take turns where only passwords are taken, and are
// proven dead although the refusal is not the server's.
func TestAHostedService(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, true)
	way := hosted(t, a.address())
	p := a.open(t, way)
	values, err := p.Make(t.Context(), provider.Request{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Issue(t.Context(), provider.Request{Values: values})
	if fault.KindOf(err) != fault.BadConfig || err == nil || !strings.Contains(fault.HintOf(err), "plaintext: true") {
		t.Errorf("a verifier: kind %s, %v, hint %q", fault.KindOf(err), err, fault.HintOf(err))
	}
	a.opts.Plaintext = true
	p = a.open(t, way)
	first := rotate(t, p, provider.Issued{})
	second := rotate(t, p, first)
	if _, ok := second.Values["verifier"]; ok || len(p.Traits().Fields) != 2 {
		t.Error("there is a verifier, and it is not the server's")
	}
	if live, _ := p.Probe(t.Context(), first); live != provider.Alive {
		t.Errorf("the first is %s", live)
	}
	if err := p.Revoke(t.Context(), first.Handle); err != nil {
		t.Fatal(err)
	}
	if live, err := p.Probe(t.Context(), first); live != provider.Refused {
		t.Errorf("closed in the catalogue and refused: %s, %v", live, err)
	}
	wrong := provider.Issued{Values: secret.Set{"username": secret.Public(second.Handle.Slot), "password": secret.Random(32)}}
	if live, _ := p.Probe(t.Context(), wrong); live != provider.NotKnown {
		t.Errorf("refused by who knows whom, and open in the catalogue: %s", live)
	}
}

// TestPlaintextIsQuietAndPrivate: the password is kept out of the log where that can be
// done, and told to nobody whose name is not checked.
func TestPlaintextIsQuietAndPrivate(t *testing.T) {
	t.Parallel()
	a := newAccount(t, rotation.Alternate, false)
	a.Exec(t, "CREATE EXTENSION pg_stat_statements")
	a.opts.Plaintext = true
	p := a.open(t, "")
	v := rotate(t, p, rotate(t, p, provider.Issued{}))
	a.mustNotKnow(t, v.Values["password"])
	for _, way := range []string{"host=db.example", "host=db.example sslmode=require", "host=127.0.0.1,db.example sslmode=prefer"} {
		p, err := postgres.New(a.opts, secret.Fixed(secret.New(way+" user=admin")))
		if err != nil {
			t.Fatal(err)
		}
		_, issue := p.Issue(t.Context(), provider.Request{Values: v.Values})
		for what, err := range map[string]error{"Issue": issue, "Preflight": p.Preflight(t.Context(), provider.Request{})} {
			if fault.KindOf(err) != fault.BadConfig || err == nil || !strings.Contains(fault.HintOf(err), "verify-full") {
				t.Errorf("%s, %s: kind %s, %v", what, way, fault.KindOf(err), err)
			}
		}
	}
}
