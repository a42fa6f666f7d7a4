package matchmaking_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// BenchmarkTicketMemory is the memory of each of 100,000 players who wait alone,
// with pings to three zones and a rating, as the index and the pool keep them.
func BenchmarkTicketMemory(b *testing.B) {
	const tickets = 100_000
	var perTicket float64
	for b.Loop() {
		before := heap()
		waiting := matchmaking.NewWaiting(contender(0))
		for i := 1; i < tickets; i++ {
			waiting.Enter(contender(i))
		}
		if _, ok := waiting.Begin(); !ok {
			b.Fatal("the pool does not count")
		}
		perTicket = float64(heap()-before) / tickets
		runtime.KeepAlive(waiting)
	}
	b.ReportMetric(perTicket, "B/ticket")
}

func contender(i int) *matchmaking.Party {
	p := newParty(i, 1)
	p.ID, p.TicketID = pragma.NewID[pragma.PartyID](), pragma.NewID[pragma.TicketID]()
	p.Ext = ext.Of(m{"rating": 1000 + i%1000})
	player := p.Players[0]
	player.ID, player.PartyID, player.SocialID = pragma.NewID[pragma.PlayerID](), p.ID, pragma.NewID[pragma.SocialID]()
	player.DisplayName = pragma.DisplayName{DisplayName: fmt.Sprint("contender", i), Discriminator: "0042"}
	player.GameServerZoneToPing = map[string]int{"eu": 20 + i%50, "us": 90, "ap": 200}
	player.Ext = ext.Of(m{"role": "scout"})
	return p
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
