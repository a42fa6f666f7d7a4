package matchmaking_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/plugins/warmbody"
)

// crowdOf returns parties with n players in all.
func crowdOf(n int, size func() int) []*matchmaking.Party {
	var parties []*matchmaking.Party
	for i := 0; n > 0; i++ {
		p := newParty(i, min(size(), n))
		n -= len(p.Players)
		parties = append(parties, p)
	}
	return parties
}

// BenchmarkPass is one pass over a pool that nobody has looked at, with the
// plugin that fills teams of 5 v 5.
func BenchmarkPass(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name string
		size func() int
	}{
		{"solos", func() int { return 1 }},
		{"mixed", func() int { return 1 + rng.IntN(5) }},
		{"pairs that never fit", func() int { return 2 }},
	} {
		for _, n := range []int{1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				parties := crowdOf(n, c.size)
				left := 0
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					p := matchmaking.NewPool(&warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 5})
					for _, party := range parties {
						party.Reset()
					}
					p.Add(parties...)
					b.StartTimer()
					p.Full()
					left = p.Len()
				}
				b.ReportMetric(float64(left), "matchables-left")
			})
		}
	}
}

// BenchmarkSettledPass is a pass over a pool in which nothing can be matched.
func BenchmarkSettledPass(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := matchmaking.NewPool(&warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 5})
			p.Add(crowdOf(n, func() int { return 2 })...)
			p.Full()
			b.ReportAllocs()
			for b.Loop() {
				p.Full()
			}
		})
	}
}

// BenchmarkFullGames is a pass over 1,000 players whom 100 running games have no
// room for.
func BenchmarkFullGames(b *testing.B) {
	p := matchmaking.NewPool(&warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 5})
	p.Add(crowdOf(1_000, func() int { return 2 })...)
	p.Full()
	for i := range 100 {
		p.AddGame(&matchmaking.GameInstance{ID: [16]byte{byte(i)}, Players: make([]matchmaking.GamePlayer, 10)})
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Full()
	}
}

// BenchmarkLastParty is the pass for one party that completes the oldest game
// among 10,000 players who wait for nothing else.
func BenchmarkLastParty(b *testing.B) {
	p := matchmaking.NewPool(&warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 5})
	p.Add(crowdOf(10_000, func() int { return 2 })...)
	p.Full()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		last := newParty(60_000+i%1000, 2)
		p.Add(last)
		b.StartTimer()
		p.News()
		b.StopTimer()
		p.Remove(last)
		b.StartTimer()
	}
}
