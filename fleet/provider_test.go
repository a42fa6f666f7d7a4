package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openpragma/engine/fleet"
	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/gameinstance/providertest"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/storetest"
)

// text is a log that several goroutines write.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *text) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *text) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// shelf is a store that can be looked into when the server has closed it.
type shelf struct {
	store.Driver
	closed atomic.Bool
}

func (k *shelf) Close() error {
	k.closed.Store(true)
	return nil
}

func (k *shelf) Get(ctx context.Context, keys ...store.Key) ([]store.Record, error) {
	if k.closed.Load() {
		return nil, store.ErrUnavailable
	}
	return k.Driver.Get(ctx, keys...)
}

func (k *shelf) Commit(ctx context.Context, b *store.Batch) error {
	if k.closed.Load() {
		return store.ErrUnavailable
	}
	return k.Driver.Commit(ctx, b)
}

// provide runs a server whose fleet is the provider that is tested. A game that
// waits in the line counts as a server that will run; games of the suite are not
// those of the game instance service, so that no server is given one.
func provide(t *testing.T, plugin fleet.Plugin, refusals *atomic.Int64) providertest.Fixture {
	logs := &text{}
	games := &gameinstance.Service{}
	servers := &fleet.Service{Plugin: plugin, Games: games}
	games.Provider = servers
	memory := store.NewMemory()
	db := storetest.Faulty(&shelf{Driver: memory}, storetest.Faults{})
	ready, done := make(chan struct{}), make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	srv := &pragma.Server{
		Config: pragmatest.Config(t), Game: []pragma.Service{games, servers}, Logger: slog.New(slog.NewTextHandler(logs, nil)),
		Store: func(context.Context) (store.Driver, error) { return db, nil },
		Ready: func(pragma.Addresses) { close(ready) },
		Listen: func(context.Context, pragma.Gateway, string) (net.Listener, error) {
			return net.Listen("tcp", "127.0.0.1:0")
		},
	}
	go func() { done <- srv.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	var once sync.Once
	shutdown := func() {
		once.Do(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(shutdown)
	return providertest.Fixture{
		Provider: servers,
		Servers: func(id pragma.AllocationID) int {
			recs, err := memory.Get(context.Background(), store.Key{Kind: "fleet-waiting", ID: id.String()})
			if err != nil {
				t.Error(err)
			} else if recs[0].Exists() {
				return 1
			}
			return 0
		},
		Outlive:  true, // the games go on to wait
		Logs:     logs.String,
		Shutdown: shutdown,
		Fault: func(f providertest.Fault, calls int) bool {
			for range calls {
				switch f {
				case providertest.Unreachable:
					db.Next(storetest.Unavailable)
				case providertest.LostAnswer:
					db.Next(storetest.UnknownAfter)
				case providertest.Refused:
					refusals.Add(1)
				}
			}
			return true
		},
	}
}

func TestTheFleetIsAProvider(t *testing.T) {
	for _, row := range []struct {
		name   string
		starts bool
	}{
		{"of servers that come by themselves", false},
		{"of servers that it has started", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			providertest.Run(t, func(t *testing.T) providertest.Fixture {
				var refusals atomic.Int64
				p := &plug{selectPool: func(r *fleet.SelectServerPoolRequest) (fleet.ServerPool, error) {
					if refusals.Add(-1) >= 0 {
						return fleet.ServerPool{}, errors.New("no such map")
					}
					refusals.Store(0)
					return fleet.ServerPool{ServerPoolID: r.GameServerVersion}, nil
				}}
				if !row.starts {
					p.answer = func(int) error { return fleet.ErrServersComeByThemselves }
				}
				return provide(t, p, &refusals)
			})
		})
	}
}
