package dbtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Direction says which way bytes go through a Proxy.
type Direction int

// The two directions.
const (
	ToServer Direction = iota
	ToClient
)

// Proxy passes connections on to a server and can cut one of them after a given
// number of bytes.
type Proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu     sync.Mutex
	armed  bool
	cut    Direction
	left   int64
	passed [2]int64
	conns  map[net.Conn]net.Conn // both ends of what is open
	fired  bool
	closed bool
}

// NewProxy starts a proxy for the server at target; the test ends it.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, conns: make(map[net.Conn]net.Conn)}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr returns where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// CutAfter cuts the connection that passes byte n+1 in the direction, counted
// over all connections from now on; that byte does not pass. Only one
// connection is cut.
func (p *Proxy) CutAfter(d Direction, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.fired, p.cut, p.left = true, false, d, n
	p.passed = [2]int64{}
}

// Disarm ends waiting for a cut, and reports whether there was one.
func (p *Proxy) Disarm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = false
	return p.fired
}

// Passed returns the number of bytes that passed since CutAfter.
func (p *Proxy) Passed(d Direction) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed[d]
}

// CutAll cuts every open connection.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, b := range p.conns {
		a.Close()
		b.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			client.Close()
			server.Close()
			return
		}
		p.conns[client] = server
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(client, server) })
	}
}

// pass copies both ways until one side ends, then ends the other one too.
func (p *Proxy) pass(client, server net.Conn) {
	var both sync.WaitGroup
	end := func() {
		client.Close()
		server.Close()
	}
	both.Go(func() { defer end(); p.copy(server, client, ToServer) })
	both.Go(func() { defer end(); p.copy(client, server, ToClient) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	p.mu.Unlock()
}

func (p *Proxy) copy(dst io.Writer, src io.Reader, d Direction) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		n, stop := p.allow(d, n)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if stop || err != nil {
			return
		}
	}
}

// allow returns how many of n bytes may pass, and whether the connection is cut
// after them.
func (p *Proxy) allow(d Direction, n int) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed && d == p.cut {
		if int64(n) > p.left {
			n = int(p.left)
			p.armed, p.fired = false, true
			p.passed[d] += int64(n)
			return n, true
		}
		p.left -= int64(n)
	}
	p.passed[d] += int64(n)
	return n, false
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CutAll()
	p.wg.Wait()
}
