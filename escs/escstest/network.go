package escstest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// pipes is a listener whose connections are pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return address{} }

// address is where a platform in memory claims to be. Port 9 throws away what it
// gets, should somebody really dial it.
type address struct{}

func (address) Network() string { return "tcp" }
func (address) String() string  { return "127.0.0.1:9" }

var errAway = errors.New("connection refused: the platform is away")

// dial connects to the platform, whatever the address.
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errAway
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// transport reaches the platform: by its pipes, or by TCP if it has none.
func (p *pipes) transport() *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: 16}
	if p != nil {
		t.DialContext = p.dial
	}
	return t
}
