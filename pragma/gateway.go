package pragma

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/openpragma/engine/internal/token"
	"github.com/openpragma/engine/internal/wire"
)

// gateway is one of the six doors: an HTTP server for one backend and one
// session type (wire §1).
type gateway struct {
	id       Gateway
	side     *side
	listener net.Listener
	http     *http.Server
}

func newGateway(side *side, t SessionType, listener net.Listener) *gateway {
	g := &gateway{id: Gateway{side.backend, t}, side: side, listener: listener}
	session := side.core.session.Load()
	g.http = &http.Server{
		Handler:           g.routes(),
		ReadHeaderTimeout: time.Duration(session.HandshakeTimeoutSeconds) * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(side.core.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return side.core.ctx },
	}
	return g
}

// routes lists every path of the gateway (wire §1.2).
func (g *gateway) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/rpc", g.upgrade)
	mux.HandleFunc("POST /v1/rpc", g.post)
	mux.HandleFunc("GET /v1/info", g.info)
	mux.HandleFunc("GET /v1/types", g.types)
	mux.HandleFunc("GET /v1/healthcheck", g.health)
	mux.HandleFunc("GET /v1/gateway", g.discover)
	mux.HandleFunc("GET /instance-healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, []byte(`{"alive":true}`))
	})
	for _, route := range g.side.http {
		if route.session == g.id.Type {
			mux.Handle(route.pattern, route.handler)
		}
	}
	return mux
}

// upgrade opens a socket. Whatever is wrong with the token is told before the
// upgrade. The session is durable, and an older one taken over, before the
// client hears that it is connected.
func (g *gateway) upgrade(w http.ResponseWriter, r *http.Request) {
	who, err := g.authenticate(r)
	if err == nil && who.player != nil {
		err = g.side.sessions.open(r.Context(), who.player)
	}
	if err != nil {
		g.refuse(w, err)
		return
	}
	sock := newSocket(g, who)
	if !g.side.core.sockets.begin() {
		g.refuse(w, ErrShuttingDown)
		return
	}
	if !g.side.sockets.add(sock) {
		g.side.core.sockets.done()
		g.refuse(w, ErrSessionReplaced)
		return
	}
	ws, err := websocket.Accept(smallBuffers{w}, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		g.side.core.log.DebugContext(r.Context(), "upgrade failed", "gateway", g.id.String(), "err", err)
		g.closed(sock, err)
		return
	}
	ws.SetReadLimit(g.maxFrame())
	go g.serve(sock, ws) // the goroutine of the HTTP request ends, and with it its buffers
}

// smallBuffers gives a socket buffers that fit an idle connection, in place of
// the 4 KiB each that the HTTP server has (ADR 5).
type smallBuffers struct{ http.ResponseWriter }

// Hijack implements [http.Hijacker].
func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil || rw.Reader.Buffered() > 0 { // the client did not wait for the answer
		return conn, rw, err
	}
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(conn, 512), bufio.NewWriterSize(conn, 512)), nil
}

// serve owns an open socket: it tells the player the present truth, reads until
// the end, and cleans up.
func (g *gateway) serve(sock *socket, ws *websocket.Conn) {
	sock.start(ws)
	if p := sock.who.player; p != nil {
		ctx, cancel := context.WithTimeout(sock.ctx, g.side.core.requestTimeout())
		for _, fn := range g.side.onConnect {
			if err := fn(ctx, p); err != nil {
				g.side.core.log.ErrorContext(ctx, "cannot tell a player his state on connect", "player", p.PlayerID, "err", err)
			}
		}
		cancel()
	}
	err := sock.read()
	g.closed(sock, err)
}

// closed forgets a socket. The session of a player goes on for the grace time,
// or ends if he closed it himself.
func (g *gateway) closed(sock *socket, cause error) {
	defer g.side.core.sockets.done()
	sock.over.Store(true)
	sock.cancel()
	if sock.ws != nil {
		sock.ws.CloseNow()
	}
	if !g.side.sockets.remove(sock) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(sock.ctx), g.side.core.requestTimeout())
	defer cancel()
	var err error
	if cleanClose(cause) {
		err = g.side.sessions.end(ctx, sock.who.player, EndAsRequested)
	} else {
		err = g.side.sessions.detach(ctx, sock.who.player)
	}
	if err != nil {
		g.side.core.log.ErrorContext(ctx, "cannot store the end of a connection", "session", sock.who.player.SessionID, "err", err)
	}
}

// post answers one call over HTTP.
func (g *gateway) post(w http.ResponseWriter, r *http.Request) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if typ, _, err := mime.ParseMediaType(ct); err != nil || typ != "application/json" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
	}
	who, err := g.authenticate(r)
	if err == nil && who.player != nil {
		err = g.side.sessions.touch(r.Context(), who.player)
	}
	if err != nil {
		g.refuse(w, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.maxFrame()))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		g.refuse(w, ErrTooLarge)
		return
	case err != nil:
		g.refuse(w, ErrMalformed.With("cannot read the body").Wrap(err))
		return
	}
	req, err := wire.ParseRequest(body)
	if err != nil {
		g.refuse(w, ErrMalformed.With("%v", err))
		return
	}
	if !g.side.core.calls.begin() {
		g.refuse(w, ErrShuttingDown)
		return
	}
	defer g.side.core.calls.done()
	writeJSON(w, http.StatusOK, wire.AppendFrame(nil, 0, g.side.dispatch(r.Context(), g.id.Type, who, &req)))
}

// refuse answers an HTTP request that did not become a call (wire §16.8).
func (g *gateway) refuse(w http.ResponseWriter, err error) {
	e := asError(err)
	status := http.StatusInternalServerError
	switch {
	case e.Is(ErrWrongSessionType):
		status = http.StatusForbidden
	case e.Code == Unauthenticated:
		status = http.StatusUnauthorized
	case e.Is(ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case e.Code == InvalidArgument:
		status = http.StatusBadRequest
	case e.Code == ResourceExhausted:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "1")
	case e.Code == Unavailable:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, wire.AppendFrame(nil, 0, g.side.errorBody(&wire.Request{}, err)))
}

// authenticate reads and judges the bearer token.
func (g *gateway) authenticate(r *http.Request) (*caller, error) {
	kind, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return nil, ErrTokenDecode
	}
	claims, err := g.side.core.tokens.verify(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	if claims.BackendType != string(g.id.Backend) || claims.SessionType != string(g.id.Type) {
		return nil, ErrWrongSessionType.With("this token is for another gateway")
	}
	return callerOf(claims)
}

// callerOf turns verified claims into a session. Ids that cannot be read mean
// that the token is not one of ours.
func callerOf(c *token.Claims) (*caller, error) {
	who := &caller{}
	name := DisplayName{c.DisplayName, c.Discriminator}
	var err error
	switch SessionType(c.SessionType) {
	case Player:
		p := &PlayerSession{DisplayName: name, IDProvider: c.IDProvider}
		err = errors.Join(p.PlayerID.UnmarshalText([]byte(c.PlayerID)), p.SocialID.UnmarshalText([]byte(c.SocialID)),
			p.SessionID.UnmarshalText([]byte(c.SessionID)), p.GameShardID.UnmarshalText([]byte(c.GameShardID)))
		who.player = p
	case Partner:
		p := &PartnerSession{Name: c.PartnerName, AllowedTypes: c.AllowedTypes}
		err = errors.Join(p.PartnerID.UnmarshalText([]byte(c.PartnerID)),
			p.GameShardID.UnmarshalText([]byte(c.GameShardID)), p.AllocationID.UnmarshalText([]byte(c.AllocationID)))
		who.partner = p
	case Operator:
		p := &OperatorSession{DisplayName: name, Roles: c.OperatorRoles}
		err = errors.Join(p.SocialID.UnmarshalText([]byte(c.SocialID)), p.SessionID.UnmarshalText([]byte(c.SessionID)))
		who.operator = p
	default:
		return nil, ErrTokenDecode
	}
	if err != nil {
		return nil, ErrTokenDecode.Wrap(err)
	}
	return who, nil
}

func (g *gateway) maxFrame() int64 {
	s := g.side.core.session.Load()
	switch g.id.Type {
	case Player:
		return int64(s.MaxPlayerFrameBytes)
	case Partner:
		return int64(s.MaxPartnerFrameBytes)
	}
	return int64(s.MaxOperatorFrameBytes)
}

func (g *gateway) rate() (rate.Limit, int) {
	s := g.side.core.session.Load()
	switch g.id.Type {
	case Player:
		return rate.Limit(s.PlayerRatePerSecond), s.PlayerBurst
	case Partner:
		return rate.Limit(s.PartnerRatePerSecond), s.PartnerBurst
	}
	return rate.Limit(s.OperatorRatePerSecond), s.OperatorBurst
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Vary", "Origin")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody is left to tell
}
