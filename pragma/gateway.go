package pragma

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// gateway is one of the six doors: an HTTP server for one backend and one
// session type (wire §1).
type gateway struct {
	id       Gateway
	side     *side
	listener net.Listener
	http     *http.Server
	rates    rates // of calls over HTTP
}

func newGateway(side *side, t SessionType, listener net.Listener) *gateway {
	g := &gateway{id: Gateway{side.backend, t}, side: side, listener: listener}
	session := side.core.session.Load()
	g.http = &http.Server{
		Handler:           g.handler(),
		ReadHeaderTimeout: seconds(session.HandshakeTimeoutSeconds),
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(side.core.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return side.core.ctx },
	}
	return g
}

// routes are the paths of every gateway (wire §1.2).
var routes = []struct {
	pattern string
	handle  func(*gateway, http.ResponseWriter, *http.Request)
}{
	{"GET /v1/rpc", (*gateway).upgrade},
	{"POST /v1/rpc", (*gateway).post},
	{"GET /v1/info", (*gateway).info},
	{"GET /v1/types", (*gateway).types},
	{"GET /v1/healthcheck", (*gateway).health},
	{"GET /v1/gateway", (*gateway).discover},
	{"GET /instance-healthcheck", (*gateway).alive},
}

// handler routes to the paths of every gateway and to those that services have
// registered for this one.
func (g *gateway) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { r.handle(g, w, req) })
	}
	for _, route := range g.side.http {
		if route.session == g.id.Type {
			mux.Handle(route.pattern, route.handler)
		}
	}
	return mux
}

// authenticate reads and judges the bearer token.
func (g *gateway) authenticate(r *http.Request) (*caller, error) {
	kind, text, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return nil, ErrTokenDecode
	}
	who, err := g.side.core.identify(g.id, strings.TrimSpace(text))
	if err == nil && who.partner != nil {
		err = g.side.core.partners.check(r.Context(), who.partner)
	}
	return who, err
}
