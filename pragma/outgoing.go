package pragma

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/openpragma/engine/internal/wire"
)

// outgoing is the way out of a connection. Messages are put into frames here and
// not by the socket library, several of them in one system call if they wait
// already: system calls are most of what a notification costs. The library writes
// what it sends by itself, through a small buffer (ADR 5): pings, answers to
// pings, close frames. A ping does not wait for a peer who reads slowly, because
// the library would give up the connection before its time is over; it follows the
// message that is being written. Make one with newOutgoing.
type outgoing struct {
	conn net.Conn

	mu     sync.Mutex // guards what follows
	idle   *sync.Cond // of busy
	busy   bool       // messages are being written
	after  []byte     // control frames that follow them; their number is limited (framing)
	closed bool       // a close frame is next or out: no message may follow it
}

func newOutgoing(conn net.Conn) *outgoing {
	o := &outgoing{conn: conn}
	o.idle = sync.NewCond(&o.mu)
	return o
}

// mostTogether bounds the messages that are written at once. A larger one is
// written alone.
const mostTogether = 16 << 10

// Write implements [io.Writer] for the library: p is a control frame.
func (o *outgoing) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p[0]&0x0F == opClose {
		o.closed = true
		for o.busy { // the library may close the connection behind it
			o.idle.Wait()
		}
	}
	if o.busy {
		o.after = append(o.after, p...)
		return len(p), nil
	}
	return o.conn.Write(p)
}

// send writes frames that appendMessage has made. One goroutine does that at a
// time.
func (o *outgoing) send(frames []byte) error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return net.ErrClosed
	}
	o.busy = true
	o.mu.Unlock()
	_, err := o.conn.Write(frames)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil && len(o.after) > 0 {
		_, err = o.conn.Write(o.after)
	}
	o.busy, o.after = false, nil
	o.idle.Broadcast()
	return err
}

// aroundMessage is at least what appendMessage adds to a body.
const aroundMessage = 64

// appendMessage appends the frame of a message (RFC 6455 §5.2). Servers do not
// mask.
func appendMessage(dst []byte, seq int64, body []byte) []byte {
	var around [aroundMessage]byte
	size := len(wire.AppendFrame(around[:0], seq, nil)) + len(body)
	dst = append(dst, 0x80|opText)
	switch {
	case size < 126:
		dst = append(dst, byte(size))
	case size < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
	}
	return wire.AppendFrame(dst, seq, body)
}
