package pragma

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store"
)

// Service is one feature of a backend: ours and a studio's own alike. What it
// can do, it asks of its [Mount].
type Service interface {
	// Name is the prefix of the service's calls, such as "PartyRpc". It must be
	// unique on its backend and constant.
	Name() string
	// Mount is called once, before any traffic, in the order of the list in
	// [Server]. It registers calls, reads configuration and keeps what it needs
	// of m. It must not block and must not use the store yet; work that does
	// goes to [Mount.Go] or [Mount.OnStart]. An error stops the start.
	Mount(m *Mount) error
}

// Mount is what a service gets from the server: registration while its Mount
// method runs, and the server's means for as long as the server runs. Methods
// that register may only be called during Mount; all others are safe for
// concurrent use.
type Mount struct {
	side    *side
	service string
	log     *slog.Logger
}

// Backend returns the backend the service runs on.
func (m *Mount) Backend() Backend { return m.side.backend }

// Mode returns the mode the server runs in.
func (m *Mount) Mode() Mode { return m.side.core.mode }

// Node returns the name of this node, which no other node of the cluster has
// (core.nodeName). It is the same after a restart.
func (m *Mount) Node() string { return m.side.core.node }

// ShardID returns the game shard of this server.
func (m *Mount) ShardID() GameShardID { return m.side.core.shardID }

// Store returns the store of this backend. Services normally use package
// entity instead, which keeps the rules of the store for them.
func (m *Mount) Store() store.Driver { return m.side.store }

// Log returns the service's logger.
func (m *Mount) Log() *slog.Logger { return m.log }

// Metrics returns where the service registers its metrics. They are served on
// the listener that core.metricsAddress names.
func (m *Mount) Metrics() prometheus.Registerer { return m.side.core.metrics.registry }

// HookTimeout returns how long one plugin hook may take (pluginTimeoutMillis).
func (m *Mount) HookTimeout() time.Duration {
	return millis(m.side.core.session.Load().PluginTimeoutMillis)
}

// OnStart registers fn to run once after every service is mounted and before
// the gateways open. An error stops the start.
func (m *Mount) OnStart(fn func(ctx context.Context) error) {
	m.side.onStart = append(m.side.onStart, fn)
}

// Go registers work that runs beside the gateways: it starts when they open,
// after every OnStart, and its context ends once they are closed and the last
// call has been answered. The server waits for fn to return before it closes
// the store. A panic is logged and ends the work.
func (m *Mount) Go(name string, fn func(ctx context.Context)) {
	m.side.work = append(m.side.work, work{name: m.service + "." + name, run: fn})
}

// OnConnect registers fn to be called whenever a player's socket is ready,
// before any call of that socket runs: fn tells the player the present truth by
// notifications. Functions run in the order of registration and have the time of
// one call (requestTimeoutMillis) together. An error or a panic is logged, and
// the next function runs. After [ErrUnavailable], which is what a store out of
// reach is too, the socket is cut, so that the client comes back and asks again.
//
// A client that goes on with the frames it has missed (ADR 12) is not greeted.
func (m *Mount) OnConnect(fn func(ctx context.Context, s *PlayerSession) error) {
	m.side.onConnect = append(m.side.onConnect, fn)
}

// OnSessionEnd registers fn to be called after a player's session has ended. It
// is called at least once for each session, also after a restart, and every few
// seconds until it returns nil; so it must do nothing the second time. A session
// that came back, or that a later log-in of the same player took over, has not
// ended. The next session of the player begins when the end of the last one was
// told; an fn that fails then is not called again.
//
// Functions run in the order of registration, for different players at the same
// time. Each call has requestTimeoutMillis; a panic counts as an error.
func (m *Mount) OnSessionEnd(fn func(ctx context.Context, s *PlayerSession, reason EndReason) error) {
	m.side.onSessionEnd = append(m.side.onSessionEnd, fn)
}

// HandleHTTP registers a plain HTTP handler on one gateway of this backend. The
// pattern is that of [http.ServeMux]. Its path must start with /v1/, or with the
// name of something and /v1/, such as /escs/v1/set-start. The handler does its own
// authentication; a panic ends its request alone.
func (m *Mount) HandleHTTP(t SessionType, pattern string, h http.Handler) {
	path := pattern
	if _, after, ok := strings.Cut(pattern, " "); ok {
		path = strings.TrimLeft(after, " \t")
	}
	if !httpPath.MatchString(path) {
		m.Problem(fmt.Errorf("HTTP pattern %q must start its path with /v1/", pattern))
		return
	}
	if err := m.side.probe(t, pattern); err != nil {
		m.Problem(err)
		return
	}
	m.side.http = append(m.side.http, httpRoute{t, pattern, h})
}

// Connected reports whether the player has a live session: a socket, or the
// grace time after one. It asks the store.
func (m *Mount) Connected(ctx context.Context, id PlayerID) (bool, error) {
	return m.side.sessions.live(ctx, id)
}

// Address returns where a gateway can be reached: its publicURL if that is
// configured, otherwise host and port it listens on, with https:// in front if it
// has TLS. It is empty for a gateway that is not open, and before all are.
func (m *Mount) Address(g Gateway) string {
	if public := m.side.core.config.Load().GatewayManager.gateway(g).PublicURL; public != "" {
		return public
	}
	for _, door := range m.side.core.doors {
		switch {
		case door.id != g:
		case door.cert != nil:
			return "https://" + door.listener.Addr().String()
		default:
			return door.listener.Addr().String()
		}
	}
	return ""
}

// LatestSession returns what the latest log-in of a player on this backend said
// of him, whether it is over or not. It is nil for one who has never been here.
// It asks the store.
func (m *Mount) LatestSession(ctx context.Context, id PlayerID) (*PlayerSession, error) {
	r, _, err := m.side.sessions.load(ctx, m.side.sessions.key(id))
	if err != nil || r.Session.SessionID.IsZero() {
		return nil, err
	}
	return &r.Session, nil
}

// PlayerConnected reports whether the player has a socket on this node.
func (m *Mount) PlayerConnected(id PlayerID) bool { return m.side.sockets.player(id) != nil }

// PartnerConnected reports whether a socket opened with the partner's token is
// connected to this node. Unlike [Mount.Connected], it does not count the grace
// time: whoever asks wants to know whether the server can be heard now.
func (m *Mount) PartnerConnected(id PartnerID) bool { return m.side.sockets.has(id) }

// MatchReconnect reports whether players may come back into a game at all
// (core.session.enableMatchReconnect). It may change while the server runs.
func (m *Mount) MatchReconnect() bool { return m.side.core.session.Load().EnableMatchReconnect }

// Problem reports a mistake found while mounting. The server does not start and
// reports all problems of all services together.
func (m *Mount) Problem(err error) {
	if err = withoutFindings(err); err != nil {
		m.side.problems = append(m.side.problems, m.side.core.conf.Redact(fmt.Errorf("%s: %w", m.service, err)))
	}
}

// withoutFindings drops mistakes in the configuration, which the check of all
// sections reports, from an error that may have other ones joined to them.
func withoutFindings(err error) error {
	if findings := (conf.Findings)(nil); !errors.As(err, &findings) {
		return err
	}
	switch e := err.(type) {
	case conf.Findings:
		return nil
	case interface{ Unwrap() []error }:
		var others []error
		for _, err := range e.Unwrap() {
			others = append(others, withoutFindings(err))
		}
		return errors.Join(others...)
	}
	return withoutFindings(errors.Unwrap(err))
}

// Shared returns the one T of this backend, made by the first service that asks
// for it. It is how packages below the services, such as entity, keep state per
// server without globals; T is normally an unexported type of the caller.
func Shared[T any](m *Mount, make func(m *Mount) T) T {
	key := reflect.TypeFor[T]()
	if v, ok := m.side.shared[key]; ok {
		return v.(T)
	}
	v := make(m)
	m.side.shared[key] = v
	return v
}

// side is one backend of a running server.
type side struct {
	core    *core
	backend Backend
	store   store.Driver

	calls    map[string]*call // by full request type
	notices  map[string]SessionType
	http     []httpRoute
	probes   map[SessionType]*http.ServeMux // what would panic when the gateway opens
	shared   map[reflect.Type]any
	problems []error

	onStart      []func(context.Context) error
	onConnect    []func(context.Context, *PlayerSession) error
	onSessionEnd []func(context.Context, *PlayerSession, EndReason) error

	onPartnerConnect []func(context.Context, *PartnerSession) error
	work             []work
	whereabouts      func(context.Context, *PlayerSession) (Whereabouts, error) // nil: nobody knows

	sessions *sessions // live sessions of players
	sockets  *sockets  // connections of this node
}

type httpRoute struct {
	session SessionType
	pattern string
	handler http.Handler
}

type work struct {
	name string
	run  func(context.Context)
}

// mount mounts the services in order. It goes on after a failure, so that all
// problems are found at once.
func (s *side) mount(services []Service) error {
	names := make(map[string]bool)
	for i, svc := range services {
		if svc == nil {
			s.problems = append(s.problems, fmt.Errorf("service %d of the %s backend is nil", i, s.backend))
			continue
		}
		m := &Mount{side: s, service: svc.Name(), log: s.core.log.With("service", svc.Name())}
		if !serviceName.MatchString(svc.Name()) {
			m.Problem(fmt.Errorf("%T: the name %q must be like GuildRpc", svc, svc.Name()))
		}
		if names[svc.Name()] {
			m.Problem(errors.New("mounted twice"))
			continue
		}
		names[svc.Name()] = true
		if err := mountSafely(svc, m); err != nil {
			m.Problem(err)
		}
	}
	return errors.Join(s.problems...)
}

// mountSafely turns a panic into a problem, so that a failed start still closes
// what it opened.
func mountSafely(svc Service, m *Mount) (err error) {
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("panic", "in", "Mount", "panic", p, stack())
			err = fmt.Errorf("Mount panicked: %v", p)
		}
	}()
	return svc.Mount(m)
}

// probe reports whether a pattern is malformed or collides with another one.
func (s *side) probe(t SessionType, pattern string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("HTTP pattern %q: %v", pattern, p)
		}
	}()
	if s.probes[t] == nil {
		s.probes[t] = http.NewServeMux()
		for _, r := range routes {
			s.probes[t].Handle(r.pattern, http.NotFoundHandler())
		}
	}
	s.probes[t].Handle(pattern, http.NotFoundHandler())
	return nil
}

// runWork starts the registered background work and returns how to wait for it.
func (s *side) runWork(ctx context.Context) (wait func()) {
	var wg sync.WaitGroup
	for _, w := range s.work {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					s.core.log.Error("background work panicked", "work", w.name, "panic", p, stack())
				}
			}()
			w.run(ctx)
		})
	}
	return wg.Wait
}
