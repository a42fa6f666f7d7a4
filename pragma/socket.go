package pragma

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/openpragma/engine/internal/wire"
)

// socket is one open WebSocket. One goroutine reads it. A goroutine that runs
// calls, and one that writes, exist only while there is something to do, so an
// idle socket costs one stack.
//
// Frames leave in the order they were queued. While a call runs, notifications
// wait in held, so that the answer leaves before what the call caused and a
// client that guards by sequence number never goes backwards (ADR 8).
type socket struct {
	gw   *gateway
	who  *caller
	rate *rate.Limiter
	// ctx ends with the socket; its values are those of the server.
	ctx    context.Context
	cancel context.CancelFunc

	ws       *websocket.Conn // set once, before ready
	lastLife atomic.Int64    // unix nanoseconds of the last frame or pong
	writes   atomic.Int64    // unix nanoseconds since when a write is under way; 0: none
	over     atomic.Bool     // taken over, logged out or cut: no further call takes effect

	mu        sync.Mutex // guards what follows
	ready     bool       // ws is there: writing may start
	seq       int64
	out       [][]byte // frame bodies to write
	held      [][]byte // notifications waiting for the running call's answer
	bytes     int      // in out and held
	writing   bool
	pending   []*wire.Request // calls to run
	running   bool
	closing   *closeCause // the socket is to close after out is written
	last      *closeCause // the same, but only after the running call's answer
	malformed window
	refused   window
}

// closeCause says how a socket ends: with a close frame, or cut without one so
// that existing clients reconnect (wire §3).
type closeCause struct {
	name string // for metrics
	code websocket.StatusCode
	cut  bool
}

// maxPending bounds the calls of one connection that wait for their turn.
const maxPending = 64

// writeTimeout cuts a socket whose peer does not read. It is looked at whenever
// the peer is pinged.
const writeTimeout = 10 * time.Second

func newSocket(gw *gateway, who *caller) *socket {
	perSecond, burst := gw.rate()
	s := &socket{gw: gw, who: who, rate: rate.NewLimiter(perSecond, burst)}
	s.ctx, s.cancel = context.WithCancel(gw.side.core.ctx)
	who.socket = s
	return s
}

// start hands the accepted connection to the socket; what was queued before is
// written now.
func (s *socket) start(ws *websocket.Conn) {
	s.ws = ws
	s.lastLife.Store(time.Now().UnixNano())
	s.watch()
	s.mu.Lock()
	s.ready = true
	s.flush()
}

// read reads frames until the socket ends, and returns why. The context of the
// library never ends, which saves it work for every frame: sockets end by being
// closed (ADR 5).
func (s *socket) read() error {
	for {
		typ, r, err := s.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		data, err := s.gw.side.core.readFrame(r)
		if err != nil {
			return err
		}
		s.lastLife.Store(time.Now().UnixNano())
		if typ != websocket.MessageText {
			s.close(closeCause{name: "binary frame", code: websocket.StatusUnsupportedData})
			continue
		}
		s.frame(data)
	}
}

// readFrame reads a message into memory of its own, as large as needed. The
// buffer it grows in is shared by all sockets, so that idle ones have none.
func (c *core) readFrame(r io.Reader) ([]byte, error) {
	buf, ok := c.buffers.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	defer c.buffers.Put(buf)
	buf.Reset()
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// frame takes one frame: refuses it, runs it, or queues it behind the running call.
func (s *socket) frame(data []byte) {
	req, err := wire.ParseRequest(data)
	switch {
	case s.over.Load():
		return // about to close
	case err != nil:
		s.send(s.gw.side.errorBody(&req, ErrMalformed.With("%v", err)))
		s.abuse(&s.malformed, 10, time.Minute)
		return
	case !s.rate.Allow():
		s.send(s.gw.side.errorBody(&req, ErrRateLimited))
		s.abuse(&s.refused, 5*s.rate.Burst(), 10*time.Second)
		return
	}
	if c, ok := s.gw.side.calls[req.Type]; ok && c.inline {
		s.send(s.gw.side.dispatch(s.ctx, s.gw.id.Type, s.who, &req))
		return
	}
	if err := s.enqueue(&req); err != nil {
		s.send(s.gw.side.errorBody(&req, err))
	}
}

// enqueue puts a call behind those that wait and sees that somebody runs them.
func (s *socket) enqueue(req *wire.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= maxPending {
		return ErrRateLimited.With("too many calls in flight")
	}
	if !s.running {
		if !s.gw.side.core.calls.begin() {
			return ErrShuttingDown
		}
		s.running = true
		go s.run()
	}
	s.pending = append(s.pending, req)
	return nil
}

// run runs waiting calls until there are none.
func (s *socket) run() {
	defer s.gw.side.core.calls.done()
	for {
		s.mu.Lock()
		if len(s.pending) == 0 || s.over.Load() {
			s.running, s.pending = false, nil
			s.release()
			s.flush()
			return
		}
		req := s.pending[0]
		s.pending = s.pending[1:]
		s.mu.Unlock()
		body := s.gw.side.dispatch(s.ctx, s.gw.id.Type, s.who, req)
		s.mu.Lock()
		s.push(body)
		s.release()
		if s.last != nil {
			s.over.Store(true)
			s.closing = s.last
		}
		if s.due() { // written here, not by another goroutine: it is this peer's own call
			s.write()
		}
	}
}

// send queues a frame at once.
func (s *socket) send(body []byte) {
	s.mu.Lock()
	s.push(body)
	s.flush()
}

// notify queues a notification, behind the answer of the running call if there is one.
func (s *socket) notify(body []byte) {
	s.mu.Lock()
	if s.running {
		s.held = append(s.held, body)
		s.bytes += len(body)
	} else {
		s.push(body)
	}
	s.flush()
}

// push appends to the queue, unless the last frame is already in it. s.mu is held.
func (s *socket) push(body []byte) {
	if s.closing != nil {
		return
	}
	s.out = append(s.out, body)
	s.bytes += len(body)
}

// release moves held notifications to the queue. s.mu is held.
func (s *socket) release() {
	s.out = append(s.out, s.held...)
	s.held = nil
}

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
			s.writing = false
			closing := s.closing
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

// close asks for the end of the socket once everything queued is written.
// Calls of this socket that have not started will not.
func (s *socket) close(c closeCause) { s.closeWith(c) }

// closeWith is close with last frames for the peer.
func (s *socket) closeWith(c closeCause, bodies ...[]byte) {
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
	s.last = &c
	s.mu.Unlock()
}

// shut ends the connection now.
func (s *socket) shut(c *closeCause) {
	s.over.Store(true)
	s.gw.side.core.metrics.cuts.WithLabelValues(c.name).Inc()
	if c.cut {
		s.ws.CloseNow()
	} else {
		s.ws.Close(c.code, "")
	}
	s.cancel()
}

// watch pings the peer and cuts a dead one. It reschedules itself until the
// socket ends.
func (s *socket) watch() {
	limits := s.gw.side.core.session.Load()
	interval := time.Duration(limits.PingIntervalSeconds) * time.Second
	idle := time.Duration(limits.IdleTimeoutSeconds) * time.Second
	time.AfterFunc(interval, func() {
		if s.ctx.Err() != nil {
			return
		}
		writes := s.writes.Load()
		switch {
		case time.Since(time.Unix(0, s.lastLife.Load())) >= idle:
			s.shut(&closeCause{name: "dead peer", cut: true})
			return
		case writes != 0 && time.Since(time.Unix(0, writes)) >= writeTimeout:
			s.shut(&closeCause{name: "slow reader", cut: true})
			return
		}
		ctx, cancel := context.WithTimeout(s.ctx, interval)
		defer cancel()
		if err := s.ws.Ping(ctx); err == nil {
			s.lastLife.Store(time.Now().UnixNano())
		}
		s.watch()
	})
}

// abuse closes the socket when an offence is repeated too often.
func (s *socket) abuse(w *window, limit int, within time.Duration) {
	s.mu.Lock()
	tooMany := w.add(time.Now(), within) > limit
	s.mu.Unlock()
	if tooMany {
		s.close(closeCause{name: "abuse", code: websocket.StatusPolicyViolation})
	}
}

// window counts events since its start; it starts anew when it is too old.
type window struct {
	start time.Time
	n     int
}

func (w *window) add(now time.Time, within time.Duration) int {
	if now.Sub(w.start) > within {
		*w = window{start: now}
	}
	w.n++
	return w.n
}

// cleanClose reports whether the peer closed the socket on purpose.
func cleanClose(err error) bool {
	return websocket.CloseStatus(err) == websocket.StatusNormalClosure
}
