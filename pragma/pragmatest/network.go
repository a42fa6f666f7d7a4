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
// of the configuration.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
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
	if n.listeners[address] != nil {
		return nil, fmt.Errorf("address %s is in use", address)
	}
	l := &listener{
		network: n,
		address: address,
		tcp:     &net.TCPAddr{IP: net.ParseIP(host), Port: port},
		conns:   make(chan net.Conn),
		closed:  make(chan struct{}),
	}
	n.listeners[address] = l
	return l, nil
}

// dial connects to a listener. It fails at once if nobody listens.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: connection refused", address)
	}
	near, far := net.Pipe()
	select {
	case l.conns <- &conn{Conn: far, local: l.tcp}:
		return &conn{Conn: near, local: l.tcp}, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: connection refused", address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// conn gives a pipe an address that looks like one of TCP.
type conn struct {
	net.Conn
	local net.Addr
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.local }

type listener struct {
	network *network
	address string
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
		delete(l.network.listeners, l.address)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.tcp }
