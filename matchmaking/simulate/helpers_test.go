package simulate_test

import (
	"context"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/matchmaking/simulate"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

type m = map[string]any

var start = time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)

// solo is a party of one that enters some time after start.
func solo(n byte, after time.Duration, rating float64) simulate.Arrival {
	return simulate.Arrival{Party: party(n, 1, after, rating)}
}

func party(n, size byte, after time.Duration, rating float64) *matchmaking.Party {
	p := &matchmaking.Party{ID: pragma.PartyID{n}, TicketID: pragma.TicketID{n}, EnteredAt: start.Add(after)}
	for i := range size {
		p.Players = append(p.Players, &matchmaking.Player{
			ID: pragma.PlayerID{n, i}, GameServerZoneToPing: map[string]int{"eu": 10 * int(n)}, Ext: ext.Of(m{"rating": rating}),
		})
	}
	return p
}

// near brings the two oldest together whose ratings are no further apart than the
// seconds that the younger one has waited.
type near struct{ matchmaking.PoolDefaults }

func (near) Describe(_ context.Context, r *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	if len(r.Party.Players) > 1 {
		return nil, matchmaking.ErrPartyTooBig
	}
	return &matchmaking.Attributes{Numbers: map[string]float64{"rating": simulate.Member("rating", 0)(r.Party)[0]}}, nil
}

func (near) Propose(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	var proposals []matchmaking.Proposal
	taken := make(map[*matchmaking.Party]bool)
	for _, a := range r.View.Parties() {
		rating, _ := a.Number("rating")
		waited := r.Now.Sub(a.EnteredAt).Seconds()
		for _, b := range r.View.InRange("rating", rating-waited, rating+waited) {
			if a == b || taken[a] || taken[b] || b.EnteredAt.Before(a.EnteredAt) {
				continue
			}
			taken[a], taken[b] = true, true
			game := &matchmaking.NewGameInstance{GameServerZone: "eu"}
			game.AddParties([]*matchmaking.Party{a}, 0)
			game.AddParties([]*matchmaking.Party{b}, 1)
			proposals = append(proposals, matchmaking.Proposal{New: game, Quality: 0.75})
		}
	}
	return proposals, nil
}

func simulated(t *testing.T, o simulate.Options, arrivals ...simulate.Arrival) *simulate.Report {
	t.Helper()
	r, err := simulate.Run(t.Context(), o, arrivals)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
