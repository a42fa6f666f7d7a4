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
	out   *outgoing // all that is written
	early []byte    // came before the answer to the handshake

	head    [14]byte    // of the frame that is being read
	got     int         // bytes in head
	left    int64       // bytes of the frame that are still to come
	started bool        // a message has begun and is not complete
	size    int64       // bytes of the message so far
	empty   bool        // the frame is a fragment that carries next to nothing
	reason  []byte      // payload of a close frame
	flood   window      // of frames that carry nothing
	wrong   *closeCause // with the last frame that look has seen
	deaf    bool        // the library sees nothing more
	blind   bool        // where frames begin is not known any more
	thrown  int         // bytes the library has not seen
	end     error       // what Read returns

	mu   sync.Mutex // guards what follows
	late bool       // the deadline is that of a message
	last time.Time  // the deadline is that of the end, which is this
}

// smallFragment is what a fragment has to carry not to count as empty.
const smallFragment = 1 << 10

// floodTime is how long control frames are counted.
const floodTime = 10 * time.Second

// What is read of a peer after the end is bounded. Reading a few bytes costs as
// much as reading fewBytes.
const (
	mostThrownAway = 8 << 20
	fewBytes       = 256
)

// Read implements [net.Conn].
func (c *framing) Read(p []byte) (int, error) {
	for c.end == nil {
		if c.wrong != nil && !c.deaf {
			c.refuse() // the library has all that came before
		}
		n, err := c.more(p)
		if c.deaf = c.deaf || c.ending(); c.deaf {
			c.thrown += max(n, fewBytes)
		}
		pass := c.look(p[:n])
		switch {
		case err != nil && c.wrong == nil:
			c.end = c.explain(err)
		case err != nil:
			c.end = err
		case c.thrown > mostThrownAway:
			c.end = io.EOF
		default:
			c.expectMore()
		}
		if pass > 0 {
			return pass, nil
		}
	}
	return 0, c.end
}

// refuse closes the socket because of what is wrong.
func (c *framing) refuse() {
	c.deaf = true
	c.endBy(closeTimeout)
	if c.blind {
		c.endBy(flushTime) // his close frame will not be recognised
	}
	c.sock.close(*c.wrong)
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
	late := c.late && c.last.IsZero()
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
	if !c.last.IsZero() {
		return
	}
	c.late = begun
	var deadline time.Time
	if begun {
		deadline = time.Now().Add(seconds(c.sock.gw.side.core.session.Load().MessageTimeoutSeconds))
	}
	_ = c.Conn.SetReadDeadline(deadline) // a broken connection shows itself
}

// endBy gives the connection so long to end, or less if it has less already.
func (c *framing) endBy(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := time.Now().Add(d); c.last.IsZero() || last.Before(c.last) {
		c.last = last
		_ = c.Conn.SetDeadline(last) // a broken connection shows itself
	}
}

func (c *framing) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.last.IsZero()
}

// look reads the heads in b and returns how many of its bytes the library may see:
// those up to a frame that is wrong, or the client's close frame, which sets end.
func (c *framing) look(b []byte) (pass int) {
	for i := 0; i < len(b) && !c.blind && c.end == nil; {
		var wrong *closeCause
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
			complete, wrong = c.header()
		}
		if complete && wrong == nil {
			wrong = c.finish()
		}
		if c.wrong == nil {
			c.wrong = wrong
		}
		c.blind = wrong == brokenFrame
		if c.wrong == nil && !c.deaf && c.opcode() != opClose {
			pass = i
		}
	}
	return pass
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

// What may be wrong with a frame. These are not to be changed.
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
	case c.head[1]&0x80 == 0, c.control() && short > 125, c.got == 3 && short == 127 && c.head[2]&0x80 != 0:
		return false, brokenFrame
	case c.got < size:
		return false, nil
	}
	c.got = 0
	c.left = int64(short)
	switch short {
	case 126:
		c.left = int64(binary.BigEndian.Uint16(c.head[2:]))
	case 127:
		c.left = int64(binary.BigEndian.Uint64(c.head[2:]))
	}
	return c.left == 0, c.payload()
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
func (c *framing) payload() *closeCause {
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
	if c.deaf || c.wrong != nil {
		c.end = io.EOF // he answers ours, or goes as we would have him
	}
	return nil
}
