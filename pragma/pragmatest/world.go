package pragmatest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/store"
)

// World is a running server with whatever a test connects to it. Its methods
// fail the test when something goes wrong that the test did not ask for; call
// them from the test's own goroutine.
type World struct {
	// T is the test inside the bubble: use it instead of the outer one.
	T *testing.T

	srv     *pragma.Server
	build   func() *pragma.Server
	network *network
	http    *http.Client
	open    store.Opener
	db      store.Driver // nil: not open
	wrap    func(store.Driver) store.Driver
	lease   *lease
	logs    *Logs
	signer  *signer

	addresses pragma.Addresses
	stop      context.CancelFunc
	done      chan error
	close     []func()
}

// Run runs fn with a server made by build, in a bubble of virtual time. build is
// called again for each start, as a program's main would be. What it leaves
// empty is filled in: an account service on Social, a memory store that survives
// restarts, a logger that prints when the test fails, the configuration
// [Config](t) with a fixed signing key. Listen and Ready are always replaced. What
// the test has connected is closed after fn, then the server is stopped; a
// goroutine that is left then fails the test.
func Run(t *testing.T, build func() *pragma.Server, fn func(w *World)) {
	t.Helper()
	open := NewStore(t)
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, build: build, open: open, network: newNetwork(), logs: &Logs{}}
		transport := &http.Transport{DialContext: w.network.dial}
		w.http = &http.Client{Transport: transport}
		defer func() {
			for _, fn := range slices.Backward(w.close) {
				fn()
			}
			if w.stop != nil {
				w.Stop()
			}
			transport.CloseIdleConnections()
			if w.db != nil {
				if err := w.db.Close(); err != nil {
					t.Errorf("close the store: %v", err)
				}
			}
			if t.Failed() {
				t.Logf("server log:\n%s", w.logs.String())
			}
		}()
		w.Start()
		fn(w)
	})
}

// testKey is the signing key of tests: making one takes longer than most tests.
// It protects nothing.
const testKey = `core: {backendMode: DEVELOPMENT}
social: {serviceConfigs: {TokenSignerConfig: {jwtPrivateKey: "` + testKeyPEM + `"}}}`

// Config returns a configuration of YAML texts on top of the one that [Run]
// would use. A mistake in them fails the test.
func Config(t testing.TB, yaml ...string) *pragma.Config {
	t.Helper()
	cfg, err := pragma.ParseConfig(append([]string{testKey}, yaml...)...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Start starts the server. Run has done it already; it is for after Stop or Kill.
func (w *World) Start() {
	w.T.Helper()
	srv := w.build()
	if srv.Social == nil {
		srv.Social = []pragma.Service{&account.Service{}}
	}
	w.signer = &signer{}
	srv.Social = append(slices.Clone(srv.Social), w.signer)
	if srv.Config == nil {
		srv.Config = Config(w.T)
	}
	if srv.Store == nil {
		if w.db == nil {
			var err error
			if w.db, err = w.open(context.Background()); err != nil {
				w.T.Fatal(err)
			}
		}
		db := w.db
		if w.wrap != nil {
			db = w.wrap(db)
		}
		w.lease = &lease{db: db}
		srv.Store = func(context.Context) (store.Driver, error) { return w.lease, nil }
	}
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	srv.Listen = w.network.listen
	w.network.up()
	ready := make(chan pragma.Addresses, 1)
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	ctx, cancel := context.WithCancel(context.Background())
	w.srv, w.stop, w.done = srv, cancel, make(chan error, 1)
	go func() { w.done <- srv.Run(ctx) }()
	select {
	case w.addresses = <-ready:
	case err := <-w.done:
		w.stop = nil
		w.T.Fatalf("server did not start: %v", err)
	}
}

// Stop drains the server and waits until it has ended.
func (w *World) Stop() {
	w.T.Helper()
	w.stop()
	w.stop = nil
	if err := <-w.done; err != nil {
		w.T.Errorf("server ended with: %v", err)
	}
	w.http.CloseIdleConnections()
}

// Kill ends the server as a power cut would: nothing that is not in the store
// now will get there, and nobody hears anything from it any more. It needs the
// store that Run provides.
func (w *World) Kill() {
	w.T.Helper()
	if w.lease == nil {
		w.T.Fatal("Kill needs the store that Run provides")
	}
	w.lease.over.Store(true)
	w.network.down()
	w.stop()
	w.stop = nil
	if err := <-w.done; err != nil && !errors.Is(err, store.ErrUnavailable) {
		w.T.Errorf("server ended with: %v", err)
	}
	w.http.CloseIdleConnections()
}

// WrapStore has the servers that are started from now on use the store that Run
// provides through a driver of the test's own, such as one that fails at times.
// Closing that driver is not needed.
func (w *World) WrapStore(wrap func(store.Driver) store.Driver) { w.wrap = wrap }

// Restart drains the server and starts it again on the same store.
func (w *World) Restart() {
	w.T.Helper()
	w.Stop()
	w.Start()
}

// Server returns the server that runs, as build made it and Run filled it in.
func (w *World) Server() *pragma.Server { return w.srv }

// Address returns where a gateway listens, for [client.Options].
func (w *World) Address(g pragma.Gateway) string {
	w.T.Helper()
	a, ok := w.addresses[g]
	if !ok {
		w.fatal("the server has no gateway %s", g)
	}
	return a
}

// Dial connects to an address of the server, for programs under test that bring
// their own client.
func (w *World) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return w.network.dial(ctx, network, address)
}

// HTTP returns a client whose connections go to the server.
func (w *World) HTTP() *http.Client { return w.http }

// CheckPlugin fails the test if plugin has a method that looks like a misspelt
// hook of interface I, such as party.Plugin.
func CheckPlugin[I any](t testing.TB, plugin I) {
	t.Helper()
	if reflect.TypeFor[I]().Kind() != reflect.Interface {
		t.Errorf("CheckPlugin needs the plugin's interface as its type argument, not %v", reflect.TypeFor[I]())
		return
	}
	if err := pragma.CheckHooks(plugin); err != nil {
		t.Error(err)
	}
}

// Logs returns what the server has logged so far.
func (w *World) Logs() string { return w.logs.String() }

func (w *World) fatal(format string, args ...any) {
	w.T.Helper()
	w.T.Fatalf(format, args...)
}
