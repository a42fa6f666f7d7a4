package matchmaking_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// arenas lets two single players of about the same rank play, the oldest first.
type arenas struct{ matchmaking.PoolDefaults }

// Describe says that parties are found by their rank.
func (arenas) Describe(_ context.Context, r *matchmaking.DescribeRequest) (*matchmaking.Attributes, error) {
	if len(r.Party.Players) > 1 {
		return nil, matchmaking.ErrPartyTooBig
	}
	e, err := ext.As[rank](r.Party.Ext)
	return &matchmaking.Attributes{Numbers: map[string]float64{"rank": float64(e.Rank)}}, err
}

// Propose looks for the first opponent of each party that nobody has yet.
func (arenas) Propose(_ context.Context, r *matchmaking.ProposeRequest) ([]matchmaking.Proposal, error) {
	var proposals []matchmaking.Proposal
	taken := make(map[*matchmaking.Party]bool)
	for _, a := range r.View.Parties() {
		rank, _ := a.Number("rank")
		for _, b := range r.View.InRange("rank", rank-10, rank+10) {
			if a == b || taken[a] || taken[b] {
				continue
			}
			taken[a], taken[b] = true, true
			game := new(matchmaking.NewGameInstance)
			game.AddParties([]*matchmaking.Party{a}, 0)
			game.AddParties([]*matchmaking.Party{b}, 1)
			proposals = append(proposals, matchmaking.Proposal{New: game, Quality: 1})
		}
	}
	return proposals, nil
}

// A pool plugin is tested on plain values too.
func ExamplePoolPlugin() {
	ctx, now := context.Background(), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var parties []*matchmaking.Party
	for i, points := range []int{100, 150, 104, 145} {
		parties = append(parties, &matchmaking.Party{
			TicketID:  pragma.TicketID{byte(i)},
			Players:   []*matchmaking.Player{{ID: pragma.PlayerID{byte(i)}}},
			Ext:       ext.Of(rank{Rank: points}),
			EnteredAt: now.Add(time.Duration(i) * time.Second),
		})
	}
	view, err := matchmaking.NewView(ctx, arenas{}, matchmaking.QueueKey{}, parties)
	if err != nil {
		panic(err)
	}
	proposals, err := arenas{}.Propose(ctx, &matchmaking.ProposeRequest{View: view, Full: true, Now: now})
	if err != nil {
		panic(err)
	}
	for i, refused := range view.Check(proposals) {
		players := proposals[i].New.Players()
		fmt.Println("player", players[0].Player.ID[0], "against", players[1].Player.ID[0], refused)
	}
	// Output:
	// player 0 against 2 <nil>
	// player 1 against 3 <nil>
}

func TestTheArenasAreSound(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.PoolPlugin](t, arenas{})
}
