package pragmatest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/openpragma/engine/client"
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
	db      store.Driver
	lease   *lease
	logs    *logs

	stop  context.CancelFunc
	done  chan error
	close []func()
}

// Run runs fn with a server made by build, in a bubble of virtual time. build is
// called again for each [World.Restart], as a program's main would be. What it
// leaves empty is filled in: an account service on Social, a memory store that
// survives restarts, a logger that prints when the test fails, a fixed signing
// key. Store and Listen are always replaced, unless Store is set.
func Run(t *testing.T, build func() *pragma.Server, fn func(w *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, build: build, network: &network{listeners: make(map[string]*listener)}, logs: &logs{}}
		transport := &http.Transport{DialContext: w.network.dial}
		w.http = &http.Client{Transport: transport}
		defer func() {
			for _, fn := range w.close {
				fn()
			}
			if w.stop != nil {
				w.Stop()
			}
			transport.CloseIdleConnections()
			if w.db != nil {
				_ = w.db.Close() // memory: cannot fail
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

// Start starts the server. Run has done it already; it is for after Stop or Kill.
func (w *World) Start() {
	w.T.Helper()
	srv := w.build()
	if srv.Social == nil {
		srv.Social = []pragma.Service{&account.Service{}}
	}
	if srv.Config == nil {
		cfg, err := pragma.ParseConfig(testKey)
		if err != nil {
			w.T.Fatal(err)
		}
		srv.Config = cfg
	}
	if srv.Store == nil {
		if w.db == nil {
			w.db = store.NewMemory()
		}
		w.lease = &lease{db: w.db}
		srv.Store = func(context.Context) (store.Driver, error) { return w.lease, nil }
	}
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	srv.Listen = w.network.listen
	ready := make(chan struct{})
	srv.Ready = func(pragma.Addresses) { close(ready) }
	ctx, cancel := context.WithCancel(context.Background())
	w.srv, w.stop, w.done = srv, cancel, make(chan error, 1)
	go func() { w.done <- srv.Run(ctx) }()
	select {
	case <-ready:
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
// now will get there.
func (w *World) Kill() {
	w.T.Helper()
	if w.lease == nil {
		w.T.Fatal("Kill needs the store that Run provides")
	}
	w.lease.over.Store(true)
	w.stop()
	w.stop = nil
	if err := <-w.done; err != nil && !errors.Is(err, store.ErrUnavailable) {
		w.T.Errorf("server ended with: %v", err)
	}
	w.http.CloseIdleConnections()
}

// Restart drains the server and starts it again on the same store.
func (w *World) Restart() {
	w.T.Helper()
	w.Stop()
	w.Start()
}

// Address returns where a gateway listens, for [client.Options].
func (w *World) Address(g pragma.Gateway) string {
	port := map[pragma.Gateway]string{
		{Backend: pragma.Game, Type: pragma.Player}: "10000", {Backend: pragma.Game, Type: pragma.Partner}: "10100",
		{Backend: pragma.Game, Type: pragma.Operator}: "10200", {Backend: pragma.Social, Type: pragma.Player}: "11000",
		{Backend: pragma.Social, Type: pragma.Partner}: "11100", {Backend: pragma.Social, Type: pragma.Operator}: "11200",
	}[g]
	return "127.0.0.1:" + port
}

// Dial connects to an address of the server, for programs under test that bring
// their own client.
func (w *World) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return w.network.dial(ctx, network, address)
}

// HTTP returns a client whose connections go to the server.
func (w *World) HTTP() *http.Client { return w.http }

// options are the client options for a kind of client.
func (w *World) options(t pragma.SessionType) client.Options {
	return client.Options{
		Game:   w.Address(pragma.Gateway{Backend: pragma.Game, Type: t}),
		Social: w.Address(pragma.Gateway{Backend: pragma.Social, Type: t}),
		Dial:   w.network.dial,
	}
}

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

// logs collects log lines.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Logs returns what the server has logged so far.
func (w *World) Logs() string { return w.logs.String() }

func (w *World) fatal(format string, args ...any) {
	w.T.Helper()
	w.T.Fatal(fmt.Sprintf(format, args...))
}
