package pragma

import (
	"bytes"
	"context"
	"time"

	"github.com/coder/websocket"
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
	// closeTimeout is how long a peer may take to answer a close frame.
	closeTimeout = 5 * time.Second
	// pingTimeout bounds the goroutine that pings, not the life of the peer.
	pingTimeout = 5 * time.Second
)

// due reports whether the caller has to see to a writer: none runs and there is
// something to write. A peer that reads too slowly is cut. It releases s.mu.
func (s *socket) due() bool {
	defer s.mu.Unlock()
	if s.overflows() {
		s.lose() // it is more than a ring holds
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

// overflows reports whether more is queued than may be. One frame alone may be
// larger, since a message of 1 MiB has to arrive (wire §3). What a new socket is
// greeted with may be more too: a client that was cut for it would be greeted with
// the same again, and again. s.mu is held.
func (s *socket) overflows() bool {
	limits := s.gw.side.core.session.Load()
	frames, bytes := limits.MaxQueuedFrames, limits.MaxQueuedBytes
	if s.greeting || s.seq < s.greetEnd {
		frames, bytes = 4*frames, 4*bytes
	}
	queued := len(s.out) + len(s.held)
	return queued > frames || s.bytes > bytes && queued > 1
}

// write writes queued frames until there are none, then closes the socket if
// that was asked for.
func (s *socket) write() {
	core := s.gw.side.core
	buf := core.buffer() // not the socket's own, so that idle ones have none
	defer core.buffers.Put(buf)
	for s.gather(buf) {
		s.writes.Store(time.Now().UnixNano())
		err := s.conn.out.send(buf.Bytes())
		s.writes.Store(0)
		if err != nil {
			s.shut(&closeCause{name: "write failed", cut: true})
			return
		}
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
}

// gather takes the frames that are written next out of the queue. Without any it
// closes the socket if that is due, and reports false: the writer ends.
func (s *socket) gather(buf *bytes.Buffer) bool {
	s.mu.Lock()
	s.written = s.seq
	if len(s.out) == 0 || s.sock != s {
		closing := s.closing
		s.writing = closing != nil // after the end nobody writes
		s.mu.Unlock()
		if closing != nil {
			s.shut(closing)
		}
		return false
	}
	defer s.mu.Unlock()
	n, size := 1, len(s.out[0])
	for n < len(s.out) && size+len(s.out[n]) <= mostTogether {
		size += len(s.out[n])
		n++
	}
	taken := s.out[:n]
	switch s.out = s.out[n:]; {
	case len(s.out) > 0:
	case cap(taken) <= usualQueue:
		s.out = taken[:0]
	default:
		s.out = nil
	}
	buf.Reset()
	buf.Grow(size + n*aroundMessage)
	for i, body := range taken {
		buf.Write(appendMessage(buf.AvailableBuffer(), s.seq, body))
		s.bytes -= len(body)
		s.seq++
		s.wrote(body)
		taken[i] = nil
	}
	return true
}

// usualQueue is a number of waiting frames that a connection has room for all the
// time. Room for more is given back, because most connections are idle.
const usualQueue = 4

// close asks for the end of the socket once everything queued, and then the
// bodies, are written. Calls of this socket that have not begun will not.
func (s *socket) close(c closeCause, bodies ...[]byte) {
	s.over.Store(true)
	s.mu.Lock()
	if !c.cut && s.sock == s {
		s.lose()
	}
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

// closeLast does what closeAfterCall asked for. s.mu is held.
func (st *stream) closeLast() {
	if st.last == nil {
		return
	}
	st.lose()
	if sock := st.sock; sock != nil && sock.closing == nil {
		sock.over.Store(true)
		sock.closing = st.last
	}
}

// cut ends the connection without waiting for the peer. A socket that is not
// accepted yet ends as soon as it is.
func (s *socket) cut(c closeCause) {
	s.over.Store(true)
	s.mu.Lock()
	s.lose()
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
		s.conn.endBy(closeTimeout)
		_ = s.ws.Close(c.code, "") // the peer may be gone
	}
	s.cancel()
}

// answerClose answers the peer's close frame (wire §16.8), unless ours was first.
func (s *socket) answerClose() {
	s.conn.endBy(flushTime)
	_ = s.ws.Close(websocket.StatusNormalClosure, "") // the peer may be gone
}

// release frees the connection after its reader has ended. A close frame that is
// due goes out first.
func (s *socket) release() {
	if s.ws == nil {
		return // never accepted
	}
	s.mu.Lock()
	s.watchdog.Stop()
	due := s.closing
	s.ready = false // nothing is written any more
	if s.sock == s {
		s.out, s.held = nil, nil
	}
	s.closing = &closeCause{name: "closed", cut: true}
	s.mu.Unlock()
	if due != nil && !due.cut {
		s.shut(due)
	}
	_ = s.ws.CloseNow()
}

// watch pings the peer, and cuts a dead one, one that does not read, and one whose
// token is over. It comes back until the socket ends.
//
// A token that is over does not end the session: the client is cut as in a drain
// and comes back with a newer token of the same session, if it has one.
func (s *socket) watch() {
	if s.ctx.Err() != nil {
		return
	}
	limits := s.gw.side.core.session.Load()
	silent := time.Since(time.Unix(0, s.lastLife.Load()))
	idle := seconds(limits.IdleTimeoutSeconds)
	next := min(seconds(limits.PingIntervalSeconds), idle-silent)
	var writing time.Duration
	if since := s.writes.Load(); since != 0 {
		writing = time.Since(time.Unix(0, since))
		next = min(next, seconds(limits.WriteTimeoutSeconds)-writing)
	}
	grace := int64(limits.TokenGraceSeconds)
	switch {
	case silent >= idle:
		s.shut(&closeCause{name: "dead peer", cut: true})
		return
	case writing >= seconds(limits.WriteTimeoutSeconds):
		s.shut(&closeCause{name: "slow reader", cut: true})
		return
	case grace > 0 && time.Now().Unix() >= s.expires.Load()+grace:
		s.shut(&closeCause{name: "token expired", cut: true})
		return
	}
	s.mu.Lock()
	s.watchdog.Reset(next)
	written := s.written
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, pingTimeout)
	defer cancel()
	if err := s.ws.Ping(ctx); err == nil { // the pong is noted when it is read
		s.arrived(written) // what was written before the ping
	}
}
