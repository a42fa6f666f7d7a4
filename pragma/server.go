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
	// Store opens where everything durable is kept that the configuration does not
	// put elsewhere. Nil keeps it in memory: for tests, a restart forgets all. It is
	// not opened if core.databaseConfig names a database.
	Store store.Opener
	// Databases are the products that the configuration can choose from, such as
	// sqlite.Product(). Without any, a databaseConfig is a mistake.
	Databases []store.Product
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

	onTCP bool // Listen was nil
}

// Addresses says where the gateways of a running server listen.
type Addresses map[Gateway]string

// Run mounts the services, opens the store and the gateways and serves until
// ctx ends; then it drains: calls in flight are finished, sockets are cut so
// that clients reconnect elsewhere, and the store is closed. Run returns nil
// after a drain, and otherwise every problem of the start joined in one error;
// nothing is left open then. The store is not opened before configuration and
// services are found to be in order. Run may be called more than once, also at
// the same time, as long as store and addresses differ.
func (s *Server) Run(ctx context.Context) error { return s.withDefaults().run(ctx) }

// Check mounts the services and returns every problem of configuration and
// services that would stop [Server.Run], joined in one error: the same findings
// with file and line. Nothing is opened, no start function and no background
// work runs. Services are mounted once in their life, so build the server that is
// to run anew.
func (s *Server) Check() (err error) {
	srv := s.withDefaults()
	c := srv.newCore(context.Background())
	defer func() { err = errors.Join(err, c.bus.Close()) }()
	return c.prepare(context.Background(), srv, &lateStore{})
}

// withDefaults returns a copy whose nil fields are filled in.
func (s *Server) withDefaults() *Server {
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
		srv.onTCP = true
		srv.Listen = func(ctx context.Context, _ Gateway, address string) (net.Listener, error) {
			var lc net.ListenConfig
			return lc.Listen(ctx, "tcp", address)
		}
	}
	return &srv
}

// core is what both backends of a running server share.
type core struct {
	ctx     context.Context // ends when sockets are to be cut
	log     *slog.Logger
	conf    *conf.Set
	config  *Live[coreConfig]
	signer  *Live[tokenSignerConfig]
	session atomic.Pointer[sessionConfig] // config's limits, for the hot paths
	gates   atomic.Pointer[gatewayManagerConfig]
	mode    Mode
	node    string
	shardID GameShardID
	started time.Time

	tokens       *tokens
	signerBroken bool // its section has mistakes
	keyInStore   bool // tokens have to be made when the store is open
	partners     *partnerTokens
	// allocationKinds are the kinds of records that tokens with an allocation id need.
	allocationKinds []string
	queue           *loginQueue

	databases databases
	plan      *plan // of databases, when all services are mounted

	bus         cluster.Bus
	metrics     *metrics
	metricsDoor net.Listener // nil: not configured
	sides       []*side
	doors       []*gateway

	certificates map[Gateway]*certificate // of those with TLS
	doorkeeper   doorkeeper

	buffers sync.Pool // of *bytes.Buffer, for frames being read or written

	calls   gate // calls in flight
	sockets gate // open sockets
}

// newCore reads the configuration. What is wrong with it is kept in the set, for
// prepare to report.
func (s *Server) newCore(sockets context.Context) *core {
	c := &core{ctx: sockets, log: s.Logger, metrics: newMetrics(), started: time.Now()}
	c.doorkeeper.core = c
	c.readConfig(s.Config)
	c.databases = databases{products: s.Databases, conf: c.conf}
	hub := &cluster.Hub{Logger: c.log}
	c.bus = hub.Node(c.node)
	return c
}

func (s *Server) run(ctx context.Context) (err error) {
	// The context of the sockets ends after that of the caller: first calls in
	// flight are finished.
	sockets, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	c, db := s.newCore(sockets), &lateStore{}
	defer func() { err = errors.Join(err, c.bus.Close(), db.Close()) }()
	start, cancel := context.WithTimeout(ctx, millis(c.config.Load().StartupTimeoutMillis))
	defer cancel()
	if err := c.prepare(start, s, db); err != nil {
		return err
	}
	if db.db, err = c.openStore(start, s.Store); err != nil {
		return err
	}
	if c.keyInStore {
		if c.tokens, err = c.newTokens(start, db); err != nil {
			return err
		}
	}
	if err := c.open(start, s); err != nil {
		return c.conf.Redact(err)
	}
	cancel()
	c.serve(ctx, s, cut)
	return nil
}

// prepare mounts both backends, on a store that need not be open yet. All
// problems are reported together. If the key of the tokens is in the store, they
// sign and believe nothing yet.
func (c *core) prepare(ctx context.Context, s *Server, db store.Driver) error {
	var problems []error
	var err error
	c.tokens, err = c.newTokens(ctx, db)
	if c.keyInStore = errors.Is(err, errStoreNotOpen); err != nil && !c.keyInStore {
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
		problems = append(problems, side.mount(services), side.listen(), c.loadCertificates(b.backend))
	}
	if c.partners, err = c.newPartnerTokens(db); err != nil {
		problems = append(problems, err)
	}
	if s.onTCP {
		problems = append(problems, c.checkAddresses())
	}
	problems = append(problems, c.planDatabases(), c.conf.Check())
	return errors.Join(problems...)
}

func newSide(c *core, b Backend, db store.Driver) *side {
	s := &side{
		core: c, backend: b, store: db,
		calls:   make(map[string]*call),
		notices: make(map[string]SessionType),
		shared:  make(map[reflect.Type]any),
		probes:  make(map[SessionType]*http.ServeMux),
	}
	s.sessions = newSessions(s)
	s.sockets = newSockets(s)
	return s
}

// open runs the start functions and opens all listeners. After an error none is
// left open.
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
			c.closeDoors()
		}
	}()
	var problems []error
	for _, side := range c.sides {
		if len(side.calls) > 0 {
			problems = append(problems, c.openGateways(ctx, s, side))
		}
	}
	return errors.Join(append(problems, c.openMetrics(ctx))...)
}

func (c *core) openGateways(ctx context.Context, s *Server, side *side) error {
	var problems []error
	for _, id := range Gateways() {
		config := c.config.Load().GatewayManager.gateway(id)
		if id.Backend != side.backend || !config.Enabled {
			continue
		}
		l, err := s.Listen(ctx, id, config.Address)
		if err != nil {
			problems = append(problems, fmt.Errorf("open gateway %s on %s: %w", id, config.Address, err))
			continue
		}
		c.doors = append(c.doors, newGateway(side, id.Type, l, c.certificates[id]))
	}
	return errors.Join(problems...)
}

// openMetrics opens the listener of the metrics, if one is configured.
func (c *core) openMetrics(ctx context.Context) (err error) {
	address := c.config.Load().MetricsAddress
	if address == "" {
		return nil
	}
	var lc net.ListenConfig
	if c.metricsDoor, err = lc.Listen(ctx, "tcp", address); err != nil {
		c.metricsDoor = nil
		return fmt.Errorf("open metrics on %s: %w", address, err)
	}
	return nil
}

// closeDoors closes listeners that nobody serves yet.
func (c *core) closeDoors() {
	for _, g := range c.doors {
		_ = g.listener.Close() // the start has failed already
	}
	if c.metricsDoor != nil {
		_ = c.metricsDoor.Close()
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
