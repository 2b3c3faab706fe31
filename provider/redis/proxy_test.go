package redis_test

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/agenticverz/rotor/provider/providertest"
)

// proxy stands between the provider and the server and can be broken.
type proxy struct {
	target string
	listen net.Listener
	mu     sync.Mutex
	mode   providertest.Breakage
	conns  map[net.Conn]bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listen: l, conns: map[net.Conn]bool{}}
	go p.accept(l)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.listen.Close()
		for c := range p.conns {
			c.Close()
		}
	})
	return p
}

func (p *proxy) address() string { return p.listen.Addr().String() }

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		effect := &sync.Once{}
		lost := make(chan struct{})
		go p.forward(client, server, effect, lost)
		go p.answer(server, client, lost)
	}
}

func (p *proxy) now() providertest.Breakage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// forward passes requests on; in mode Unanswered it closes lost at the first effect.
func (p *proxy) forward(client, server net.Conn, effect *sync.Once, lost chan struct{}) {
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		switch p.now() {
		case providertest.Silent:
			continue
		case providertest.Unanswered:
			if bytes.Contains(buf[:n], []byte("SETUSER")) || bytes.Contains(buf[:n], []byte("requirepass")) {
				effect.Do(func() { close(lost) })
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answer passes answers back. Once lost is closed it waits for the server's answer,
// which proves that the effect is there, and hangs up instead.
func (p *proxy) answer(server, client net.Conn, lost chan struct{}) {
	defer client.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-lost:
			return
		default:
		}
		if p.now() == providertest.Silent {
			continue
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// breakIt is the hook of the exam.
func (p *proxy) breakIt(t testing.TB) func(providertest.Breakage) func() {
	return func(mode providertest.Breakage) func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mode = mode
		if mode == providertest.Unsent {
			p.listen.Close()
			for c := range p.conns {
				c.Close()
			}
			p.conns = map[net.Conn]bool{}
		}
		return func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.mode = ""
			if mode != providertest.Unsent {
				return
			}
			l, err := net.Listen("tcp", p.listen.Addr().String())
			if err != nil {
				t.Errorf("the proxy cannot listen again: %v", err)
				return
			}
			p.listen = l
			go p.accept(l)
		}
	}
}
