package pragma

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/cluster"
	"github.com/openpragma/engine/pragma/store"
)

// Server is a whole game backend. Fill in the fields and call [Server.Run]; the
// zero value is a server without services. Fields may be changed until Run,
// which copies them.
type Server struct {
	// Config is what [LoadConfig] returns. Nil means the documented defaults in
	// development mode.
	Config *Config
	// Store opens where everything durable is kept. Nil keeps it in memory: for
	// tests, a restart forgets all.
	Store store.Opener
	// Social and Game are the services of the two backends, in the order in
	// which they are mounted. A backend without services opens no gateways.
	Social, Game []Service
	// Logger gets every line the server writes. Nil means [slog.Default].
	Logger *slog.Logger
	// Listen opens the listener of a gateway on the configured address. Nil
	// means TCP. Tests put pipes here.
	Listen func(ctx context.Context, g Gateway, address string) (net.Listener, error)
	// Ready is called once, when every gateway accepts connections. Nil is fine.
	Ready func(a Addresses)
}

// Addresses says where the gateways of a running server listen.
type Addresses map[Gateway]string

// Run opens the store, mounts the services, opens the gateways and serves until
// ctx ends; then it drains: calls in flight are finished, sockets are cut so
// that clients reconnect elsewhere, and the store is closed. Run returns nil
// after a drain, and otherwise every problem of the start joined in one error;
// nothing is left open then. Run may be called more than once, also at the same
// time, as long as store and addresses differ.
func (s *Server) Run(ctx context.Context) error {
	srv := *s
	if srv.Config == nil {
		srv.Config = &Config{}
	}
	if srv.Logger == nil {
		srv.Logger = slog.Default()
	}
	if srv.Store == nil {
		srv.Store = store.Memory()
	}
	if srv.Listen == nil {
		srv.Listen = func(ctx context.Context, _ Gateway, address string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, "tcp", address)
		}
	}
	return srv.run(ctx)
}

// core is what both backends of a running server share.
type core struct {
	ctx     context.Context // ends when sockets are to be cut
	log     *slog.Logger
	conf    *conf.Set
	config  *Live[coreConfig]
	signer  *Live[tokenSignerConfig]
	session atomic.Pointer[sessionConfig] // config's limits, for the hot paths
	mode    Mode
	node    string
	shardID GameShardID
	started time.Time

	tokens  *tokens
	bus     cluster.Bus
	metrics *metrics
	sides   []*side
	doors   []*gateway

	buffers sync.Pool // of *bytes.Buffer, for frames being read

	calls   gate // calls in flight
	sockets gate // open sockets
}

func (s *Server) run(ctx context.Context) (err error) {
	c := &core{log: s.Logger, metrics: newMetrics(), started: time.Now()}
	// The context of the sockets ends after that of the caller: first calls in
	// flight are finished.
	sockets, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	c.ctx = sockets
	if err := c.readConfig(s.Config); err != nil {
		return err
	}
	start, cancel := context.WithTimeout(ctx, millis(c.config.Load().StartupTimeoutMillis))
	defer cancel()
	db, err := s.Store(start)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	hub := &cluster.Hub{Logger: c.log}
	c.bus = hub.Node(c.node)
	defer func() { err = errors.Join(err, c.bus.Close()) }()

	if err := c.mount(start, s, db); err != nil {
		return err
	}
	if err := c.open(start, s); err != nil {
		return err
	}
	cancel()
	c.serve(ctx, s, cut)
	return nil
}

// mount prepares both backends. All problems are reported together.
func (c *core) mount(ctx context.Context, s *Server, db store.Driver) error {
	var problems []error
	var err error
	if c.tokens, err = newTokens(ctx, c.signer, c.mode, db); err != nil {
		problems = append(problems, err)
	}
	for _, b := range []struct {
		backend  Backend
		services []Service
	}{{Social, s.Social}, {Game, s.Game}} {
		side := newSide(c, b.backend, db)
		c.sides = append(c.sides, side)
		if len(b.services) == 0 {
			continue
		}
		services := append([]Service{sessionService{}}, b.services...)
		problems = append(problems, side.mount(services), side.listen())
	}
	problems = append(problems, c.conf.Check())
	return errors.Join(problems...)
}

func newSide(c *core, b Backend, db store.Driver) *side {
	s := &side{
		core: c, backend: b, store: db,
		calls:   make(map[string]*call),
		notices: make(map[string]SessionType),
		shared:  make(map[reflect.Type]any),
	}
	s.sessions = &sessions{side: s, wake: make(chan struct{}, 1)}
	s.sockets = newSockets(s)
	return s
}

// open runs the start functions and opens the gateways.
func (c *core) open(ctx context.Context, s *Server) (err error) {
	for _, side := range c.sides {
		for _, fn := range side.onStart {
			if err := fn(ctx); err != nil {
				return err
			}
		}
		if err := side.sessions.recover(ctx); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			for _, g := range c.doors {
				_ = g.listener.Close() // the start has failed already
			}
		}
	}()
	var problems []error
	for _, side := range c.sides {
		if len(side.calls) == 0 {
			continue
		}
		for _, g := range Gateways() {
			conf := c.config.Load().GatewayManager.gateway(g)
			if g.Backend != side.backend || !conf.Enabled {
				continue
			}
			l, err := s.Listen(ctx, g, conf.Address)
			if err != nil {
				problems = append(problems, fmt.Errorf("open gateway %s on %s: %w", g, conf.Address, err))
				continue
			}
			c.doors = append(c.doors, newGateway(side, g.Type, l))
		}
	}
	return errors.Join(problems...)
}

// serve runs until ctx ends, then drains.
func (c *core) serve(ctx context.Context, s *Server, cut context.CancelFunc) {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var background sync.WaitGroup
	for _, side := range c.sides {
		background.Go(side.runWork(work))
		background.Go(func() { side.sessions.run(work) })
	}
	background.Go(func() { c.watchConfig(work, s.Config) })
	stopMetrics := c.serveMetrics()

	var serving sync.WaitGroup
	addresses := make(Addresses)
	for _, g := range c.doors {
		addresses[g.id] = g.listener.Addr().String()
		serving.Go(func() {
			if err := g.http.Serve(g.listener); !errors.Is(err, http.ErrServerClosed) {
				c.log.Error("gateway stopped", "gateway", g.id.String(), "err", err)
			}
		})
	}
	c.log.Info("server is ready", "mode", c.mode, "node", c.node, "gateways", len(c.doors))
	if s.Ready != nil {
		s.Ready(addresses)
	}

	<-ctx.Done()
	c.drain(cut)
	serving.Wait()
	stopWork()
	background.Wait()
	stopMetrics()
	c.log.Info("server has stopped")
}

// drain finishes calls in flight, cuts the sockets without a close frame, so
// that existing clients reconnect (wire §3), and waits for both.
func (c *core) drain(cut context.CancelFunc) {
	deadline, cancel := context.WithTimeout(context.Background(), millis(c.config.Load().ShutdownTimeoutMillis))
	defer cancel()
	var closing sync.WaitGroup
	for _, g := range c.doors {
		closing.Go(func() { _ = g.http.Shutdown(deadline) }) // what is left is cut below
	}
	if !c.calls.drain(deadline) {
		c.log.Warn("calls are still running after the shutdown time; they are cut off")
	}
	for _, side := range c.sides {
		for _, sock := range side.sockets.snapshot() {
			sock.close(closeCause{name: "drain", cut: true})
		}
	}
	if !c.sockets.drain(deadline) {
		c.log.Warn("sockets did not close in time")
	}
	cut()
	closing.Wait()
	for _, g := range c.doors {
		_ = g.http.Close()
	}
}

// serveMetrics serves /metrics and /healthz on their own listener, if configured.
func (c *core) serveMetrics() (stop func()) {
	address := c.config.Load().MetricsAddress
	if address == "" {
		return func() {}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	srv := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("metrics listener stopped", "address", address, "err", err)
		}
	})
	return func() {
		_ = srv.Close()
		wg.Wait()
	}
}

func (c *core) requestTimeout() time.Duration {
	return millis(c.session.Load().RequestTimeoutMillis)
}

// knows reports whether any backend has a call of this type.
func (c *core) knows(typ string) bool {
	for _, s := range c.sides {
		if _, ok := s.calls[typ]; ok {
			return true
		}
	}
	return false
}

// gate counts what is under way and can be closed.
type gate struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // closed when closed and n is 0
}

// begin counts one more, unless the gate is closed.
func (g *gate) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.n++
	return true
}

func (g *gate) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.closed && g.n == 0 {
		close(g.idle)
	}
}

// drain closes the gate and waits until nothing is under way, or ctx ends.
func (g *gate) drain(ctx context.Context) bool {
	g.mu.Lock()
	g.closed = true
	g.idle = make(chan struct{})
	if g.n == 0 {
		close(g.idle)
	}
	g.mu.Unlock()
	select {
	case <-g.idle:
		return true
	case <-ctx.Done():
		return false
	}
}
