package providertest

import (
	"net"
	"sync"
	"testing"
)

// Pipe stands between a provider and a server that does not speak HTTP, with
// everything the exam wants to do to the way there. See Line.
type Pipe struct {
	// Effect says whether bytes of a request change something: Unanswered loses the
	// answer to these. Nil: nothing does.
	Effect func(request []byte) bool

	t      testing.TB
	target string
	mu     sync.Mutex
	listen net.Listener
	mode   Breakage
	conns  map[net.Conn]bool
}

// NewPipe forwards a loopback address to target (host:port) until the end of the test.
func NewPipe(t testing.TB, target string) *Pipe {
	t.Helper()
	p := &Pipe{t: t, target: target, conns: map[net.Conn]bool{}}
	p.open("127.0.0.1:0")
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shut()
	})
	return p
}

// Address is host:port of our end.
func (p *Pipe) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listen.Addr().String()
}

func (p *Pipe) open(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Errorf("the pipe cannot listen: %v", err)
		return
	}
	p.listen = l
	go p.accept(l)
}

func (p *Pipe) shut() {
	p.listen.Close()
	for c := range p.conns {
		c.Close()
	}
	p.conns = map[net.Conn]bool{}
}

func (p *Pipe) accept(l net.Listener) {
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
		lost := make(chan struct{})
		go p.forward(client, server, lost)
		go p.answer(server, client, lost)
	}
}

func (p *Pipe) now() Breakage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
}

// forward passes requests on; in mode Unanswered it closes lost at the first effect.
func (p *Pipe) forward(client, server net.Conn, lost chan struct{}) {
	defer p.done(server)
	var once sync.Once
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		switch mode := p.now(); {
		case mode == Silent:
			continue
		case mode == Unanswered && p.Effect != nil && p.Effect(buf[:n]):
			once.Do(func() { close(lost) })
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answer passes answers back. Once lost is closed it waits for the server's answer,
// which proves that the effect is there, and hangs up instead.
func (p *Pipe) answer(server, client net.Conn, lost chan struct{}) {
	defer p.done(client)
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
		if p.now() == Silent {
			continue
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *Pipe) done(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// Break is the hook of Subject.
func (p *Pipe) Break(b Breakage) (mend func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = b
	address := p.listen.Addr().String()
	if b == Unsent {
		p.shut()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.mode = ""
		if b == Unsent {
			p.open(address)
		}
	}
}

// BreakAll breaks several ways to one provider at once.
func BreakAll(ways ...func(Breakage) func()) func(Breakage) func() {
	return func(b Breakage) func() {
		var mends []func()
		for _, way := range ways {
			mends = append(mends, way(b))
		}
		return func() {
			for _, mend := range mends {
				mend()
			}
		}
	}
}
