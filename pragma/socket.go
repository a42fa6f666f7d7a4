package pragma

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/openpragma/engine/internal/wire"
)

// socket is one open WebSocket. One goroutine reads it, and runs a call itself
// while no other waits; if the call takes longer than [handover], a new goroutine
// goes on reading and this one becomes the one that runs calls. So a usual call
// costs no change of goroutine, a slow one delays no heartbeat, and an idle
// socket costs one stack.
//
// Frames leave in the order they were queued. While a call runs, notifications
// wait in held, so that the answer leaves before what the call caused and a
// client that guards by sequence number never goes backwards (ADR 8). They wait
// too while a new socket is greeted: first the player is told the present truth.
//
// Locks are taken in this order: the player's in sessions.locks, sockets.mu,
// stream.mu, gate.mu.
type socket struct {
	*stream // what it carries; set once others know the socket
	gw      *gateway
	who     *caller
	limits  *sessionConfig // those that rate has; only the reader looks
	rate    *rate.Limiter
	// ctx ends with the socket; its values are those of the server.
	ctx    context.Context
	cancel context.CancelFunc

	client   netip.Addr      // who is at the other end; zero if that is not known
	expires  atomic.Int64    // Unix seconds: when the token is over
	ws       *websocket.Conn // ws and conn are set once, before ready
	conn     *framing
	lastLife atomic.Int64 // unix nanoseconds of the last frame, ping or pong
	writes   atomic.Int64 // unix nanoseconds since when a write is under way; 0: none
	over     atomic.Bool  // taken over, logged out or cut: no further call takes effect
	counted  sync.Once    // in the metrics, when the server ends the socket

	session SessionID        // partners': of the connection; the others': of the log-in
	opened  time.Time        // when the session began; for partners and operators
	asks    *wire.Resumption // what the client wants of former sockets; nil: nothing
	resumed bool             // and got it
	taken   int64            // how many of its frames were taken before; if resumed

	// Guarded by mu, the lock of the stream.
	ready     bool // ws is there: writing may start
	writing   bool
	written   int64       // the number of frames known to be written, at least
	closing   *closeCause // the socket is to close after out is written; nothing more is queued
	malformed window
	refused   window
	watchdog  *time.Timer

	relief  *time.Timer   // starts another reader; belongs to the one that reads
	drained chan struct{} // the writer has written a frame; the reader may wait for it
}

// handover is how long the reader runs a call before another goroutine reads on.
const handover = time.Millisecond

func newSocket(gw *gateway, who *caller, client netip.Addr) *socket {
	limits := gw.side.core.session.Load()
	s := &socket{
		stream: new(stream), gw: gw, who: who, client: client, limits: limits,
		rate: rate.NewLimiter(limits.rate(gw.id.Type)), drained: make(chan struct{}, 1),
	}
	s.sock, s.greeting = s, who.player != nil
	s.session, s.opened = who.id(), time.Now()
	if who.partner != nil { // each connection is a session of its own (wire §16.9)
		s.session = NewOrderedID[SessionID]()
	}
	s.extend(who.expires)
	s.ctx, s.cancel = context.WithCancel(context.WithValue(gw.side.core.ctx, clientAddress{}, client))
	who.socket = s
	return s
}

// start hands the accepted connection to the socket; what was queued before is
// written now.
func (s *socket) start(ws *websocket.Conn, conn *framing) {
	ws.SetReadLimit(-1) // framing has the limit
	s.alive()
	s.mu.Lock()
	s.ws, s.conn = ws, conn
	s.watchdog = time.AfterFunc(seconds(s.limits.PingIntervalSeconds), s.watch)
	s.ready = true
	if s.sock != s { // another one has gone on meanwhile
		go s.shut(s.closing)
	}
	s.flush()
}

// extend lets the socket stay open for a token that is valid until then. It never
// shortens that. It is for the call that brings a new token of the same session,
// and safe for concurrent use.
func (s *socket) extend(until time.Time) {
	for {
		now := s.expires.Load()
		if until.Unix() <= now || s.expires.CompareAndSwap(now, until.Unix()) {
			return
		}
	}
}

// alive notes a sign of life.
func (s *socket) alive() { s.lastLife.Store(time.Now().UnixNano()) }

// errRelieved ends a reader that another goroutine has taken over from.
var errRelieved = errors.New("another goroutine reads on")

// read reads frames until the socket ends, and returns why, or errRelieved. The
// context of the library never ends, which saves it work for every frame: sockets
// end by being closed (ADR 5).
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
		s.alive()
		switch {
		case typ != websocket.MessageText:
			s.close(closeCause{name: "binary frame", code: websocket.StatusUnsupportedData})
		case !utf8.Valid(data):
			s.close(closeCause{name: "bad UTF-8", code: websocket.StatusInvalidFramePayloadData})
		default:
			if relieved := s.frame(data); relieved {
				return errRelieved
			}
			s.pace()
		}
	}
}

// pace waits while half of what may be queued is, so that a peer who reads is
// never cut for the answers to his own frames: more of them wait in the network.
func (s *socket) pace() {
	for s.crowded() {
		select {
		case <-s.drained:
		case <-s.ctx.Done():
			return
		}
	}
}

// crowded reports whether much is queued and a writer is about to write it.
func (s *socket) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	much := len(s.out) > s.limits.MaxQueuedFrames/2 || s.bytes > s.limits.MaxQueuedBytes/2
	return s.sock == s && s.writing && s.closing == nil && len(s.out) > 0 && much
}

// readFrame reads a message into memory of its own, as large as needed. The
// buffer it grows in is shared by all sockets, so that idle ones have none.
func (c *core) readFrame(r io.Reader) ([]byte, error) {
	buf := c.buffer()
	defer c.buffers.Put(buf)
	buf.Reset()
	if _, err := buf.ReadFrom(r); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

// buffer returns one of the shared buffers, with anything in it. Give it back.
func (c *core) buffer() *bytes.Buffer {
	if buf, ok := c.buffers.Get().(*bytes.Buffer); ok {
		return buf
	}
	return new(bytes.Buffer)
}

// frame takes one frame: refuses it, runs it, or queues it behind the running
// call. It reports whether another goroutine reads on meanwhile.
func (s *socket) frame(data []byte) (relieved bool) {
	if !s.take() {
		return false // about to close
	}
	s.adoptLimits()
	req, err := wire.ParseRequest(data)
	switch {
	case err != nil:
		s.send(s.gw.side.errorBody(&req, ErrMalformed.With("%v", err)))
		s.abuse(&s.malformed, 10, time.Minute)
		return false
	case !s.rate.Allow():
		s.send(s.gw.side.errorBody(&req, ErrRateLimited))
		s.abuse(&s.refused, 5*s.rate.Burst()+1, 10*time.Second)
		return false
	}
	if c, ok := s.gw.side.calls[req.Type]; ok && c.inline {
		body, _ := s.gw.side.dispatch(s.callContext(), s.gw.id.Type, s.who, &req) // the body says it
		s.send(body)
		return false
	}
	first, err := s.enqueue(&req)
	switch {
	case err != nil:
		s.send(s.gw.side.errorBody(&req, err))
	case first:
		return s.runHere()
	}
	return false
}

// adoptLimits takes the limits of a configuration that was reloaded.
func (s *socket) adoptLimits() {
	now := s.gw.side.core.session.Load()
	if now == s.limits {
		return
	}
	s.limits = now
	perSecond, burst := now.rate(s.gw.id.Type)
	s.rate.SetLimit(perSecond)
	s.rate.SetBurst(burst)
}

// enqueue puts a call behind those that wait, and reports whether the caller has
// to run it.
func (s *socket) enqueue(req *wire.Request) (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) >= s.limits.pending(s.gw.id.Type) {
		return false, ErrRateLimited.With("too many calls in flight")
	}
	if !s.gw.side.core.calls.begin() {
		return false, ErrShuttingDown
	}
	s.pending = append(s.pending, waiting{req, s.who})
	first = !s.running
	s.running = true
	return first, nil
}

// runHere runs waiting calls on the goroutine that reads, and reports whether
// that took so long that another one reads on.
func (s *socket) runHere() (relieved bool) {
	if s.relief == nil {
		s.relief = time.AfterFunc(handover, func() { s.gw.readOn(s) })
	} else {
		s.relief.Reset(handover)
	}
	s.runOne()
	relieved = !s.relief.Stop()
	for s.runOne() {
	}
	return relieved
}

// runOne runs the next waiting call and reports whether there was one.
func (s *socket) runOne() bool {
	req, who := s.next()
	if req == nil {
		return false
	}
	body, _ := s.gw.side.dispatch(s.callContext(), s.gw.id.Type, who, req) // the body says it
	s.answer(body)
	return true
}

// next returns the next call to run. Without one, or when none may begin any more,
// it returns nil, and running has ended. A call that next has returned before
// another log-in took over counts as begun.
func (s *socket) next() (*wire.Request, *caller) {
	s.mu.Lock()
	if len(s.pending) > 0 && !s.stopped() {
		w := s.pending[0]
		s.pending = s.pending[1:]
		s.mu.Unlock()
		return w.req, w.who
	}
	for range s.pending { // nobody waits for these answers any more
		s.gw.side.core.calls.done()
	}
	s.running, s.pending = false, nil
	s.unhold()
	s.flush()
	return nil, nil
}

// answer queues the answer of the running call and what waited for it. The call
// is done with that, whether the peer reads or not.
func (s *socket) answer(body []byte) {
	s.mu.Lock()
	s.push(body)
	s.unhold()
	s.closeLast()
	s.gw.side.core.calls.done()
	if s.sock != s { // the client has gone on elsewhere
		s.flush()
		return
	}
	if s.due() { // written here, not by another goroutine: it is this peer's own call
		s.write()
	}
}

// send queues a frame at once.
func (s *socket) send(body []byte) {
	s.mu.Lock()
	s.push(body)
	s.flush()
}

// greet queues a notification of an OnConnect function. Held ones of its type are
// older, since they were sent before; a client must not get them after it.
func (s *socket) greet(body []byte) {
	s.mu.Lock()
	s.held = slices.DeleteFunc(s.held, func(held []byte) bool {
		stale := s.greeting && bytes.Equal(typePart(held), typePart(body))
		if stale {
			s.bytes -= len(held)
		}
		return stale
	})
	s.push(body)
	s.greetEnd = s.seq + int64(len(s.out))
	s.flush()
}

// typePart is the beginning of a notification's body, up to its payload.
func typePart(body []byte) []byte {
	head, _, _ := bytes.Cut(body, []byte(`"payload"`))
	return head
}

// greeted lets notifications through.
func (s *socket) greeted() {
	s.mu.Lock()
	s.greeting = false
	s.unhold()
	s.flush()
}

// abuse closes the socket when an offence is repeated up to a limit.
func (s *socket) abuse(w *window, limit int, within time.Duration) {
	s.mu.Lock()
	tooMany := w.add(time.Now(), within) >= limit
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
