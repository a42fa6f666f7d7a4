package client

import (
	"net/http"
	"strconv"

	"github.com/openpragma/engine/internal/wire"
)

// trail is what a [Conn] knows of the server's stream, so that the next socket can
// go on where this one breaks. Only the goroutine that reads uses it.
type trail struct {
	stream wire.UUID // zero: the server offers none
	last   int64     // number of the last frame; -1 before the first
}

// ask says in the header of an upgrade what the client wants.
func (t *trail) ask(h http.Header) {
	h.Set(wire.ReconnectHeader, wire.Resumption{Stream: t.stream, Last: t.last}.String())
}

// granted reads what it got: whether the stream goes on, and then how many of
// the client's frames the server has taken.
func (t *trail) granted(h http.Header) (resumed bool, taken int64) {
	stream, err := wire.ParseUUID(h.Get(wire.StreamHeader))
	if err != nil || stream.IsZero() {
		*t = trail{last: -1}
		return false, 0
	}
	taken, err = strconv.ParseInt(h.Get(wire.ResumedHeader), 10, 64)
	if err == nil && stream == t.stream && taken >= 0 {
		return true, taken
	}
	*t = trail{stream: stream, last: -1}
	return false, 0
}

// seen notes a frame and reports whether it is a new one.
func (t *trail) seen(number int64) bool {
	if t.stream.IsZero() {
		return true
	}
	if number <= t.last {
		return false
	}
	t.last = number
	return true
}

// inFlight is a call that waits for its answer.
type inFlight struct {
	reply  reply
	number int64 // how many frames the client had sent on the stream before
}

// adopt takes over the calls of the socket before, whose stream goes on: those
// that the server has taken are answered here. The others never reached it.
func (s *socket) adopt(former *socket, taken int64) {
	former.mu.Lock()
	calls := former.pending
	former.pending = nil
	former.mu.Unlock()
	s.mu.Lock()
	s.sent = taken
	for id, c := range calls {
		if c.number < taken {
			s.pending[id] = c
			delete(calls, id)
		}
	}
	s.mu.Unlock()
	for _, c := range calls {
		c.reply(nil, ErrDisconnected)
	}
}
