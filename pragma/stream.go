package pragma

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
)

// stream is what goes over a connection: numbered frames one way, calls and
// their order the other. Usually it lives and dies with its one socket. A client
// that asks for it gets one that outlives the socket (ADR 12): frames for it are
// kept in its ring, and the next socket of the same session goes on with it where
// the client's last frame was.
//
//	  ┌────────────── resume ──────────────┐
//	  ▼                                    │
//	on a socket ──break, if not lost──► away ──grace over, session over,
//	  │   ▲                                │    ring too small──► lost
//	  │   └─ resume: the old socket is     │
//	  │      cut, whatever it thinks       ▼
//	  └──clean close, log-out, replaced──► lost
//
// Every socket of a stream shares its lock.
type stream struct {
	mu   sync.Mutex // guards what follows, and parts of the sockets
	sock *socket    // the one that reads and writes; nil: away, or over
	ring *ring      // nil unless the client asked; set once

	seq      int64     // number of the frame that is written next
	out      [][]byte  // frame bodies to write
	held     [][]byte  // notifications waiting for the running call's answer
	bytes    int       // in out and held
	pending  []waiting // calls to run; each has begun in core.calls
	running  bool
	greeting bool        // OnConnect functions run
	greetEnd int64       // the number behind the last frame of the greeting
	last     *closeCause // close the socket, but only after the running call's answer
}

// waiting is a call that waits for its turn.
type waiting struct {
	req *wire.Request
	who *caller
}

// ring is what a stream needs to outlive its socket. Its frames are those that
// were written and may not have arrived; those in stream.out follow them.
type ring struct {
	core  *core
	id    wire.UUID
	owner SessionID // whose frames they are
	who   *caller   // as the last socket had it
	born  time.Time // of the session
	// ctx is that of the stream's calls: a break does not end them.
	ctx    context.Context
	cancel context.CancelFunc

	kept  [][]byte  // numbers stream.seq-len(kept) to stream.seq-1
	size  int       // bytes in kept
	taken int64     // frames of the client
	away  time.Time // since when there is no socket
	lost  bool      // no socket will go on with it
}

// newRing begins a stream that outlives sock, which asks for it.
func newRing(sock *socket) *ring {
	r := &ring{core: sock.gw.side.core, id: wire.UUID(NewID[ID[ring]]()), owner: sock.session, who: sock.who, born: sock.opened}
	r.ctx, r.cancel = context.WithCancel(context.WithValue(r.core.ctx, clientAddress{}, sock.client))
	return r
}

// resumable reports whether another socket may go on. mu is held.
func (st *stream) resumable() bool { return st.ring != nil && !st.ring.lost }

// stopped reports whether no further call may begin: the stream's last socket has
// been taken over, logged out or cut. mu is held.
func (st *stream) stopped() bool {
	if st.resumable() {
		return false // they are answered on the next socket
	}
	return st.sock == nil || st.sock.over.Load()
}

// deaf reports whether nothing that is queued would be sent any more. mu is held.
func (st *stream) deaf() bool {
	return !st.resumable() && (st.sock == nil || st.sock.closing != nil)
}

// push appends to the queue, unless the last frame is already in it. mu is held.
func (st *stream) push(body []byte) {
	if st.deaf() {
		return
	}
	st.out = append(st.out, body)
	st.bytes += len(body)
}

// unhold moves held notifications to the queue. mu is held.
func (st *stream) unhold() {
	if !st.deaf() {
		st.out = append(st.out, st.held...)
	}
	st.held = nil
}

// notify queues a notification, behind the answer of the running call if there
// is one, and behind what a new socket is greeted with.
func (st *stream) notify(body []byte, beforeAnswer bool) {
	st.mu.Lock()
	if !st.deaf() && (st.greeting || st.running && !beforeAnswer) {
		st.held = append(st.held, body)
		st.bytes += len(body)
	} else {
		st.push(body)
	}
	st.flush()
}

// flush starts a writer if one is due. It releases mu.
func (st *stream) flush() {
	sock := st.sock
	if sock == nil || sock.closing != nil {
		st.fit()
	}
	if sock == nil {
		st.mu.Unlock()
		return
	}
	if sock.due() {
		go sock.write()
	}
}

// wrote keeps a frame that is about to be written. mu is held.
func (st *stream) wrote(body []byte) {
	if !st.resumable() {
		return
	}
	st.ring.kept = append(st.ring.kept, body)
	st.ring.size += len(body)
	st.fit()
}

// fit holds the ring to its limits: the oldest frames go, and without a socket
// that may be the stream itself. mu is held.
func (st *stream) fit() {
	if !st.resumable() {
		return
	}
	frames, bytes := st.ring.core.session.Load().ring()
	for len(st.ring.kept)+len(st.out)+len(st.held) > frames || st.ring.size+st.bytes > bytes {
		if len(st.ring.kept) == 0 {
			if st.sock == nil || st.sock.closing != nil {
				st.lose()
			}
			return
		}
		st.ring.drop(1)
	}
}

// drop forgets the oldest n frames.
func (r *ring) drop(n int) {
	for i := range n {
		r.size -= len(r.kept[i])
		r.kept[i] = nil
	}
	r.kept = r.kept[n:]
	if len(r.kept) == 0 {
		r.kept = nil // an idle connection has no memory for it
	}
}

// arrived forgets frames that the client has: those before number n.
func (st *stream) arrived(n int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.resumable() {
		return
	}
	first := st.seq - int64(len(st.ring.kept))
	if n > first {
		st.ring.drop(int(min(n, st.seq) - first))
	}
}

// lose lets no other socket go on with the stream. mu is held.
func (st *stream) lose() {
	if !st.resumable() {
		return
	}
	st.ring.lost, st.ring.kept, st.ring.size = true, nil, 0
	if st.sock == nil {
		st.out, st.held, st.bytes = nil, nil, 0
		st.ring.cancel()
	}
}

// end is lose for those who do not hold mu.
func (st *stream) end() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.lose()
}

// expired gives up a stream that has been away for longer than grace, and reports
// whether it is over.
func (st *stream) expired(grace time.Duration) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.sock == nil && time.Since(st.ring.away) > grace {
		st.lose()
	}
	return !st.resumable()
}

// leave takes a socket that has ended off its stream, and reports whether the
// stream waits for another one.
func (s *socket) leave(stay bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring == nil || s.sock != s {
		return false
	}
	s.sock, s.ring.away = nil, time.Now()
	if !stay {
		s.lose()
	}
	if !s.resumable() {
		s.ring.cancel()
		return false
	}
	s.fit()
	return s.resumable()
}

// resume makes a new socket go on with a stream, if it is the one that the client
// has asked for and nothing is missing behind the client's last frame. A socket
// that the stream still has is cut: what arrives there from now on is not read.
func (s *socket) resume(st *stream) bool {
	if s.asks == nil || s.asks.Stream.IsZero() || st.ring == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	r, next := st.ring, s.asks.Last+1
	first := st.seq - int64(len(r.kept))
	if r.lost || r.id != s.asks.Stream || st.greeting || next < first || next > st.seq {
		return false
	}
	if former := st.sock; former != nil {
		former.over.Store(true)
		former.closing = &closeCause{name: "replaced", cut: true}
		if former.ready {
			go former.shut(former.closing)
		}
	}
	again := r.kept[next-first:]
	st.out = append(again[:len(again):len(again)], st.out...)
	for _, body := range again {
		st.bytes += len(body)
		r.size -= len(body)
	}
	r.kept, st.seq = r.kept[:next-first:next-first], next
	r.drop(len(r.kept)) // the client has them
	s.stream, st.sock, r.who = st, s, s.who
	s.resumed, s.taken = true, r.taken
	s.session, s.opened = r.owner, r.born
	return true
}

// take counts a frame of the client and reports whether it is to be looked at.
// The client of a resumed stream is told the count, so what it had sent before is
// either counted and answered on the stream, or never looked at.
func (s *socket) take() bool {
	if s.ring == nil {
		return !s.over.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Load() {
		return false
	}
	s.ring.taken++
	return true
}

// callContext is the context of the socket's calls.
func (s *socket) callContext() context.Context {
	if s.ring != nil {
		return s.ring.ctx
	}
	return s.ctx
}

// ask notes what the client of an upgrade wants of former sockets.
func (s *socket) ask(r *http.Request) {
	if s.who.operator != nil || s.limits.ResumeFrames == 0 {
		return
	}
	if asks, ok := wire.ParseResumption(r.Header.Get(wire.ReconnectHeader)); ok {
		s.asks = &asks
	}
}

// offer tells the client of an upgrade what it got.
func (s *socket) offer(h http.Header) {
	if s.ring == nil {
		return
	}
	h.Set(wire.StreamHeader, s.ring.id.String())
	if s.resumed {
		h.Set(wire.ResumedHeader, strconv.FormatInt(s.taken, 10))
	}
}
