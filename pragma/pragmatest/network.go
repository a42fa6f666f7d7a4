package pragmatest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/openpragma/engine/pragma"
)

// network joins listeners and dialers of one test by pipes. Addresses are those
// of the configuration; port 0 takes a free one.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	conns     map[*conn]struct{} // the server's ends
	dead      bool
	free      int // the last port given out
}

func newNetwork() *network {
	return &network{listeners: make(map[string]*listener), conns: make(map[*conn]struct{})}
}

func (n *network) listen(_ context.Context, _ pragma.Gateway, address string) (net.Listener, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == 0 {
		n.free++
		port = 40000 + n.free
	}
	tcp := &net.TCPAddr{IP: net.ParseIP(host), Port: port}
	if n.listeners[tcp.String()] != nil {
		return nil, fmt.Errorf("address %s is in use", address)
	}
	l := &listener{network: n, tcp: tcp, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[tcp.String()] = l
	return l, nil
}

// dial connects to a listener. It fails at once if nobody listens.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	if n.dead {
		l = nil
	}
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: connection refused", address)
	}
	near, far := net.Pipe()
	select {
	case l.conns <- n.add(far, l.tcp):
		return &conn{Conn: near, address: l.tcp}, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: connection refused", address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) add(far net.Conn, address net.Addr) *conn {
	c := &conn{Conn: far, address: address, network: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[c] = struct{}{}
	return c
}

// down breaks all connections and lets nobody in, as when a machine dies.
func (n *network) down() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
	for c := range n.conns {
		_ = c.Conn.Close()
	}
}

// up ends down.
func (n *network) up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = false
}

// conn gives a pipe an address that looks like one of TCP.
type conn struct {
	net.Conn
	address net.Addr
	network *network // nil at the client's end
}

func (c *conn) LocalAddr() net.Addr  { return c.address }
func (c *conn) RemoteAddr() net.Addr { return c.address }

func (c *conn) Close() error {
	if c.network != nil {
		c.network.mu.Lock()
		delete(c.network.conns, c)
		c.network.mu.Unlock()
	}
	return c.Conn.Close()
}

type listener struct {
	network *network
	tcp     *net.TCPAddr
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.listeners, l.tcp.String())
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.tcp }
