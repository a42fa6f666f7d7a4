package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/internal/wire"
)

// writeTimeout cuts a socket whose server does not read.
const writeTimeout = 10 * time.Second

// A reply takes the answer to a call, or the error that there will be none. It
// runs on the goroutine that reads the socket, so in the order of the frames.
type reply func(f *wire.Frame, err error)

// socket is one open WebSocket of a [Conn]. One goroutine reads it; another
// writes, but only while there is something to write.
type socket struct {
	conn    *Conn
	ws      *websocket.Conn
	life    atomic.Int64 // unix nanoseconds of the last frame or ping
	resumed bool         // it goes on where the last one broke; set before it is used

	mu      sync.Mutex // guards what follows
	pending map[int64]inFlight
	sent    int64    // frames for the server on the stream, of former sockets too
	out     [][]byte // at most as long as pending
	writing bool
	broken  bool
}

func newSocket(c *Conn) *socket {
	s := &socket{conn: c, pending: make(map[int64]inFlight)}
	s.alive()
	return s
}

func (s *socket) alive() { s.life.Store(time.Now().UnixNano()) }

func (s *socket) silence() time.Duration { return time.Since(time.Unix(0, s.life.Load())) }

// post sends a call without waiting. If it returns an error the call was not
// sent and the reply will not be called.
func (s *socket) post(name string, req any, fn reply) error {
	id := s.conn.nextID.Add(1)
	frame, err := wire.AppendRequest(nil, id, name+"Request", req)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken:
		return ErrDisconnected
	case len(s.pending) >= s.conn.session.opts.MaxInFlight:
		return ErrBusy
	case !s.writing && !s.conn.session.spawn(s.write):
		return ErrClosed
	}
	s.writing = true
	s.pending[id] = inFlight{fn, s.sent}
	s.sent++
	s.out = append(s.out, frame)
	return nil
}

// write writes waiting frames until there are none.
func (s *socket) write() {
	for {
		s.mu.Lock()
		if len(s.out) == 0 {
			s.writing = false
			s.mu.Unlock()
			return
		}
		batch := s.out
		s.out = nil
		s.mu.Unlock()
		for _, frame := range batch {
			if err := s.writeFrame(frame); err != nil {
				s.cut() // the reader sees it and cleans up
				return
			}
		}
	}
}

func (s *socket) writeFrame(frame []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.ws.Write(ctx, websocket.MessageText, frame)
}

// read reads frames until the socket ends, and returns why.
func (s *socket) read() error {
	for {
		typ, data, err := s.ws.Read(context.Background())
		if err != nil {
			return err
		}
		s.alive()
		if typ != websocket.MessageText {
			s.conn.malformed(fmt.Errorf("binary frame of %d bytes", len(data)))
			continue
		}
		f, err := wire.ParseFrame(data)
		switch {
		case err != nil:
			s.conn.trail.last++ // no number is left out
			s.conn.malformed(err)
		case !s.conn.trail.seen(f.SequenceNumber):
			s.conn.session.log.Warn("frame came twice", "backend", string(s.conn.backend), "number", f.SequenceNumber)
		case f.Kind == wire.KindNotification:
			s.conn.notified(&f)
		default:
			s.answered(&f)
		}
	}
}

// answered hands an answer to whoever waits for it.
func (s *socket) answered(f *wire.Frame) {
	s.mu.Lock()
	call, ok := s.pending[f.RequestID]
	delete(s.pending, f.RequestID)
	s.mu.Unlock()
	switch {
	case !ok:
		s.conn.unexpected(f)
	case f.ServiceError != nil:
		call.reply(nil, &CallError{TraceID: f.ServiceError.TraceID, Err: refusal(f.ServiceError)})
	default:
		call.reply(f, nil)
	}
}

// refuse lets no more calls in.
func (s *socket) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.out = true, nil
}

// fail ends all calls in flight. The reading goroutine calls it after refuse.
func (s *socket) fail(err error) {
	s.mu.Lock()
	pending := s.pending
	s.pending = nil
	s.mu.Unlock()
	for _, c := range pending {
		c.reply(nil, err)
	}
}

// cut ends the connection without a close frame.
func (s *socket) cut() { _ = s.ws.CloseNow() }

// close ends the connection with a close frame, so the server ends the session.
func (s *socket) close() { _ = s.ws.Close(websocket.StatusNormalClosure, "") }
