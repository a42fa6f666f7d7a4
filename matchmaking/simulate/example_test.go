package simulate_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// firstCome is a studio's own matchmaker: the two oldest play.
type firstCome struct{ matchmaking.PoolDefaults }

func (firstCome) Propose(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	var proposals []matchmaking.Proposal
	for all := r.View.Parties(); len(all) >= 2; all = all[2:] {
		game := new(matchmaking.NewGameInstance)
		game.AddParties(all[:1], 0)
		game.AddParties(all[1:2], 1)
		proposals = append(proposals, matchmaking.Proposal{New: game})
	}
	return proposals, nil
}

// A studio's own plugin on an evening of made-up players.
func Example() {
	people := simulate.DefaultPopulation()
	people.PlayersPerHour = []float64{600}
	arrivals := people.Arrivals(1, time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC))
	report, err := simulate.Run(context.Background(), simulate.Options{
		Pool: firstCome{}, Ratings: simulate.Member("rating", 1500),
	}, arrivals)
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Matches, "games for", report.Arrived.Parties, "parties")
	fmt.Printf("90 of 100 players wait for at most %.0f s\n", report.WaitSeconds.P90)
	fmt.Printf("half of the games have players who are %.0f points apart\n", report.RatingSpread.P50)
	// Output:
	// 199 games for 399 parties
	// 90 of 100 players wait for at most 14 s
	// half of the games have players who are 360 points apart
}

// A few arrivals written by hand, in a test of a plugin.
func ExampleRun() {
	start := time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)
	comes := func(n byte, after time.Duration) simulate.Arrival {
		return simulate.Arrival{Party: &matchmaking.Party{
			ID: pragma.PartyID{n}, TicketID: pragma.TicketID{n}, EnteredAt: start.Add(after),
			Players: []*matchmaking.Player{{ID: pragma.PlayerID{n}}},
		}}
	}
	_, err := simulate.Run(context.Background(), simulate.Options{Pool: firstCome{}, OnMatch: func(m *simulate.Match) {
		fmt.Println("party", m.Parties[0].ID[0], "against", m.Parties[1].ID[0], "after", m.At.Sub(start))
	}}, []simulate.Arrival{comes(1, 0), comes(2, 8*time.Second), comes(3, time.Minute)})
	if err != nil {
		panic(err)
	}
	// Output: party 1 against 2 after 8s
}

// Those who waited in a running server, in two minutes from then.
func ExampleReadDump() {
	f, err := os.Open("testdata/dump.jsonl")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	dump, err := simulate.ReadDump(f)
	if err != nil {
		panic(err)
	}
	report, err := simulate.Run(context.Background(), simulate.Options{
		Pool: firstCome{}, Key: dump.Key, Begin: dump.TakenAt, Drain: 2 * time.Minute,
	}, dump.Arrivals(), dump.Games...)
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Matches, "game, the longest wait is", report.WaitSeconds.Max, "s")
	// Output: 1 game, the longest wait is 60 s
}

// A dump without ids of players, and with no more of the exts than the rules read.
func ExampleDump_Anonymous() {
	dump := &simulate.Dump{
		TakenAt: time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC),
		Parties: []*matchmaking.Party{{
			ID: pragma.NewID[pragma.PartyID](), TicketID: pragma.NewID[pragma.TicketID](),
			EnteredAt: time.Date(2026, 3, 1, 17, 59, 0, 0, time.UTC),
			Players: []*matchmaking.Player{{
				ID: pragma.NewID[pragma.PlayerID](), Ext: ext.Of(map[string]any{"rating": 1510, "nickname": "robin"}),
			}},
		}},
	}
	if err := dump.Anonymous("rating").Write(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// {"format":"matchmaking-pool","version":1,"takenAt":"2026-03-01T18:00:00Z"}
	// {"ticketId":"00000000-0000-0000-0000-000000000001","partyId":"00000000-0000-0000-0000-000000000001","enteredAt":"2026-03-01T17:59:00Z","players":[{"playerId":"00000000-0000-0000-0000-000000000001","ext":{"rating":1510}}]}
}
