package pragma

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// upgrade opens a socket. Whatever is wrong with the token is told before the
// upgrade, and it is not looked at beyond the limits of handshakes. The session is
// durable, and an older one taken over, before the client hears that it is
// connected.
func (g *gateway) upgrade(w http.ResponseWriter, r *http.Request) {
	core := g.side.core
	client := ClientAddress(r.Context())
	if beyond := core.doorkeeper.handshake(client); beyond != "" {
		g.countRefusal(beyond)
		g.refuse(w, 0, errTooManyHandshakes)
		return
	}
	who, err := g.authenticate(r)
	if err != nil {
		g.countRefusal("token")
		g.refuse(w, 0, err)
		return
	}
	if !asksForSocket(r) {
		_, _ = websocket.Accept(w, r, nil) // answers with what is missing
		return
	}
	if !core.sockets.begin() {
		g.refuse(w, 0, ErrShuttingDown)
		return
	}
	if !core.doorkeeper.enter(g.id.Type, client) {
		core.sockets.done()
		g.countRefusal("sockets")
		g.refuse(w, 0, ErrRateLimited.With("too many sockets from this address"))
		return
	}
	sock := newSocket(g, who, client)
	sock.ask(r)
	if err := g.side.connect(r.Context(), sock); err != nil {
		sock.cancel()
		g.leave(sock)
		g.refuse(w, 0, err)
		return
	}
	sock.offer(w.Header())
	small := &smallBuffers{ResponseWriter: w, sock: sock}
	ws, err := websocket.Accept(small, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // existing clients send all kinds of origins (wire §3)
		OnPingReceived:     func(context.Context, []byte) bool { sock.alive(); return true },
		OnPongReceived:     func(context.Context, []byte) { sock.alive() },
	})
	if err != nil {
		core.log.DebugContext(r.Context(), "upgrade failed", "gateway", g.id.String(), "client", client, "err", err)
		g.closed(sock, err)
		return
	}
	go g.serve(sock, ws, small.conn) // the goroutine of the HTTP request ends, and with it its buffers
}

// asksForSocket reports whether the request is an upgrade that can be accepted,
// so that no other one takes a session over.
func asksForSocket(r *http.Request) bool {
	key := r.Header.Values("Sec-WebSocket-Key")
	if len(key) != 1 || r.Header.Get("Sec-WebSocket-Version") != "13" {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key[0]))
	return err == nil && len(nonce) == 16 && r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 &&
		hasToken(r.Header.Values("Connection"), "upgrade") && hasToken(r.Header.Values("Upgrade"), "websocket")
}

// hasToken reports whether one of the values of a header lists the token.
func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return slices.ContainsFunc(strings.Split(v, ","), func(t string) bool {
			return strings.EqualFold(strings.TrimSpace(t), token)
		})
	})
}

// smallBuffers gives a socket buffers that fit an idle connection, in place of
// the 4 KiB each that the HTTP server has (ADR 5), and puts framing under them,
// and outgoing beside it.
type smallBuffers struct {
	http.ResponseWriter
	sock *socket
	conn *framing
}

// Hijack implements [http.Hijacker].
func (w *smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return conn, rw, err
	}
	w.conn = &framing{Conn: conn, sock: w.sock}
	if n := rw.Reader.Buffered(); n > 0 { // the client did not wait for the answer
		early, _ := rw.Reader.Peek(n) // cannot fail: they are there
		w.conn.early = bytes.Clone(early)
	}
	w.conn.out = newOutgoing(conn)
	return w.conn, bufio.NewReadWriter(bufio.NewReaderSize(w.conn, 512), bufio.NewWriterSize(w.conn.out, 512)), nil
}

// connect registers a socket before it is accepted; from here on it gets
// messages, and an older one of the same player is over. A player's session
// becomes durable first.
func (s *side) connect(ctx context.Context, sock *socket) error {
	if sock.who.player != nil {
		return s.sessions.connect(ctx, sock)
	}
	s.sockets.add(sock, Whereabouts{})
	return s.core.partners.admit(sock)
}

// serve owns an open socket: it tells the player the present truth, reads until
// the end, and cleans up.
func (g *gateway) serve(sock *socket, ws *websocket.Conn, conn *framing) {
	sock.start(ws, conn)
	switch {
	case sock.resumed: // nothing was missed
	case sock.who.player != nil:
		g.welcome(sock)
	case sock.who.partner != nil:
		g.welcomePartner(sock)
	}
	g.readOn(sock)
}

// readOn reads a socket until its end, or until another goroutine does.
func (g *gateway) readOn(sock *socket) {
	if err := sock.read(); !errors.Is(err, errRelieved) {
		g.closed(sock, err)
	}
}

// greetedSocket is the context key of the socket that OnConnect functions run for.
type greetedSocket struct{}

// welcome runs what services do on connect. What they tell the player goes
// straight to this socket, ahead of what others tell him meanwhile.
func (g *gateway) welcome(sock *socket) {
	defer sock.greeted()
	core := g.side.core
	ctx, cancel := context.WithTimeout(context.WithValue(sock.callContext(), greetedSocket{}, sock), core.requestTimeout())
	defer cancel()
	for _, fn := range g.side.onConnect {
		err := guard(ctx, core.log, "OnConnect", core.requestTimeout(), errLate, func(ctx context.Context) error {
			return fn(ctx, sock.who.player)
		})
		if err != nil {
			sock.end() // what is missing now is told by the next greeting
		}
		if err != nil && sock.ctx.Err() == nil {
			core.log.ErrorContext(ctx, "cannot tell a player his state on connect", "player", sock.who.player.PlayerID, "err", err)
		}
		if asError(err).Is(ErrUnavailable) { // he is told when he comes back
			sock.close(closeCause{name: "not greeted", cut: true})
			return
		}
	}
}

// closed forgets a socket. The session of a player goes on for the grace time,
// or ends if he closed the socket himself.
func (g *gateway) closed(sock *socket, cause error) {
	defer g.leave(sock)
	sock.over.Store(true)
	sock.cancel()
	if sock.ws != nil && websocket.CloseStatus(cause) >= 0 {
		sock.answerClose()
	}
	if sock.who.player != nil {
		g.side.sessions.disconnect(sock, cleanClose(cause))
	} else {
		g.side.sockets.remove(sock, cleanClose(cause))
	}
	sock.release()
}

// leave gives back the places that upgrade took.
func (g *gateway) leave(sock *socket) {
	g.side.core.doorkeeper.leave(g.id.Type, sock.client)
	g.side.core.sockets.done()
}

// cleanClose reports whether the peer closed the socket on purpose.
func cleanClose(err error) bool {
	return websocket.CloseStatus(err) == websocket.StatusNormalClosure
}
