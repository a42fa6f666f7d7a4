package pragma

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// framing is the connection under the socket library. It looks at the heads of
// the frames that come in and keeps from the library what it would not answer as
// wire §16.8 says: broken frames, unmasked ones among them; messages that are too
// large, whole or in fragments, before they have come; floods of frames that carry
// nothing; and the client's close frame, which is answered with 1000 whatever it
// says. From then on the library sees nothing, and what the client still sends is
// thrown away until he is gone: closing a connection while bytes arrive would make
// his system forget the close frame it has for him.
//
// Read belongs to whoever holds the library's lock for reading; the rest is safe
// for concurrent use.
type framing struct {
	net.Conn
	sock  *socket
	early []byte // came before the answer to the handshake

	head    [14]byte // of the frame that is being read
	got     int      // bytes in head
	left    int64    // bytes of the frame that are still to come
	started bool     // a message has begun and is not complete
	size    int64    // bytes of the message so far
	empty   bool     // the frame is a fragment that carries next to nothing
	reason  []byte   // payload of a close frame
	flood   window   // of frames that carry nothing
	deaf    bool     // the library sees nothing more
	blind   bool     // and where frames begin is not known any more
	end     error    // what Read returns

	mu      sync.Mutex // guards what follows
	late    bool       // the deadline is that of a message
	closing bool       // the deadline is that of the end
}

// smallFragment is what a fragment has to carry not to count as empty.
const smallFragment = 1 << 10

// floodTime is how long control frames are counted.
const floodTime = 10 * time.Second

// Read implements [net.Conn].
func (c *framing) Read(p []byte) (int, error) {
	for c.end == nil {
		n, err := c.more(p)
		c.deaf = c.deaf || c.ending()
		pass, violation := c.look(p[:n])
		switch {
		case violation != nil:
			c.deaf = true
			c.endBy(closeTimeout)
			c.sock.close(*violation)
		case err != nil:
			c.end = c.explain(err)
		default:
			c.expectMore()
		}
		if pass > 0 {
			return pass, nil
		}
	}
	return 0, c.end
}

func (c *framing) more(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	if c.early = c.early[n:]; len(c.early) == 0 {
		c.early = nil
	}
	return n, nil
}

// explain cuts a peer who has let the deadline of a message pass.
func (c *framing) explain(err error) error {
	c.mu.Lock()
	late := c.late && !c.closing
	c.mu.Unlock()
	if late && errors.Is(err, os.ErrDeadlineExceeded) {
		c.sock.cut(closeCause{name: "slow writer", cut: true})
	}
	return err
}

// expectMore sets the deadline of a message that has begun, and takes it back when
// it has come.
func (c *framing) expectMore() {
	begun := c.started || c.got > 0 || c.left > 0
	if begun == c.late {
		return // only Read changes late
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return
	}
	c.late = begun
	var deadline time.Time
	if begun {
		deadline = time.Now().Add(seconds(c.sock.gw.side.core.session.Load().MessageTimeoutSeconds))
	}
	_ = c.Conn.SetReadDeadline(deadline) // a broken connection shows itself
}

// endBy gives the connection so long to end.
func (c *framing) endBy(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	_ = c.Conn.SetDeadline(time.Now().Add(d))
}

func (c *framing) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// look reads the heads in b and returns how many of its bytes the library may see,
// and what is wrong with the frame behind them. The client's close frame sets end.
func (c *framing) look(b []byte) (pass int, violation *closeCause) {
	for i := 0; i < len(b) && !c.blind && c.end == nil; {
		complete := false
		if c.left > 0 {
			n := int(min(c.left, int64(len(b)-i)))
			if c.opcode() == opClose {
				c.reason = append(c.reason, b[i:i+n]...)
			}
			c.left -= int64(n)
			i += n
			complete = c.left == 0
		} else {
			c.head[c.got] = b[i]
			c.got++
			i++
			complete, violation = c.header()
		}
		if complete && violation == nil {
			violation = c.finish()
		}
		switch {
		case violation != nil && c.deaf:
			c.blind = true // he is not listened to for long any more
			return 0, nil
		case violation != nil:
			return pass, violation
		case !c.deaf && c.opcode() != opClose:
			pass = i
		}
	}
	return pass, nil
}

// Opcodes (RFC 6455 §5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

func (c *framing) opcode() byte  { return c.head[0] & 0x0F }
func (c *framing) final() bool   { return c.head[0]&0x80 != 0 }
func (c *framing) control() bool { return c.head[0]&0x08 != 0 }

// Violations. They are not to be changed.
var (
	brokenFrame  = &closeCause{name: "protocol error", code: websocket.StatusProtocolError}
	brokenReason = &closeCause{name: "bad UTF-8", code: websocket.StatusInvalidFramePayloadData}
	largeMessage = &closeCause{name: "too large", code: websocket.StatusMessageTooBig}
	manyControls = &closeCause{name: "abuse", code: websocket.StatusPolicyViolation}
)

// header judges the head as far as it has come. complete is true for the end of a
// frame without payload.
func (c *framing) header() (complete bool, violation *closeCause) {
	short := c.head[1] & 0x7F
	size := 6 // with the key of the mask
	switch short {
	case 126:
		size = 8
	case 127:
		size = 14
	}
	switch {
	case c.got == 1 && !c.expected():
		return false, brokenFrame
	case c.got == 1:
		return false, nil
	case c.head[1]&0x80 == 0, c.control() && short > 125:
		return false, brokenFrame
	case c.got < size:
		return false, nil
	}
	c.got = 0
	length := uint64(short)
	switch short {
	case 126:
		length = uint64(binary.BigEndian.Uint16(c.head[2:]))
	case 127:
		length = binary.BigEndian.Uint64(c.head[2:])
	}
	return length == 0, c.payload(length)
}

// expected judges the first byte of a frame.
func (c *framing) expected() bool {
	if c.head[0]&0x70 != 0 { // bits of extensions, of which there are none
		return false
	}
	switch c.opcode() {
	case opContinuation:
		return c.started
	case opText, opBinary:
		return !c.started
	case opClose, opPing, opPong:
		return c.final()
	}
	return false
}

// payload judges the length of a frame.
func (c *framing) payload(length uint64) *closeCause {
	if length>>63 != 0 {
		return brokenFrame
	}
	c.left = int64(length)
	if c.control() {
		return nil
	}
	if c.opcode() != opContinuation {
		c.started, c.size = true, 0
	}
	limits := c.sock.gw.side.core.session.Load()
	if c.left > limits.frame(c.sock.gw.id.Type)-c.size {
		return largeMessage
	}
	c.size += c.left
	c.empty = !c.final() && c.left < smallFragment
	return nil
}

// finish judges a frame that has come completely.
func (c *framing) finish() *closeCause {
	switch {
	case c.opcode() == opClose:
		return c.closed()
	case c.control(), c.empty:
		most := int(floodTime/time.Second) * c.sock.gw.side.core.session.Load().ControlFramesPerSecond
		if c.flood.add(time.Now(), floodTime) > most {
			return manyControls
		}
	}
	if !c.control() {
		c.started = !c.final()
	}
	return nil
}

// closed takes the client's close frame.
func (c *framing) closed() *closeCause {
	code := websocket.StatusNoStatusRcvd
	for i := range c.reason {
		c.reason[i] ^= c.head[2+i%4]
	}
	if len(c.reason) > 0 {
		if len(c.reason) == 1 {
			return brokenFrame
		}
		code = websocket.StatusCode(binary.BigEndian.Uint16(c.reason))
		switch {
		case code < 1000, code >= 5000, code > 1014 && code < 3000, code >= 1004 && code <= 1006:
			return brokenFrame
		case !utf8.Valid(c.reason[2:]):
			return brokenReason
		}
	}
	c.end = websocket.CloseError{Code: code}
	if c.deaf {
		c.end = io.EOF // it answers ours
	}
	return nil
}
