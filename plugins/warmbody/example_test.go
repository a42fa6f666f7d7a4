package warmbody_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/matchmaking"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/plugins/warmbody"
	"github.com/openpragma/engine/pragma"
)

// A queue for 2 v 2. The configuration may say otherwise.
func Example() {
	parties := &party.Service{}
	games := &gameinstance.Service{Parties: parties}
	queue := &matchmaking.Service{
		Plugin:  &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 2},
		Parties: parties,
		Games:   games,
	}
	srv := &pragma.Server{Game: []pragma.Service{parties, games, queue}}
	fmt.Println(len(srv.Game), "services; run them with srv.Run(ctx)")
	// Output: 3 services; run them with srv.Run(ctx)
}

// A plugin can be asked without a server.
func ExamplePlugin() {
	plugin := &warmbody.Plugin{NumberOfTeams: 2, PlayersPerTeam: 1}
	alone := func(id byte) *matchmaking.Matchable {
		return matchmaking.NewMatchable(&matchmaking.Party{
			Players:                  []*matchmaking.Player{{ID: pragma.PlayerID{id}}},
			PreferredGameServerZones: []string{"eu", "us"},
		})
	}
	game, err := plugin.MatchParties(context.Background(), &matchmaking.MatchPartiesRequest{Anchor: alone(1), Other: alone(2)})
	if err != nil {
		panic(err)
	}
	for _, a := range game.Players() {
		fmt.Println("player", a.Player.ID[0], "on team", a.TeamNumber, "in", game.GameServerZone)
	}
	// Output:
	// player 1 on team 0 in eu
	// player 2 on team 1 in eu
}
