package pragma

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
)

// gateway is one of the six doors: an HTTP server for one backend and one
// session type (wire §1).
type gateway struct {
	id       Gateway
	side     *side
	listener net.Listener
	http     *http.Server
	mux      *http.ServeMux
	cert     *certificate // nil: no TLS
	rates    rates        // of calls over HTTP
}

func newGateway(side *side, t SessionType, listener net.Listener, cert *certificate) *gateway {
	g := &gateway{id: Gateway{side.backend, t}, side: side, listener: listener, cert: cert}
	g.mux = g.paths()
	limits := side.core.gates.Load().HTTP
	g.http = &http.Server{
		Handler:           g,
		ReadHeaderTimeout: seconds(side.core.session.Load().HandshakeTimeoutSeconds),
		ReadTimeout:       seconds(limits.ReadTimeoutSeconds),
		WriteTimeout:      seconds(limits.WriteTimeoutSeconds),
		IdleTimeout:       seconds(limits.IdleTimeoutSeconds),
		MaxHeaderBytes:    limits.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(side.core.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return side.core.ctx },

		DisableGeneralOptionsHandler: true,
	}
	if cert != nil {
		g.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	}
	return g
}

// accept takes connections until the gateway is shut down.
func (g *gateway) accept() error {
	if g.cert != nil {
		return g.http.ServeTLS(g.listener, "", "")
	}
	return g.http.Serve(g.listener)
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

// paths are those of every gateway and those that services have registered for
// this one.
func (g *gateway) paths() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { r.handle(g, w, req) })
	}
	for _, route := range g.side.http {
		if route.session == g.id.Type {
			mux.Handle(route.pattern, g.watch(route.handler))
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
