package redis_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/fault"
	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/rotation"
)

// axe is a way to the server that breaks at one command: before the server has seen it,
// or after it was carried out and before its answer is passed back.
type axe struct {
	target string
	listen net.Listener
	mu     sync.Mutex
	left   int // commands until it falls; below zero: never
	after  bool
	fell   bool
}

func newAxe(t testing.TB, target string) *axe {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &axe{target: target, listen: l, left: -1}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go x.serve(client)
		}
	}()
	return x
}

// set lets it fall at the n-th command from now, counted from zero.
func (x *axe) set(n int, after bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left, x.after, x.fell = n, after, false
}

func (x *axe) hasFallen() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.fell
}

// next counts a command. The provider sends none before it has the last one's answer, so
// one read is one command.
func (x *axe) next() (fall, after bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	fall = x.left == 0
	x.left = max(x.left-1, -1)
	x.fell = x.fell || fall
	return fall, x.after
}

func (x *axe) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", x.target)
	if err != nil {
		return
	}
	defer server.Close()
	fallen := make(chan struct{})
	go func() {
		defer client.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-fallen: // the answer proves that the command was carried out
				return
			default:
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		fall, after := x.next()
		if fall && !after {
			return
		}
		if fall {
			close(fallen)
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestBrokenOffAtEveryCommand: Issue and Revoke are cut at each of their commands, before
// and after it took effect, and then called again in another process. What is alive at
// the end, in the server and in its file, is what should be.
func TestBrokenOffAtEveryCommand(t *testing.T) {
	t.Parallel()
	for _, strategy := range []rotation.Strategy{rotation.Overlap, rotation.Alternate, rotation.InPlace} {
		for _, after := range []bool{false, true} {
			t.Run(string(strategy)+map[bool]string{false: "/before", true: "/after"}[after], func(t *testing.T) {
				t.Parallel()
				a := ownAccount(t, localserver.RedisOptions{ACLFile: true}, strategy)
				cuts := 0
				way := newAxe(t, a.Addr())
				current := rotate(t, a.open(t, ""), provider.Issued{})
				for n := 0; ; n++ {
					v, fell := a.issueCut(t, way, n, after, current)
					if strategy != rotation.InPlace {
						fell = a.revokeCut(t, way, n, after, current) || fell
					}
					current = v
					a.onlyOne(t, current)
					if !fell {
						break
					}
					cuts++
				}
				if cuts < 5 {
					t.Errorf("only %d places were cut", cuts)
				}
			})
		}
	}
}

func (a *account) issueCut(t *testing.T, way *axe, n int, after bool, current provider.Issued) (provider.Issued, bool) {
	t.Helper()
	req := provider.Request{Label: "i1-e1-cache-1-1", Current: current.Handle, Old: current.Values}
	values, err := a.open(t, "").Make(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.Values = values
	way.set(n, after)
	v, err := a.open(t, way.listen.Addr().String()).Issue(t.Context(), req)
	fell := way.hasFallen()
	way.set(-1, false)
	if fell != (err != nil) {
		t.Fatalf("cut at command %d: %v, the axe fell: %v", n, err, fell)
	}
	if err != nil {
		if live, _ := a.open(t, "").Probe(t.Context(), provider.Issued{Values: values}); live == provider.Alive && fault.KindOf(err) != fault.Unknown {
			t.Errorf("cut at command %d: the value lives, and the error is %s: %v", n, fault.KindOf(err), err)
		}
		if v, err = a.open(t, "").Issue(t.Context(), req); err != nil {
			t.Fatalf("again after command %d: %v", n, err)
		}
	}
	if err := a.open(t, "").Verify(t.Context(), v); err != nil {
		t.Fatalf("cut at command %d: %v", n, err)
	}
	return v, fell
}

func (a *account) revokeCut(t *testing.T, way *axe, n int, after bool, old provider.Issued) bool {
	t.Helper()
	way.set(n, after)
	err := a.open(t, way.listen.Addr().String()).Revoke(t.Context(), old.Handle)
	fell := way.hasFallen()
	way.set(-1, false)
	if fell != (err != nil) {
		t.Fatalf("revoke cut at command %d: %v, the axe fell: %v", n, err, fell)
	}
	if err != nil {
		if err := a.open(t, "").Revoke(t.Context(), old.Handle); err != nil {
			t.Fatalf("again after command %d: %v", n, err)
		}
	}
	if live, err := a.open(t, "").Probe(t.Context(), old); live != provider.Refused {
		t.Errorf("cut at command %d: the old value is %s (%v)", n, live, err)
	}
	return fell
}

// onlyOne: one password lives, no mark is left, and the file says the same.
func (a *account) onlyOne(t *testing.T, v provider.Issued) {
	t.Helper()
	live, err := a.live(t.Context())
	if err != nil || len(live) != 1 || live[0].ID != v.Handle.ID {
		t.Errorf("alive: %v (%v), want %s", live, err, v.Handle.ID)
	}
	var memory []string
	for _, line := range a.do(t, "ACL", "LIST").([]any) {
		memory = append(memory, line.(string))
	}
	if strings.Contains(strings.Join(memory, " "), "#"+markHead) {
		t.Error("a mark is left behind")
	}
	file := a.file(t, "users.acl")
	for _, line := range memory {
		if !strings.Contains(file, line) {
			t.Errorf("not in the file: %s", line)
		}
	}
}
