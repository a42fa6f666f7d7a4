package pragma

import (
	"context"
	"io"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/internal/wire"
)

// This file is the other half of socket: writing, and all the ways to end.

// closeCause says how a socket ends: with a close frame, or cut without one so
// that existing clients reconnect (wire §3).
type closeCause struct {
	name string // for metrics
	code websocket.StatusCode
	cut  bool
}

const (
	// writeTimeout cuts a socket whose peer does not read. It is looked at
	// whenever the peer is pinged.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long a peer may take to answer a close frame.
	closeTimeout = 5 * time.Second
	// pingTimeout bounds the goroutine that pings, not the life of the peer.
	pingTimeout = 5 * time.Second
)

// flush starts a writer if one is due. It releases s.mu.
func (s *socket) flush() {
	if s.due() {
		go s.write()
	}
}

// due reports whether the caller has to see to a writer: none runs and there is
// something to write. A peer that reads too slowly is cut. It releases s.mu.
func (s *socket) due() bool {
	defer s.mu.Unlock()
	limits := s.gw.side.core.session.Load()
	if len(s.out)+len(s.held) > limits.MaxQueuedFrames || s.bytes > limits.MaxQueuedBytes {
		s.out, s.held, s.bytes = nil, nil, 0
		s.over.Store(true)
		s.closing = &closeCause{name: "slow reader", cut: true}
		if s.writing { // it waits for the peer: do not wait with it
			go s.shut(s.closing)
		}
	}
	if !s.ready || s.writing || len(s.out) == 0 && s.closing == nil {
		return false
	}
	s.writing = true
	return true
}

// write writes queued frames until there are none, then closes the socket if
// that was asked for.
func (s *socket) write() {
	var buf []byte
	for {
		s.mu.Lock()
		if len(s.out) == 0 {
			closing := s.closing
			s.writing = closing != nil // after the end nobody writes
			s.mu.Unlock()
			if closing != nil {
				s.shut(closing)
			}
			return
		}
		body, seq := s.out[0], s.seq
		s.out[0] = nil
		s.out = s.out[1:]
		s.bytes -= len(body)
		s.seq++
		s.mu.Unlock()

		buf = wire.AppendFrame(buf[:0], seq, body)
		s.writes.Store(time.Now().UnixNano())
		err := s.ws.Write(context.Background(), websocket.MessageText, buf)
		s.writes.Store(0)
		if err != nil {
			s.shut(&closeCause{name: "write failed", cut: true})
			return
		}
	}
}

// close asks for the end of the socket once everything queued, and then the
// bodies, are written. Calls of this socket that have not begun will not.
func (s *socket) close(c closeCause, bodies ...[]byte) {
	s.over.Store(true)
	s.mu.Lock()
	for _, body := range bodies {
		s.push(body)
	}
	if s.closing == nil {
		s.closing = &c
	}
	s.flush()
}

// closeAfterCall closes the socket once the running call is answered. Handlers use it.
func (s *socket) closeAfterCall(c closeCause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = &c
}

// cut ends the connection without waiting for the peer. A socket that is not
// accepted yet ends as soon as it is.
func (s *socket) cut(c closeCause) {
	s.over.Store(true)
	s.mu.Lock()
	s.out, s.held, s.bytes = nil, nil, 0
	s.closing = &c
	if s.ready {
		go s.shut(&c)
	}
	s.mu.Unlock()
}

// shut ends the connection now. It may be called more than once: a cut does not
// wait for a close frame that is being exchanged.
func (s *socket) shut(c *closeCause) {
	s.over.Store(true)
	s.counted.Do(func() { s.gw.side.core.metrics.cuts.WithLabelValues(c.name).Inc() })
	if c.cut {
		_ = s.conn.Close() // whatever uses it sees it
	} else {
		_ = s.conn.SetDeadline(time.Now().Add(closeTimeout))
		_ = s.ws.Close(c.code, "") // the peer may be gone
	}
	s.cancel()
}

// release frees the connection after its reader has ended because of cause. If
// the library has refused a frame, the peer may still be sending it, and closing
// now would make his system forget the close frame it has for him. So what he
// sends is thrown away for a moment.
func (s *socket) release(cause error) {
	if s.ws == nil {
		return // never accepted
	}
	s.mu.Lock()
	s.watchdog.Stop()
	s.ready, s.out, s.held = false, nil, nil // nothing is written any more
	s.closing = &closeCause{name: "closed", cut: true}
	s.mu.Unlock()
	if websocket.CloseStatus(cause) < 0 {
		_ = s.conn.SetReadDeadline(time.Now().Add(flushTime))
		_, _ = io.Copy(io.Discard, s.conn) // ends at once if the connection has
	}
	_ = s.ws.CloseNow()
}

// watch pings the peer, and cuts a dead one or one that does not read. It comes
// back until the socket ends.
func (s *socket) watch() {
	if s.ctx.Err() != nil {
		return
	}
	limits := s.gw.side.core.session.Load()
	silent := time.Since(time.Unix(0, s.lastLife.Load()))
	idle := seconds(limits.IdleTimeoutSeconds)
	writes := s.writes.Load()
	switch {
	case silent >= idle:
		s.shut(&closeCause{name: "dead peer", cut: true})
		return
	case writes != 0 && time.Since(time.Unix(0, writes)) >= writeTimeout:
		s.shut(&closeCause{name: "slow reader", cut: true})
		return
	}
	s.mu.Lock()
	s.watchdog.Reset(min(seconds(limits.PingIntervalSeconds), idle-silent))
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, pingTimeout)
	defer cancel()
	_ = s.ws.Ping(ctx) // the pong is noted when it is read
}
