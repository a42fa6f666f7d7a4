package pragma

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/token"
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
		p := &OperatorSession{DisplayName: name, IDProvider: c.IDProvider, Roles: c.OperatorRoles}
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
