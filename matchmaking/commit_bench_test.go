package matchmaking_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/slot"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/sqlite"
)

var drivers = []struct {
	name string
	open func(b *testing.B) store.Opener
}{
	{"memory", func(*testing.B) store.Opener { return store.Memory() }},
	{"sqlite", func(b *testing.B) store.Opener { return sqlite.File(filepath.Join(b.TempDir(), "bench.db")) }},
}

// turnstile makes updates that enter the queue, as parties do.
type turnstile struct {
	m     *pragma.Mount
	slots *slot.Slots
	queue *matchmaking.Service
	gates *entity.Kind[struct{ N int }]
}

func (g *turnstile) Name() string { return "TurnstileRpc" }

func (g *turnstile) Mount(m *pragma.Mount) error {
	g.m, g.slots = m, slot.For(m)
	g.gates = entity.Of(m, "turnstile", entity.Options[struct{ N int }]{})
	return nil
}

func (g *turnstile) enter(ctx context.Context, e *party.QueueEntry) error {
	return g.gates.Upsert(ctx, e.PartyID.String(), func(tx *entity.Tx, s *struct{ N int }) error {
		s.N++
		return g.queue.Enter(tx, e)
	})
}

// serve runs a server without gateways while fn runs.
func serve(b *testing.B, open store.Opener, plugin matchmaking.Plugin, fn func(g *turnstile)) {
	b.Helper()
	cfg, err := pragma.ParseConfig(`
core:
  session: {pluginTimeoutMillis: 60000}
  gatewayManager:
    game: {player: {address: "127.0.0.1:0"}, partner: {enabled: false}, operator: {enabled: false}}`)
	if err != nil {
		b.Fatal(err)
	}
	parties := &party.Service{}
	games := &gameinstance.Service{Plugin: &arena{}, Parties: parties}
	queue := &matchmaking.Service{Plugin: plugin, Parties: parties, Games: games}
	g := &turnstile{queue: queue}
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan struct{})
	srv := &pragma.Server{
		Config: cfg, Store: open, Game: []pragma.Service{parties, games, queue, g},
		Logger: slog.New(slog.DiscardHandler), Ready: func(pragma.Addresses) { close(ready) },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	select {
	case <-ready:
		fn(g)
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	case err := <-done:
		stop()
		b.Fatal(err)
	}
}

// BenchmarkEnter is how fast parties of one get durable tickets, 64 at a time.
func BenchmarkEnter(b *testing.B) {
	for _, d := range drivers {
		b.Run(d.name, func(b *testing.B) {
			serve(b, d.open(b), matchmaking.Defaults{}, func(g *turnstile) {
				b.ReportAllocs()
				b.SetParallelism(32) // on two processors
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						e := &party.QueueEntry{TicketID: pragma.NewID[pragma.TicketID](), PartyID: pragma.NewID[pragma.PartyID]()}
						e.Players = []party.QueuePlayer{{PlayerID: pragma.NewID[pragma.PlayerID](), GameServerZoneToPing: map[string]int{"eu": 20, "us": 90}}}
						if err := g.enter(b.Context(), e); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tickets/s")
			})
		})
	}
}

// first holds the first pair back until the bench is ready, and notes when that
// was and what the process had used of the processors by then.
type first struct {
	duel
	open  chan struct{}
	once  sync.Once
	begin time.Time
	cpu   time.Duration
}

func (f *first) MatchParties(ctx context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	f.once.Do(func() {
		<-f.open
		f.begin, f.cpu = time.Now(), ownCPU()
	})
	return f.duel.MatchParties(ctx, r)
}

// warm reads the records of parties and players, as those who have just entered
// were: what is still in the cache then is no part of what is measured.
func (g *turnstile) warm(b *testing.B) {
	b.Helper()
	for rec, err := range g.m.Store().List(b.Context(), store.Query{Kind: "party"}) {
		if err != nil {
			b.Fatal(err)
		}
		id, err := pragma.ParseID[pragma.PartyID](rec.ID)
		if err != nil {
			b.Fatal(err)
		}
		p, err := g.queue.Parties.Party(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		for i := range p.Players {
			if _, err := g.slots.Read(b.Context(), p.Players[i].PlayerID); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkMatch is how fast 10,000 players who wait alone are all matched 1 v 1
// and in their games, all of it committed.
func BenchmarkMatch(b *testing.B) {
	const waiting = 10_000
	for _, d := range drivers {
		b.Run(d.name, func(b *testing.B) {
			var took, used time.Duration
			for b.Loop() {
				open := d.open(b)
				fill(b, open, waiting)
				plugin := &first{open: make(chan struct{})}
				serve(b, open, plugin, func(g *turnstile) {
					g.warm(b)
					close(plugin.open)
					for n := waiting; n > 0; n, _ = g.queue.Index() {
						time.Sleep(time.Millisecond)
					}
					took += time.Since(plugin.begin)
					used += ownCPU() - plugin.cpu
				})
			}
			matches := float64(b.N) * waiting / 2
			b.ReportMetric(matches/took.Seconds(), "matches/s")
			b.ReportMetric(took.Seconds()/float64(b.N), "s/10000-players")
			b.ReportMetric(float64(used.Microseconds())/matches, "cpu-µs/match")
		})
	}
}

// fill writes the records of players who wait alone.
func fill(b *testing.B, open store.Opener, n int) {
	b.Helper()
	db, err := open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := db.Commit(b.Context(), lonely(int(i))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// lonely is one player who waits, his party and its ticket, i milliseconds
// younger than the first. The party was in use just now, and has the timer that
// goes with it, so that nobody has to look after it.
func lonely(i int) *store.Batch {
	player, group, ticket := pragma.NewID[pragma.PlayerID](), pragma.NewID[pragma.PartyID](), pragma.NewID[pragma.TicketID]()
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := now.Add(time.Duration(i-1_000_000) * time.Millisecond).Format(time.RFC3339Nano)
	who := fmt.Sprintf(`"playerId":"%s","socialId":"%s","displayName":{"displayName":"player%d","discriminator":"0001"}`, player, player, i)
	put := func(kind, id, format string, args ...any) store.Put {
		return store.Put{Key: store.Key{Kind: kind, ID: id}, Body: fmt.Appendf(nil, format, args...)}
	}
	b := &store.Batch{Puts: []store.Put{
		put("player", player.String(), `{"partyId":"%s","ticketId":"%s","version":3}`, group, ticket),
		put("party", group.String(), `{"partyId":"%s","version":4,"inviteCode":"%06d","maxPlayerCount":4,"ticketId":"%s","members":[{%s,"leader":true,"ready":true}],"createdAt":"%s","lastAccess":"%s"}`,
			group, i, ticket, who, at, now.Format(time.RFC3339Nano)),
		put("ticket", ticket.String(), `{"partyId":"%s","players":[{%s}],"enteredAt":"%s"}`, group, who, at),
	}}
	b.Puts[1].Due = now.Add(partyLife + partyGrain - 1).Truncate(partyGrain)
	return b
}

// How long a party lives untouched by default, and how exactly.
const (
	partyLife  = 24 * time.Hour
	partyGrain = time.Minute
)
