package gameinstance_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

// serve runs a server without sockets for a benchmark.
func serve(b *testing.B, p gameinstance.Plugin) *gameinstance.Service {
	b.Helper()
	cfg, err := pragma.ParseConfig(`core: {gatewayManager: {game: {player: {enabled: false}, partner: {enabled: false}, operator: {enabled: false}}}}`)
	if err != nil {
		b.Fatal(err)
	}
	games := &gameinstance.Service{Plugin: p}
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{games}, Logger: slog.New(slog.DiscardHandler),
		Ready: func(pragma.Addresses) { close(ready) },
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { done <- srv.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	<-ready
	return games
}

// full creates an instance with players, each on one of two teams, and public
// entries.
func full(b *testing.B, games *gameinstance.Service, p *plug, players, entries int) pragma.GameInstanceID {
	b.Helper()
	p.create = func(r *gameinstance.BackendCreateRequest) error {
		for n := range entries {
			if err := r.GameInstance.Data().Create(fmt.Sprint("key ", n), ext.Of(m{"n": 0}), gameinstance.Public()); err != nil {
				return err
			}
		}
		for n := range players {
			_, err := r.GameInstance.AddPlayer(gameinstance.PlayerToAdd{
				PlayerID: pragma.NewID[pragma.PlayerID](), TeamNumber: int64(n % 2), DisplayName: pragma.DisplayName{DisplayName: "somebody"},
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	id, err := games.Create(context.Background(), &gameinstance.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// BenchmarkUpdateOneKey changes one entry that everybody sees: the cost should not
// depend on the size of the instance.
func BenchmarkUpdateOneKey(b *testing.B) {
	for _, size := range []struct{ players, entries int }{{2, 10}, {10, 100}, {100, 1000}} {
		b.Run(fmt.Sprintf("players=%d/entries=%d", size.players, size.entries), func(b *testing.B) {
			p := &plug{}
			games := serve(b, p)
			id := full(b, games, p, size.players, size.entries)
			n := 0
			p.update = func(r *gameinstance.BackendUpdateRequest) error {
				return r.GameInstance.Data().UpdateData("key 5", ext.Of(m{"n": n}))
			}
			b.ReportAllocs()
			for b.Loop() {
				n++
				if err := games.Update(context.Background(), id, ext.Value{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCreateAndEnd makes a 5 v 5 game and ends it.
func BenchmarkCreateAndEnd(b *testing.B) {
	p := &plug{}
	games := serve(b, p)
	b.ReportAllocs()
	for b.Loop() {
		id := full(b, games, p, 10, 10)
		if err := games.End(context.Background(), id, ext.Value{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJoinAndLeave lets a player into a game of ten and out again.
func BenchmarkJoinAndLeave(b *testing.B) {
	p := &plug{}
	games := serve(b, p)
	id := full(b, games, p, 9, 20)
	who := pragma.NewID[pragma.PlayerID]()
	b.ReportAllocs()
	for b.Loop() {
		err := games.AddPlayers(context.Background(), id, ext.Value{}, []gameinstance.PlayerToAdd{{PlayerID: who}})
		if err == nil {
			err = games.RemovePlayers(context.Background(), id, ext.Value{}, []gameinstance.PlayerToRemove{{PlayerID: who}})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAllocateAndEnd makes games on SQLite that get a server of their own
// and end, by 32 callers at a time, until the provider was told everything.
func BenchmarkAllocateAndEnd(b *testing.B) {
	db, err := sqlite.File(filepath.Join(b.TempDir(), "games.db"))(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := pragma.ParseConfig(`core: {gatewayManager: {game: {player: {enabled: false}, partner: {enabled: false}, operator: {enabled: false}}}}`)
	if err != nil {
		b.Fatal(err)
	}
	games := &gameinstance.Service{Plugin: &plug{create: func(r *gameinstance.BackendCreateRequest) error {
		r.GameInstance.AllocateGameServer(ext.Value{})
		return nil
	}}, Provider: &silentProvider{}}
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &pragma.Server{
		Config: cfg, Game: []pragma.Service{games}, Logger: slog.New(slog.DiscardHandler),
		Store: func(context.Context) (store.Driver, error) { return db, nil },
		Ready: func(pragma.Addresses) { close(ready) },
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { done <- srv.Run(ctx) }()
	<-ready
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id, err := games.Create(ctx, &gameinstance.CreateOptions{})
			if err == nil {
				err = games.End(ctx, id, ext.Value{}, nil)
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
	for waiting := true; waiting; time.Sleep(time.Millisecond) {
		waiting = false
		for _, kind := range []string{"outbox/allocate", "outbox/end-allocation"} {
			for range db.List(ctx, store.Query{Kind: kind}) {
				waiting = true
				break
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "instances/s")
	b.StopTimer()
	stop()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// silentProvider starts nothing.
type silentProvider struct {
	gameinstance.ProviderDefaults
	ended atomic.Int64
}

func (p *silentProvider) EndAllocation(context.Context, *gameinstance.EndAllocationRequest) error {
	p.ended.Add(1)
	return nil
}
