package matchmaking_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	byrules "github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// fiveOnFive makes games by rating and ping. About four players are near enough
// to each other in a queue of n, so that few find a game.
func fiveOnFive(n int) *byrules.Plugin {
	width := 3000 * 4 * 2 / float64(n)
	return &byrules.Plugin{Config: byrules.Config{Default: byrules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 5,
		Rating:     byrules.Rating{Member: "rating", Window: byrules.Window{Start: width, Max: width}},
		PingMillis: byrules.Window{Start: 60, Max: 60},
	}}}
}

// rated returns single players with ratings and pings, numbered from first.
func rated(rng *rand.Rand, first, n int) []*matchmaking.Party {
	zones := []string{"asia", "eu", "us-east", "us-west"}
	parties := make([]*matchmaking.Party, n)
	for i := range parties {
		no := first + i
		id := [16]byte{0: byte(no >> 24), 1: byte(no >> 16), 2: byte(no >> 8), 3: byte(no)}
		home, pings := rng.IntN(len(zones)), make(map[string]int)
		for j, zone := range zones {
			if pings[zone] = 20 + rng.IntN(30); j != home {
				pings[zone] += 80
			}
		}
		parties[i] = &matchmaking.Party{
			ID: pragma.PartyID(id), TicketID: pragma.TicketID(id), EnteredAt: start.Add(time.Duration(no) * time.Millisecond),
			Players: []*matchmaking.Player{{
				ID: pragma.PlayerID(id), PartyID: pragma.PartyID(id), GameServerZoneToPing: pings,
				Ext: ext.Of(m{"rating": rng.Float64() * 3000}),
			}},
		}
	}
	return parties
}

// settled is a queue in which nobody finds a game any more.
type settled struct {
	plugin *byrules.Plugin
	view   *matchmaking.View
	now    time.Time
}

func settle(b *testing.B, rng *rand.Rand, n int) *settled {
	s := &settled{plugin: fiveOnFive(n), now: start.Add(time.Hour)}
	var err error
	if s.view, err = matchmaking.NewView(b.Context(), s.plugin, matchmaking.QueueKey{}, rated(rng, 0, n)); err != nil {
		b.Fatal(err)
	}
	for s.pass(b) > 0 {
	}
	return s
}

// pass makes a full pass, with all that the framework does besides commits.
func (s *settled) pass(b *testing.B) int {
	proposals, err := s.plugin.Propose(context.Background(), &matchmaking.ProposeRequest{View: s.view, Full: true, Now: s.now})
	if err != nil {
		b.Fatal(err)
	}
	var gone []*matchmaking.Party
	for i, err := range s.view.Check(proposals) {
		if err != nil {
			b.Fatal(err)
		}
		gone = append(gone, partiesOf(proposals[i])...)
	}
	s.view.Change(nil, gone)
	return len(proposals)
}

func partiesOf(p matchmaking.Proposal) []*matchmaking.Party {
	var parties []*matchmaking.Party
	for _, a := range p.New.Players() {
		parties = append(parties, matchmaking.PartyOf(a.Player))
	}
	return parties
}

// BenchmarkPoolPass is a full pass of plugins/rules over a queue of which one in
// a hundred has just come.
func BenchmarkPoolPass(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			s := settle(b, rng, n)
			first, games, used := n, 0, time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				fresh := rated(rng, first, n/100)
				first += len(fresh)
				old := s.view.Parties()[:n/200]
				if _, err := matchmaking.NewView(b.Context(), s.plugin, matchmaking.QueueKey{}, fresh); err != nil { // describes them
					b.Fatal(err)
				}
				for _, p := range fresh {
					p.Reset()
				}
				before := ownCPU()
				b.StartTimer()
				s.view.Change(fresh, old)
				games += s.pass(b)
				used += ownCPU() - before
			}
			b.ReportMetric(used.Seconds()*1e3/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(games)/float64(b.N), "games")
			b.ReportMetric(float64(len(s.view.Parties())), "left")
		})
	}
}

// BenchmarkPoolMemory reports what a single player costs who waits, with the
// indexes of the queue and what plugins/rules knows of him.
func BenchmarkPoolMemory(b *testing.B) {
	const n = 20_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := matchmaking.NewWaiting(rated(rand.New(rand.NewPCG(1, 1)), 0, n)...)
		parties, _ := w.Begin()
		v, err := matchmaking.NewView(b.Context(), fiveOnFive(n), matchmaking.QueueKey{}, parties)
		if err != nil {
			b.Fatal(err)
		}
		parties = nil
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/party")
		runtime.KeepAlive(w)
		runtime.KeepAlive(v)
	}
}

// BenchmarkNewParty is the pass of plugins/rules for one party that comes to a
// queue in which nobody finds a game.
func BenchmarkNewParty(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			s := settle(b, rng, n)
			used := time.Duration(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				fresh := rated(rng, n+i, 1)
				if _, err := matchmaking.NewView(b.Context(), s.plugin, matchmaking.QueueKey{}, fresh); err != nil { // describes it
					b.Fatal(err)
				}
				fresh[0].Reset()
				s.view.Change(fresh, s.view.Parties()[:1])
				before := ownCPU()
				b.StartTimer()
				if _, err := s.plugin.Propose(context.Background(), &matchmaking.ProposeRequest{View: s.view, Now: s.now}); err != nil {
					b.Fatal(err)
				}
				used += ownCPU() - before
			}
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}
