package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// stableAfter is how long a connection must live for the back-off to start anew.
// A server that accepts and drops at once is so not asked every second.
const stableAfter = 10 * time.Second

// Conn is a client's lasting connection to one backend: a socket, and after a
// break the next one. [Call] makes calls on it. A Conn may be used by several
// goroutines at once.
type Conn struct {
	session   *session
	backend   pragma.Backend
	url       string
	heartbeat string // name of the call
	nextID    atomic.Int64
	tries     int   // failed since the last stable socket; only run uses it
	trail     trail // what a new socket needs to go on; only run uses it

	mu      sync.Mutex // guards what follows
	token   string
	sock    *socket // nil while there is none
	closing bool
}

// Backend returns the backend at the other end.
func (c *Conn) Backend() pragma.Backend { return c.backend }

// Connected reports whether there is a socket now.
func (c *Conn) Connected() bool { return c.current() != nil }

// Break cuts the socket without a close frame, as a network failure does, and
// lets the client reconnect. It is meant for tests. It does nothing while there
// is no socket.
func (c *Conn) Break() {
	if sock := c.current(); sock != nil {
		sock.cut()
	}
}

func (c *Conn) current() *socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sock
}

func (c *Conn) setToken(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

func (c *Conn) currentToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// post sends a call without waiting; see [socket.post].
func (c *Conn) post(name string, req any, fn reply) error {
	sock := c.current()
	switch {
	case sock != nil:
		return sock.post(name, req, fn)
	case c.session.Err() != nil:
		return c.session.Err()
	}
	return ErrDisconnected
}

// call sends a call and waits for its answer. apply runs on the reading
// goroutine, before any later frame is looked at; it may still run after call
// has returned, when ctx ended first.
func (c *Conn) call(ctx context.Context, name string, req any, apply func(*wire.Frame) error) error {
	if err := context.Cause(ctx); err != nil {
		return &CallError{Call: name, Err: err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.session.opts.CallTimeout, errCallTimeout)
	defer cancel()
	done := make(chan error, 1)
	err := c.post(name, req, func(f *wire.Frame, err error) {
		if err == nil {
			err = apply(f)
		}
		done <- err
	})
	if err != nil {
		return &CallError{Call: name, Err: err}
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, context.Cause(ctx))
	}
	return named(name, err)
}

// named puts the name of the call into an error.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*CallError](err); ok {
		e.Call = name
		return e
	}
	return &CallError{Call: name, Err: err}
}

// dial opens a socket, which goes on with the stream of former, if the server can.
// A refused token is a [pragma.Error].
func (c *Conn) dial(ctx context.Context, former *socket) (*socket, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.session.opts.ConnectTimeout, errConnectTimeout)
	defer cancel()
	header := http.Header{}
	header.Set("Accept", "application/json")
	header.Set("Authorization", "Bearer "+c.currentToken())
	c.trail.ask(header)
	sock := newSocket(c)
	ws, resp, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{
		HTTPClient: c.session.http.client,
		HTTPHeader: header,
		OnPingReceived: func(context.Context, []byte) bool {
			sock.alive()
			return true
		},
	})
	if err != nil {
		if resp != nil && resp.StatusCode >= 400 {
			body, _ := io.ReadAll(resp.Body) // at most 1 KiB is there
			err = refusedHTTP(resp.StatusCode, body)
		}
		return nil, fmt.Errorf("open socket %s: %w", c.url, err)
	}
	ws.SetReadLimit(c.session.opts.MaxFrame)
	sock.ws = ws
	resumed, taken := c.trail.granted(resp.Header)
	switch {
	case former == nil:
	case resumed:
		sock.resumed = true
		sock.adopt(former, taken)
	default:
		former.fail(errBroken)
	}
	return sock, nil
}

// attach puts a new socket to use. It reports false if the client is over.
func (c *Conn) attach(sock *socket, again bool) bool {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		sock.cut()
		return false
	}
	c.sock = sock
	c.mu.Unlock()
	c.beat(sock)
	c.session.role.connected(c, again, sock.resumed)
	c.session.connUp(c, again, sock.resumed)
	return true
}

// errBroken is the outcome of calls in flight when the connection broke and the
// server could not go on where it was.
var errBroken = fmt.Errorf("%w: connection broke", ErrOutcomeUnknown)

// run reads the socket, and after a break the next one, until the client is over.
func (c *Conn) run(sock *socket) {
	for sock != nil {
		since := time.Now()
		err := sock.read()
		c.detach(sock, err)
		if end := verdict(err); end != nil && c.session.Err() == nil {
			c.session.end(end, closeCleanly)
		}
		if time.Since(since) >= stableAfter {
			c.tries = 0
		}
		former := sock
		sock = nil
		if c.session.Err() == nil {
			sock = c.redial(former)
		}
		if sock == nil {
			former.fail(fmt.Errorf("%w: %w", ErrOutcomeUnknown, c.session.Err()))
		}
	}
}

// detach ends the use of a broken socket. Calls in flight may yet be answered on
// the next one, if the server keeps the stream.
func (c *Conn) detach(sock *socket, cause error) {
	sock.cut()
	c.mu.Lock()
	c.sock = nil
	c.mu.Unlock()
	sock.refuse()
	if c.trail.stream.IsZero() && c.session.Err() == nil {
		sock.fail(errBroken)
	}
	c.session.log.Debug("connection ended", "backend", string(c.backend), "err", cause)
	c.session.connDown(c, cause)
}

// verdict decides what the end of a socket means: nil to reconnect, otherwise
// why the client is over. A close frame is the server's decision (wire §3);
// those that only say "not now" are taken as a break.
func verdict(err error) error {
	switch code := websocket.CloseStatus(err); code {
	case -1, websocket.StatusGoingAway, websocket.StatusInternalError,
		websocket.StatusServiceRestart, websocket.StatusTryAgainLater, websocket.StatusBadGateway:
		return nil
	case websocket.StatusNormalClosure, websocket.StatusNoStatusRcvd:
		return &EndError{Reason: pragma.EndAsRequested}
	case 4001:
		return &EndError{Reason: pragma.EndUsurped}
	case 4002:
		return &EndError{Reason: pragma.EndKicked}
	case 4003:
		return &EndError{Reason: pragma.EndExpired}
	default:
		return &EndError{Err: fmt.Errorf("server closed the connection with code %d", code)}
	}
}

// redial opens the next socket, with pauses, or returns nil when the client is over.
func (c *Conn) redial(former *socket) *socket {
	settings := c.session.opts.Reconnect
	if settings.Initial < 0 {
		c.session.end(&EndError{Err: ErrGaveUp}, closeCleanly)
		return nil
	}
	for {
		c.tries++
		if !c.session.sleep(settings.pause(c.tries)) {
			return nil
		}
		sock, err := c.dial(c.session.ctx, former)
		if err == nil {
			if !c.attach(sock, true) {
				sock.fail(errBroken) // those it has adopted
				return nil
			}
			return sock
		}
		if e, ok := errors.AsType[*pragma.Error](err); ok && e.Code == pragma.Unauthenticated {
			c.session.end(&EndError{Err: e}, closeCleanly)
			return nil
		}
		c.session.log.Debug("cannot reconnect", "backend", string(c.backend), "try", c.tries, "err", err)
	}
}

// beat sends a heartbeat now and from time to time, and cuts a dead socket.
func (c *Conn) beat(sock *socket) {
	period := c.session.opts.Heartbeat
	if period < 0 || c.current() != sock {
		return
	}
	if sock.silence() >= 3*period {
		c.session.log.Debug("no sign of life", "backend", string(c.backend))
		sock.cut()
		return
	}
	err := sock.post(c.heartbeat, nil, func(_ *wire.Frame, err error) {
		if e, ok := errors.AsType[*pragma.Error](err); ok {
			c.session.log.Warn("heartbeat refused", "backend", string(c.backend), "err", e)
		}
	})
	if err != nil && !errors.Is(err, ErrBusy) {
		return // the socket is gone
	}
	c.session.after(period, func() { c.beat(sock) })
}

// notified takes a notification.
func (c *Conn) notified(f *wire.Frame) {
	reason, over, err := terminated(f)
	if err == nil && !over {
		err = c.session.role.notified(c, f)
	}
	if err != nil {
		c.malformed(fmt.Errorf("%s: %w", f.Type, err))
	}
	if over {
		c.session.end(&EndError{Reason: reason}, closeCleanly)
	}
}

// terminated reads the two notifications that end a session.
func terminated(f *wire.Frame) (reason pragma.EndReason, over bool, err error) {
	var told wire.SessionTerminationReason
	switch f.Type {
	case "PlayerSessionRpc.SessionTerminatedV1Notification":
		var n wire.PlayerSessionTerminatedV1Notification
		err = f.Decode(&n)
		told = n.Reason
	case "PartnerSessionRpc.PartnerSessionTerminatedV1Notification":
		var n wire.PartnerSessionTerminatedV1Notification
		err = f.Decode(&n)
		told = n.Reason
	default:
		return "", false, nil
	}
	if told != wire.SessionTerminationUnknown {
		reason = pragma.EndReason(told.String())
	}
	return reason, true, err
}

// malformed notes a frame that cannot be read. It is dropped; the role asks for
// the truth in case the frame was part of it.
func (c *Conn) malformed(err error) {
	c.session.log.Warn("malformed frame from server", "backend", string(c.backend), "err", err)
	c.session.role.confused(c)
}

// unexpected notes an answer that nobody waits for.
func (c *Conn) unexpected(f *wire.Frame) {
	level, err := slog.LevelDebug, error(nil)
	if f.ServiceError != nil {
		level, err = slog.LevelWarn, refusal(f.ServiceError)
	}
	c.session.log.Log(context.Background(), level, "answer to no call",
		"backend", string(c.backend), "request", f.RequestID, "type", f.Type, "err", err)
}

// shut ends the socket for good.
func (c *Conn) shut(how closing) {
	c.mu.Lock()
	c.closing = true
	sock := c.sock
	c.mu.Unlock()
	switch {
	case sock == nil:
	case how == closeCleanly:
		sock.close()
	default:
		sock.cut()
	}
}
