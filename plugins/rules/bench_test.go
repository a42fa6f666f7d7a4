package rules_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/openpragma/engine/plugins/rules"
	"github.com/openpragma/engine/pragma"
)

// fiveOnFive is what the benchmarks play.
func fiveOnFive() rules.Rules {
	return rules.Rules{
		NumberOfTeams: 2, PlayersPerTeam: 5,
		Rating:     rules.Rating{Member: "rating", Default: 1500, Window: rules.Window{Start: 50, GrowthPerSecond: 5, Max: 400}},
		PingMillis: rules.Window{Start: 60, GrowthPerSecond: 2, Max: 200},
	}
}

var zones = []string{"asia", "eu", "us-east", "us-west"}

// crowd returns tickets with n players in all, the oldest first.
func crowd(rng *rand.Rand, n int, size func() int) []*rules.Ticket {
	var tickets []*rules.Ticket
	for i := 0; n > 0; i++ {
		home := rng.IntN(len(zones))
		t := &rules.Ticket{
			ID:        pragma.TicketID{0: byte(i >> 16), 1: byte(i >> 8), 2: byte(i)},
			EnteredAt: start.Add(time.Duration(i) * time.Millisecond),
			Rating:    1500 + 300*rng.NormFloat64(),
		}
		for range min(size(), n) {
			t.Players = append(t.Players, rules.Player{Rating: t.Rating})
			n--
		}
		for j, zone := range zones {
			ping := 20 + rng.IntN(30)
			if j != home {
				ping += 80
			}
			t.Pings = append(t.Pings, rules.Ping{Zone: zone, Millis: ping})
		}
		tickets = append(tickets, t)
	}
	return tickets
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func one() int { return 1 }

// BenchmarkMatch is one pass over a pool that nobody has looked at.
func BenchmarkMatch(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	acceptAll := rules.Rules{NumberOfTeams: 2, PlayersPerTeam: 5}
	nothing := fiveOnFive()
	nothing.Rating.Window = rules.Window{Start: 0.001, Max: 0.001}
	roles := fiveOnFive()
	roles.Roles = rules.Roles{Member: "role", Limits: map[string]rules.Limit{"healer": {Min: 1}}}
	for _, c := range []struct {
		name  string
		rules rules.Rules
		size  func() int
	}{
		{"solos", fiveOnFive(), one},
		{"mixed", fiveOnFive(), func() int { return 1 + rng.IntN(5) }},
		{"everybody accepts", acceptAll, one},
		{"nobody accepts", nothing, one},
		{"sizes never fit", fiveOnFive(), func() int { return 2 }},
		{"no healers", roles, one},
	} {
		for _, n := range []int{1_000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				tickets := crowd(rng, n, c.size)
				groups, before := 0, ownCPU()
				b.ReportAllocs()
				for b.Loop() {
					groups = len(c.rules.Match(tickets, rules.Options{Now: start.Add(time.Minute)}))
				}
				b.ReportMetric((ownCPU()-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(groups), "groups")
			})
		}
	}
}
