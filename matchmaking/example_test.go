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

// rank is what the party plugin of this game says of a party.
type rank struct{ Rank int }

// ladder lets parties play whose ranks are close; the longer they wait, the less
// close they have to be.
type ladder struct{ matchmaking.Defaults }

func (ladder) MatchParties(_ context.Context, r *matchmaking.MatchPartiesRequest) (*matchmaking.NewGameInstance, error) {
	a, err := ext.As[rank](r.Anchor.Parties()[0].Ext)
	if err != nil {
		return nil, err
	}
	b, err := ext.As[rank](r.Other.Parties()[0].Ext)
	if err != nil {
		return nil, err
	}
	allowed := 10 + int(r.Now.Sub(r.Anchor.EnteredAt()).Seconds())
	if a.Rank-b.Rank > allowed || b.Rank-a.Rank > allowed {
		return nil, nil
	}
	game := new(matchmaking.NewGameInstance)
	game.AddParties(r.Anchor.Parties(), 0)
	game.AddParties(r.Other.Parties(), 1)
	return game, nil
}

// A plugin is tested on plain values.
func Example() {
	now := time.Now()
	waiting := func(id byte, points int) *matchmaking.Matchable {
		return matchmaking.NewMatchable(&matchmaking.Party{
			Players:   []*matchmaking.Player{{ID: pragma.PlayerID{id}}},
			Ext:       ext.Of(rank{Rank: points}),
			EnteredAt: now,
		})
	}
	r := &matchmaking.MatchPartiesRequest{Anchor: waiting(1, 100), Other: waiting(2, 130)}
	for _, seconds := range []int{0, 20} {
		r.Now = now.Add(time.Duration(seconds) * time.Second)
		game, err := ladder{}.MatchParties(context.Background(), r)
		fmt.Println("after", seconds, "seconds:", game != nil, err)
	}
	// Output:
	// after 0 seconds: false <nil>
	// after 20 seconds: true <nil>
}

// A game names its players by their parties.
func ExampleNewGameInstance() {
	party := &matchmaking.Party{Players: []*matchmaking.Player{{ID: pragma.PlayerID{1}}, {ID: pragma.PlayerID{2}}}}
	game := &matchmaking.NewGameInstance{GameServerZone: "eu"}
	game.AddParties([]*matchmaking.Party{party}, 0)
	game.SetTeamByPlayers(party.Players[1:], 1)
	for _, a := range game.Players() {
		fmt.Println("player", a.Player.ID[0], "on team", a.TeamNumber)
	}
	// Output:
	// player 1 on team 0
	// player 2 on team 1
}

func TestTheLadderIsSound(t *testing.T) {
	pragmatest.CheckPlugin[matchmaking.Plugin](t, ladder{})
}
